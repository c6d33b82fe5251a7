"""Routing software: a module for each, with the functions of `Suite`."""

from emulator.suites import bird
from emulator.suites.suite import Process, Suite
from topologies.routing_model import Routing

__all__ = ["Process", "Suite", "of"]


def of(rule: Routing) -> Suite | None:
    """The software that a scenario's routing runs; None where the oracle routes."""
    return bird if rule.by_daemons else None
