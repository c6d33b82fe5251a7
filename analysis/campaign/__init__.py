"""The table of a campaign, and what it says."""
