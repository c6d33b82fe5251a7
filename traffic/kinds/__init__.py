"""The kinds of traffic."""
