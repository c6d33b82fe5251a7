"""The part `faults` of a scenario."""

from __future__ import annotations

from typing import Literal

from topologies.fields import Model, NonNegative, Positive


class Fault(Model):
    """An unplanned outage of a link or of all links of a node: `carrier` lost, or a `silent` drop."""

    kind: Literal["carrier", "silent"]
    link: tuple[str, str] | None = None
    node: str | None = None  # exactly one of the two
    at_s: NonNegative
    for_s: Positive | None = None  # None: to the end
