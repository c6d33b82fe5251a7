"""Routing software: a module for each, with the functions of `Suite`."""

from emulator.suites import bird, custom, frr
from emulator.suites.suite import Process, Suite
from topologies.routing_model import Routing

__all__ = ["Process", "Suite", "of"]


_SUITES: dict[str, Suite] = {"bird": bird, "frr": frr, "custom": custom}


def of(rule: Routing) -> Suite | None:
    """The software that a scenario's routing runs; None where the oracle routes."""
    return _SUITES[rule.software] if rule.software else None
