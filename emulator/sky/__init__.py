"""Nodes, links and the network of them, and what plays a plan on it."""
