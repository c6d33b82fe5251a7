"""Packets: built, sent and received many at a time."""
