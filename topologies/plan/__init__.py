"""The plan: all that the sky of a scenario does over time, stored, compared, exported."""
