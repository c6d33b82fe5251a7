"""The kinds of traffic: a module for each, with what `topologies.model.kinds.FlowKind` asks of it."""

from typing import TYPE_CHECKING

from skybed.topologies.model.kinds import FlowKind

if TYPE_CHECKING:
    from skybed.traffic.kinds import probe, tcp, trace, udp

    _KINDS: tuple[FlowKind, ...] = (probe, trace, udp, tcp)
