"""The part `traffic` of a scenario, and when each flow is to send what: traffic keeps to it, and the verdict
holds the run to it.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from skybed.topologies.model.fields import Model, Name, NonNegative, Positive

HOPS, STAMP_HOPS = 64, 255  # that a packet may go: Linux's own limit; RFC 8762, section 4.2.1
TICK_NS = 1_000_000  # a udp flow looks no more often how many packets are due
TCP_TAIL_S = 3.0  # how long iperf3 may go on after its flow's stop: it shakes hands before it sends


class Instants(NamedTuple):
    """Times at which something is to be done: first_ns + k period_ns, in whole ns, for k = 0, 1, ... before
    end_ns. Of run time, or of any other clock.
    """

    first_ns: int
    period_ns: float
    end_ns: int

    def at_ns(self, k: int) -> int:
        return self.first_ns + round(k * self.period_ns)

    @property
    def total(self) -> int:
        """How many there are."""
        k = max(0, ceil((self.end_ns - self.first_ns) / self.period_ns))
        while k and self.at_ns(k - 1) >= self.end_ns:  # rounded up to it
            k -= 1
        return k + (self.at_ns(k) < self.end_ns)


class Flow(Model):
    name: Name | None = None  # None: kind-N
    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    start_s: NonNegative = 0.0
    stop_s: Positive | None = None  # None: the end of the run
    family: Literal[4, 6] = 4

    def window_s(self, until_s: float) -> tuple[float, float]:
        """When the flow starts and stops, in a run that is played until then."""
        stop_s = until_s if self.stop_s is None else min(self.stop_s, until_s)
        return self.start_s, max(stop_s, self.start_s)

    def _every(self, period_ns: float, phase_ns: float, until_s: float) -> Instants:
        start_s, stop_s = self.window_s(until_s)
        return Instants(round(start_s * 1e9) + round(phase_ns), period_ns, round(stop_s * 1e9))


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

    def instants(self, until_s: float, place: int, of: int) -> Instants:
        """When its probes are due in run time. place, of: from 0 among so many probe flows.

        Flows of one rate would all send at once and wait for one another; a phase of its own for each
        (RFC 3432 section 4.2) spreads them over the period.
        """
        period_ns = 1e9 / self.rate_hz
        return self._every(period_ns, period_ns * place / of, until_s)


class TraceFlow(Flow):
    """Path proof by TTL: which nodes a packet really crossed."""

    kind: Literal["trace"]
    every_s: Positive = 1.0
    max_ttl: Annotated[int, Field(ge=1, le=64)] = 32

    def instants(self, until_s: float, place: int, of: int) -> Instants:
        """When its rounds are due in run time. place, of: from 0 among so many trace flows.

        Not on whole seconds, when the oracle looks at its routes: a round would see both.
        """
        period_ns = self.every_s * 1e9
        return self._every(period_ns, min(period_ns, 1e9) * (place + 0.5) / of, until_s)


class UdpFlow(Flow):
    kind: Literal["udp"]
    rate_mbps: Positive
    size_bytes: Annotated[int, Field(ge=64, le=1472)] = 1200  # UDP payload

    @property
    def gap_ns(self) -> float:
        """From one packet to the next."""
        return self.size_bytes * 8 * 1000 / self.rate_mbps

    def instants(self, until_s: float) -> Instants:
        """When to send what is due by then, in run time."""
        return self._every(max(TICK_NS, self.gap_ns), 0.0, until_s)

    def due_by(self, elapsed_ns: int) -> int:
        """How many packets are due that much after its start."""
        return int(elapsed_ns / self.gap_ns) + 1


class TcpFlow(Flow):
    kind: Literal["tcp"]  # iperf3
    congestion: str = "cubic"
    rate_mbps: Positive | None = None
    streams: Annotated[int, Field(ge=1, le=32)] = 1

    def seconds(self, until_s: float) -> int:
        """For how long iperf3 is told to send: it takes whole seconds."""
        start_s, stop_s = self.window_s(until_s)
        return max(1, int(stop_s - start_s))


AnyFlow = Annotated[ProbeFlow | TraceFlow | UdpFlow | TcpFlow, Field(discriminator="kind")]
