"""Who forwards to whom: the oracle, schedules, segments, domains, and where packets then go."""
