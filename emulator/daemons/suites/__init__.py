"""Routing software: a module for each, with the functions of `Suite`. It is found by its name, that of the
software in topologies/model/protocols.py.
"""

import importlib
from typing import cast

from skybed.emulator.daemons.suites.suite import Process, Suite, Unfit
from skybed.topologies.model.protocols import BETWEEN_DOMAINS
from skybed.topologies.model.routing import Routing

__all__ = ["Process", "Suite", "Unfit", "of"]


def of(rule: Routing, bgp: bool) -> list[Suite]:
    """The software of a node: of its protocol, if it has any, and of BGP if it speaks that with domains."""
    names = dict.fromkeys([*filter(None, [rule.software]), *(BETWEEN_DOMAINS.software if bgp else ())])
    return [cast(Suite, importlib.import_module(f"{__name__}.{name}")) for name in names]
