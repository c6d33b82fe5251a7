"""The part `routing` of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from topologies.fields import Model, NonNegative, Positive


class Routing(Model):
    """Who fills the forwarding tables: the oracle (shortest delay over the links that stand) or daemons."""

    protocol: Literal["oracle", "ospf", "ospf+bfd"] = "oracle"
    ground_relay: bool = True  # False: no path passes through a ground node (Hypatia)
    # Of the oracle, which stays the measure of the daemons.
    interval_s: Positive = 1.0  # routes also follow slow change, this often
    destinations: Literal["all", "ground"] | list[str] = "all"  # to which nodes every node keeps a route
    drain_ms: NonNegative = 100.0  # routes leave a link this long before its planned end
    detection_ms: NonNegative = 100.0  # an unplanned failure is known to routing after this
    # Of the daemons.
    hello_s: Annotated[int, Field(ge=1, le=65_535)] = 10
    dead_s: Annotated[int, Field(ge=2, le=65_535)] = 40  # a silent neighbour is given up after this
    bfd_interval_ms: Annotated[int, Field(ge=10, le=10_000)] = 100
    bfd_multiplier: Annotated[int, Field(ge=1, le=255)] = 3  # given up after so many intervals

    @property
    def by_daemons(self) -> bool:
        return self.protocol != "oracle"
