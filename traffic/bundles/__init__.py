"""Bundles: agents of the Bundle Protocol (RFC 9171) in nodes, and what they speak."""
