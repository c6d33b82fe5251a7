"""What flows of all kinds have in common, and what those of some have; each kind has a model of its own, see
`topologies.model.kinds`.

A model tells when its flow is to send what: traffic keeps to it, and the verdict holds the run to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, inf
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field

from skybed.topologies.model.fields import Model, Name, NonNegative, Positive

ETHERNET_BYTES = 14  # netem counts the link header, not the frame check sequence
LONGEST_BYTES = ETHERNET_BYTES + 1500  # of a packet on a link
IP_BYTES, UDP_OR_ICMP_BYTES = {4: 20, 6: 40}, 8
HOPS, STAMP_HOPS = 64, 255  # that a packet may go: Linux's own limit; RFC 8762, section 4.2.1


SCRIPT = "script"  # the flow that measurements of a script are told as


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


FlowRate = Annotated[Positive, Field(le=10_000)]  # Mbit/s; no sender here is faster than that


class Flow(Model):
    """What goes on for a time in nodes."""

    OPEN: ClassVar[bool] = False  # whether it may have metrics that only the run itself tells
    LASTS: ClassVar[bool] = False  # whether what it began goes on after its stop

    NEEDS: ClassVar[Mapping[str, str]] = {}  # metrics that are measured only with a field, and that field

    kind: str
    name: Name | None = None  # None: kind-N
    start_s: NonNegative = 0.0
    stop_s: Positive | None = None  # None: the end of the run
    after: str | None = None  # instead of start_s: it begins when another flow has ended,
    plus_s: NonNegative = 0.0  # so much later

    @property
    def places(self) -> dict[str, str]:
        """The nodes that it is in, by the fields that name them."""
        raise NotImplementedError

    @property
    def routed(self) -> bool:
        """Whether it takes the routes between its places."""
        return True

    @property
    def ends(self) -> tuple[str, str]:
        """The nodes that it goes from and to; of what stays in one node that one, twice."""
        nodes = list(self.places.values())
        return nodes[0], nodes[-1]

    @property
    def awaits(self) -> list[str]:
        """The flows that it waits for, by their names: one process has it and them."""
        return [] if self.after is None else [self.after]

    @property
    def code(self) -> str:
        """What of the user's it runs, as that of a command line; "" if nothing."""
        return ""

    @property
    def title(self) -> str:
        """What people call a flow like this."""
        return f"{self.kind} flow"

    @property
    def ends_itself(self) -> bool:
        """Whether it may have done all that it is to do before its stop."""
        return False

    @property
    def unit(self) -> str | None:
        """What of it is counted as due and sent, if something else than its kind says."""
        return None

    def begun(self, start_s: float) -> Self:
        """The same, beginning at a run time that is known."""
        return self.model_copy(update={"start_s": start_s, "after": None, "plus_s": 0.0})

    def measures(self, metric: str) -> bool:
        """Whether a metric of its kind is measured of it; most are of all flows of the kind."""
        return metric not in self.NEEDS or getattr(self, self.NEEDS[metric]) is not None

    def window_s(self, until_s: float) -> tuple[float, float]:
        """When the flow starts and stops, in a run that is played until then."""
        stop_s = until_s if self.stop_s is None else min(self.stop_s, until_s)
        return self.start_s, max(stop_s, self.start_s)

    def over_s(self, until_s: float) -> float:
        """Until when something of it may go on, but for answers: its stop, if it leaves nothing behind."""
        return until_s if self.LASTS else self.window_s(until_s)[1]

    def length_s(self, until_s: float) -> float:
        """How long that is."""
        start_s, stop_s = self.window_s(until_s)
        return stop_s - start_s

    def every(self, period_ns: float, until_s: float, phase_ns: float = 0.0) -> Instants:
        """Instants of its window, of which the first comes phase_ns after its start."""
        start_s, stop_s = self.window_s(until_s)
        return Instants(round(start_s * 1e9) + round(phase_ns), period_ns, round(stop_s * 1e9))


class EndToEndFlow(Flow):
    """Goes from a node to another."""

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    family: Literal[4, 6] = 4

    @property
    def places(self) -> dict[str, str]:
        return {"from": self.source, "to": self.target}


# What analysis can hold a flow to follows from what its model is made of.


class PacketFlow(EndToEndFlow):
    """Sends packets of one size, at a rate."""

    size_bytes: int  # of the UDP or ICMP payload

    @property
    def wire_bytes(self) -> int:
        """That a packet occupies on a link, link header included."""
        return self.size_bytes + UDP_OR_ICMP_BYTES + IP_BYTES[self.family] + ETHERNET_BYTES

    @property
    def packets_s(self) -> float:
        """How many a second."""
        raise NotImplementedError


class ProbingFlow(PacketFlow):
    """Sends single packets that are answered, each a row of the table `probes`: every one of them is held to
    geometry.
    """

    protocol: str
    rate_hz: Annotated[Positive, Field(le=10_000)] = 10.0

    @property
    def packets_s(self) -> float:
        return self.rate_hz

    @property
    def hops(self) -> int:
        """How many links a probe, or its answer, may cross."""
        return HOPS


class LoadFlow(EndToEndFlow):
    """Fills links; the table `flows` counts what of it is sent and arrives."""

    NEEDS: ClassVar[Mapping[str, str]] = {"completion_s": "volume_mb"}

    bin_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0  # for each of them there is a row
    volume_mb: Positive | None = None  # of payload, in 10**6 bytes: then it ends; None: it ends at its stop

    @property
    def volume_bytes(self) -> int | None:
        return None if self.volume_mb is None else max(1, round(self.volume_mb * 1e6))

    @property
    def most_bytes(self) -> float:
        """What arrives of it at most; inf without a volume."""
        return inf if self.volume_bytes is None else self.volume_bytes

    @property
    def ends_itself(self) -> bool:
        return self.volume_mb is not None


class StreamFlow(PacketFlow, LoadFlow):
    """Sends packets at a constant rate: its losses are held to what the links lose."""

    rate_mbps: FlowRate

    @property
    def packets_s(self) -> float:
        return self.rate_mbps * 1e6 / (8 * self.size_bytes)


class ConnectingFlow(LoadFlow):
    """Connects before it sends, so that the network may keep it from sending."""

    @property
    def round_trips(self) -> int:
        """Of the far end, before the first byte is sent."""
        raise NotImplementedError

    @property
    def greedy(self) -> bool:
        """Whether it sends as fast as the network lets it, up to its stop."""
        return self.volume_mb is None
