"""What the sky looks like: scenarios, orbits, contacts, routes. Pure: no root, no kernel, no sockets."""

from topologies.scenario import Scenario

__all__ = ["Scenario"]
