"""The part `traffic` of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skybed.topologies.model.fields import Model, Name, NonNegative, Positive

HOPS, STAMP_HOPS = 64, 255  # that a packet may go: Linux's own limit; RFC 8762, section 4.2.1


class Flow(Model):
    name: Name | None = None  # None: kind-N
    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    start_s: NonNegative = 0.0
    stop_s: Positive | None = None  # None: the end of the run
    family: Literal[4, 6] = 4


class ProbeFlow(Flow):
    """RTT, loss, reordering; with `stamp` (RFC 8762) one-way delay too; `echo` is ICMP."""

    kind: Literal["probe"]
    protocol: Literal["stamp", "echo"] = "stamp"
    rate_hz: Annotated[float, Field(gt=0, le=10_000)] = 10.0
    size_bytes: Annotated[int, Field(ge=44, le=1400)] = 64  # of the UDP or ICMP payload

    @property
    def hops(self) -> int:
        """How many links a probe, or its answer, may cross."""
        return STAMP_HOPS if self.protocol == "stamp" else HOPS


class TraceFlow(Flow):
    """Path proof by TTL: which nodes a packet really crossed."""

    kind: Literal["trace"]
    every_s: Positive = 1.0
    max_ttl: Annotated[int, Field(ge=1, le=64)] = 32


class UdpFlow(Flow):
    kind: Literal["udp"]
    rate_mbps: Positive
    size_bytes: Annotated[int, Field(ge=64, le=1472)] = 1200  # UDP payload


class TcpFlow(Flow):
    kind: Literal["tcp"]  # iperf3
    congestion: str = "cubic"
    rate_mbps: Positive | None = None
    streams: Annotated[int, Field(ge=1, le=32)] = 1


AnyFlow = Annotated[ProbeFlow | TraceFlow | UdpFlow | TcpFlow, Field(discriminator="kind")]
