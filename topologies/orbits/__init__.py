"""Where satellites and stations are: element sets, constellations, positions over time."""
