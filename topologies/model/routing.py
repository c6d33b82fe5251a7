"""The part `routing` of a scenario."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from skybed.topologies.model.faults import Fault
from skybed.topologies.model.fields import LONGEST_S, Interval, Model, Name, Positive
from skybed.topologies.model.protocols import (
    BETWEEN_DOMAINS,
    PROTOCOLS,
    DaemonName,
    InnerName,
    ProtocolName,
    RoutingProtocol,
)

DRAIN_MS, PATH_DRAIN_MS = 100.0, 500.0  # by default


class Domain(Model):
    """Nodes with routing of their own: an autonomous system that BGP joins to the others.

    nodes: layer names, "ground" or names of nodes.
    """

    name: Name
    nodes: Annotated[list[str], Field(min_length=1)]
    protocol: InnerName | None = None  # within; None: routing.protocol
    anchor: str | None = None  # reflects the domain's BGP routes to its members; None: its first node
    transit: bool = True  # whether it carries packets from one other domain to another


def belongs(nodes: list[str], name: str, layer: str) -> bool:
    """Whether a list names a node itself, its layer or, of a node on the ground (layer ""), the ground."""
    return name in nodes or (layer or "ground") in nodes


Weight = Annotated[float, Field(ge=0, le=1e6)]


class Mixture(Model):
    """What it costs to cross a link: the sum of these weights, of each ms of delay, of how often the rate
    goes into routing.reference_mbps, and of each link.
    """

    delay_ms: Weight = 0.0
    rate: Weight = 0.0
    hops: Weight = 0.0


MetricName = Literal["delay", "rate", "hops"]
METRICS = {"delay": Mixture(delay_ms=1.0), "rate": Mixture(rate=1.0), "hops": Mixture(hops=1.0)}


def _metric_form(value: Any) -> str:
    """Which of both is meant, in the marks of `validation.BRANCH`."""
    return "<mixture>" if isinstance(value, dict | Mixture) else "<name>"


Metric = Annotated[
    Annotated[MetricName, Tag("<name>")] | Annotated[Mixture, Tag("<mixture>")], Discriminator(_metric_form)
]


class Copy(Model):
    """A copy of the schedule that some nodes hold, and how it is wrong."""

    nodes: Literal["all"] | list[str] = "all"  # names of nodes or layers, or `ground`
    along_track_km: Annotated[float, Field(ge=-5000, le=5000)] = 0.0  # so far ahead it takes satellites to be
    issued_s: float | None = None  # planned outages announced later are not in it; None: kept up to date

    def knows(self, fault: Fault) -> bool:
        announced = self.issued_s is None or fault.announced_s is None or fault.announced_s <= self.issued_s
        return fault.planned and announced


class Custom(Model):
    """A routing daemon of the user's. command, config, ready: Jinja2 templates, filled for each node."""

    command: Annotated[str, Field(min_length=1)]  # what runs, in the foreground; no shell
    config: str = ""  # its configuration; one line: the name of a file with it
    ready: str | None = None  # ends with exit code 0 as soon as the daemon answers
    memory_mb: Annotated[Positive, Field(le=100_000)] = 10  # of a node's, in the uml lane


Milliseconds = Annotated[float, Field(ge=0, le=LONGEST_S * 1000)]


class Routing(Model):
    """What fills the forwarding tables, and how it is set."""

    protocol: ProtocolName = "oracle"
    daemon: DaemonName | None = None  # None: the usual one
    custom: Custom | None = None
    ground_relay: bool = True  # False: no path passes through a ground node (Hypatia)
    metric: Metric = "delay"  # what ways are compared by
    reference_mbps: Positive = 100_000.0  # a link of this rate costs 1 by rate
    # Of the oracle and srv6; the oracle stays the measure of the daemons.
    interval_s: Interval = 1.0  # routes also follow slow change, this often
    destinations: Literal["all", "ground"] | list[str] = "all"  # to which nodes every node keeps a route
    drain_ms: Milliseconds | None = None  # routes leave a link this long before its planned end; see drain_s
    detection_ms: Milliseconds = 100.0  # an unplanned failure is known to routing after this
    copies: list[Copy] = []  # of the schedule; of two for a node the last one counts
    # Of the daemons.
    hello_s: Annotated[int, Field(ge=1, le=65_535)] = 10
    dead_s: Annotated[int, Field(ge=2, le=65_535)] = 40  # a silent neighbour is given up after this
    bfd_interval_ms: Annotated[int, Field(ge=10, le=10_000)] = 100
    bfd_multiplier: Annotated[int, Field(ge=1, le=255)] = 3  # given up after so many intervals
    ahead_s: Annotated[float, Field(ge=5, le=60)] = 60  # of run time 0 they start, in virtual time
    # Of domains, if there are any: then every node is in one.
    domains: list[Domain] = []
    sessions: Literal["links", "anchors"] = "links"  # between which nodes of two domains BGP speaks
    hold_s: Annotated[int, Field(ge=3, le=65_535)] = 90  # a silent BGP neighbour is given up after this

    @property
    def means(self) -> RoutingProtocol:
        """What routes the whole: the protocol, or where there are domains BGP between them."""
        return BETWEEN_DOMAINS if self.domains else PROTOCOLS[self.protocol]

    @property
    def weights(self) -> Mixture:
        """The metric, spelled out."""
        return METRICS[self.metric] if isinstance(self.metric, str) else self.metric

    @property
    def software(self) -> str | None:
        """That which runs in every node for the protocol; None where there are no daemons."""
        return self.daemon or next(iter(PROTOCOLS[self.protocol].software), None)

    @property
    def parts(self) -> list[Routing]:
        """The rules within each domain; without domains the one of the whole."""
        return [self.within(domain) for domain in self.domains] or [self]

    def within(self, domain: Domain) -> Routing:
        """What holds within a domain."""
        protocol = domain.protocol or self.protocol
        daemon = self.daemon if self.daemon in PROTOCOLS[protocol].software else None
        return self.model_copy(update={"protocol": protocol, "daemon": daemon, "domains": []})

    @property
    def drain_s(self) -> float:
        """Long enough for what is under way: to the next hop, or over a whole path."""
        usual_ms = PATH_DRAIN_MS if self.means.keeps_path else DRAIN_MS
        return (usual_ms if self.drain_ms is None else self.drain_ms) / 1000

    @property
    def title(self) -> str:
        """What routes, in a word or two."""
        within = sorted({domain.protocol or self.protocol for domain in self.domains})
        return f"{' and '.join(within)} with BGP between domains" if self.domains else self.protocol

    @property
    def isis_multiplier(self) -> int:
        """IS-IS has a multiplier of hello_s where OSPF has dead_s."""
        return math.ceil(self.dead_s / self.hello_s)
