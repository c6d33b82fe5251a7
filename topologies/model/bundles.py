"""A flow of bundles: what is stored and carried where there is no way yet."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from skybed.topologies.arrays import Array
from skybed.topologies.model.fields import NonNegative, Positive
from skybed.topologies.model.flows import Flow, Instants

WHEN = ("at_s", "every_s", "rate_hz")
DAY_S = 86_400.0
DATAGRAM_BYTES = 65_000  # of payload


class BundleFlow(Flow):
    """Bundles of one size from a node to another. At most one of WHEN tells when they are created; without,
    one is at start_s.

    routing: cgr: by contact graph routing over the contacts of the plan; epidemic: to every node that is met;
    direct: from the source to the destination only.
    """

    LASTS: ClassVar[bool] = True

    kind: Literal["bundles"]
    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    size_bytes: Annotated[int, Field(ge=1, le=1_000_000_000)] = 10_000  # of the payload
    at_s: list[NonNegative] | None = None
    every_s: Annotated[float, Field(ge=0.001)] | None = None
    rate_hz: Annotated[Positive, Field(le=1000)] | None = None
    lifetime_s: Annotated[float, Field(ge=0.001)] = DAY_S
    priority: Annotated[int, Field(ge=0, le=9)] = 0  # higher goes first
    report: Literal["none", "delivery", "all"] = "none"  # which status reports go back to the source
    routing: Literal["cgr", "epidemic", "direct"] = "cgr"
    layer: Literal["tcp", "mtcp", "udp"] = "tcp"  # the convergence layer, on all contacts

    @property
    def places(self) -> dict[str, str]:
        return {"from": self.source, "to": self.target}

    @property
    def routed(self) -> bool:
        return False

    @property
    def title(self) -> str:
        return "flow of bundles"

    def measures(self, metric: str) -> bool:
        return metric != "handovers"

    def instants(self, until_s: float) -> Instants:
        """Of those that are created again and again."""
        period_s = self.every_s or (1 / self.rate_hz if self.rate_hz else self.length_s(until_s) + 1)
        return self.every(period_s * 1e9, until_s)

    def times_s(self, until_s: float) -> Array:
        """When they are created, ascending."""
        start_s, stop_s = self.window_s(until_s)
        if self.at_s is not None:
            times_s = np.sort(np.array(self.at_s, float))
            return times_s[(times_s >= start_s) & (times_s < stop_s)]
        instants = self.instants(until_s)
        return np.array([instants.at_ns(k) for k in range(instants.total)]) / 1e9

    @model_validator(mode="after")
    def _goes_together(self) -> BundleFlow:
        given = [field for field in WHEN if getattr(self, field) is not None]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; give one of them")
        if self.layer == "udp" and self.routing == "epidemic" and self.size_bytes > DATAGRAM_BYTES:
            raise ValueError(
                f"has size_bytes {self.size_bytes}; an epidemic bundle is not cut, and a datagram has room "
                f"for {DATAGRAM_BYTES}: let it be less, or layer tcp"
            )
        return self
