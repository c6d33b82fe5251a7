"""Routing daemons in nodes."""
