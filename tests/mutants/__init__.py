"""Mutants: what the tests would not notice if it were wrong. See docs/testing.md."""
