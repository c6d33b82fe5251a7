"""Routing software: a module for each, with the functions of `Suite`."""

from skybed.emulator.daemons.suites import bird, custom, frr
from skybed.emulator.daemons.suites.suite import Process, Suite
from skybed.topologies.model.routing import Routing

__all__ = ["Process", "Suite", "of"]


_SUITES: dict[str, Suite] = {"bird": bird, "frr": frr, "custom": custom}


def of(rule: Routing, bgp: bool) -> list[Suite]:
    """The software of a node: that of its protocol, if it has any, and BIRD if it speaks BGP with domains."""
    inner = [_SUITES[rule.software]] if rule.software else []
    return [*inner, *([bird] if bgp and bird not in inner else [])]
