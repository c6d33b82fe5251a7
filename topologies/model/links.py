"""The parts `links`, `access` and `fibre` of a scenario."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from skybed.topologies.model.code import Code, Written
from skybed.topologies.model.draws import Distribution, Draw
from skybed.topologies.model.fields import Interval, Model, NonNegative, Positive, Wait
from skybed.topologies.model.over_time import Amount, Course, Factor, Loss, Rule
from skybed.topologies.model.radio import Radio

PACKET_BYTES = 1500  # of the packets that queues are counted in


class Spike(Model):
    """What a reconfiguration does: so much more delay, one way, for a time, and so much loss meanwhile."""

    height_ms: Draw = 0.0
    width_ms: Draw = 0.0
    loss_pct: Draw = 0.0


class Slots(Model):
    """Reconfigurations at these seconds of each minute (UTC), as Starlink has them; each slot lasts until the
    next. rate_mbps: of a slot; no link is better than its class. All that is drawn is drawn for each slot.
    """

    at_s: Annotated[list[Annotated[float, Field(ge=0, lt=60)]], Field(min_length=1)] = [12, 27, 42, 57]
    spike: Spike = Spike()
    rate_mbps: Draw | None = None
    factor: Factor = 1.0  # of rate_mbps


JitterShape = Literal["uniform", "exponential", "normal", "pareto"]


class Capable(NamedTuple):
    """What a link is capable of in one direction. rate_mbps: None: what its radio gives."""

    rate_mbps: float | Course | None
    loss_pct: float | Course
    queue_packets: int
    extra_delay_ms: float | Course
    jitter_ms: float | Course
    jitter: JitterShape | Distribution
    slots: Slots | None
    radio: Radio | None


Queue = Annotated[int, Field(ge=1, le=100_000_000)]  # packets: more than any memory holds


class Way(Model):
    """What is different in one direction; None: as the class has it. rate_mbps: 0 where nothing goes."""

    rate_mbps: Amount | None = None
    loss_pct: Loss | None = None
    queue_packets: Queue | None = None
    extra_delay_ms: Amount | None = None
    jitter_ms: Amount | None = None
    jitter: JitterShape | Distribution | None = None
    slots: Slots | None = None
    radio: Radio | None = None


class LinkClass(Model):
    """What a link of a class is capable of, each way but for `up` and `down`.

    up: from the node that an access rule gives links to the satellite, such as from a station; for other
    links from a to b as the scenario names them, or by the order of nodes where it does not.
    jitter_ms: by how much a packet is later than the delay, on average; jitter: how that is distributed, see
    contacts.jitter. Packets keep their order. The rate is the least of what rate_mbps, slots and radio give;
    optical: and 0 while a cloud is in the way.
    """

    rate_mbps: Amount | None = None  # not needed where there is a radio
    loss_pct: Loss = 0.0
    setup_s: Wait | tuple[Wait, Wait] = 0.0  # a pair is uniform between the two
    max_range_km: Positive | None = None
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] | None = None
    queue_packets: Queue = 1000  # beyond the packets in flight
    fixed_delay_ms: Annotated[float, Field(ge=0, le=60_000)] = (
        0.0  # medium access, processing; added to the geometric delay
    )
    extra_delay_ms: Amount = 0.0  # added to both, and to be another in each direction and over time
    jitter_ms: Amount = 0.0
    jitter: JitterShape | Distribution = "normal"
    slots: Slots | None = None
    radio: Radio | None = None
    optical: bool = False
    up: Way = Way()
    down: Way = Way()

    def capable(self, up: bool) -> Capable:
        """Of a link of this class, up or down."""
        own = self.up if up else self.down
        given = (getattr(own, name) for name in Capable._fields)
        usual = (getattr(self, name) for name in Capable._fields)
        return Capable(*(u if g is None else g for g, u in zip(given, usual, strict=True)))

    def scaled(self, factor: float) -> LinkClass:
        """The same with other rates, in all directions."""
        ways = {name: way.model_copy(update=_scaled(way, factor)) for name, way in self.ways.items()}
        return self.model_copy(update={**_scaled(self, factor), **ways})

    @property
    def written(self) -> list[tuple[tuple[str, ...], Code]]:
        """The functions of the user's own that give values, and where in the class they stand."""
        parts: list[tuple[tuple[str, ...], LinkClass | Way]] = [((), self)]
        parts += [((name,), way) for name, way in self.ways.items()]
        fields = [((*path, name), getattr(part, name)) for path, part in parts for name in Way.model_fields]
        return [(path, value.python) for path, value in fields if isinstance(value, Rule)]

    @property
    def two_ways(self) -> bool:
        """Whether its directions are not alike."""
        return self.up != self.down

    @property
    def ways(self) -> dict[str, Way]:
        return {"up": self.up, "down": self.down}


def _scaled(part: LinkClass | Way, factor: float) -> dict[str, Any]:
    """Its rates, as they are with a factor."""
    changed: dict[str, Any] = {}
    if part.rate_mbps is not None:
        rate = part.rate_mbps
        changed["rate_mbps"] = rate.scaled(factor) if isinstance(rate, Course) else rate * factor
    if part.slots and part.slots.rate_mbps is not None:
        changed["slots"] = part.slots.model_copy(update={"factor": part.slots.factor * factor})
    if part.radio:
        changed["radio"] = part.radio.model_copy(update={"factor": part.radio.factor * factor})
    return changed


Terminals = Annotated[int, Field(ge=1, le=10_000)]
PolicyName = Literal[
    "all", "nearest", "highest", "strongest", "least-loaded", "longest", "keep", "slots", "shuffle"
]


class Access(Model):
    """How nodes of `source` choose satellites of `target`.

    source: "ground" (every station with an antenna), a list of station names, or a layer name.
    target: a layer, or a list of layers.
    policy: `all` in view; `nearest`; `highest`; `strongest`: of the greatest C/N; `least-loaded`: of the
    fewest links; `longest` remaining visibility; `keep` until out of view, then nearest; `slots`: nearest,
    decided only at multiples of slot_s; `shuffle`: at each of these another one, at random; or a function of
    the user's, see contacts.policy.
    gateways: stations of which one must see the satellite too; `nearest` is then by the sum of both ranges.
    terminals > links lets a handover make the new link before it breaks the old one.
    """

    source: Annotated[str | list[str], Field(alias="from")]
    target: Annotated[str | Annotated[list[str], Field(min_length=1)], Field(alias="to")]
    link: str
    policy: PolicyName | Written = "nearest"
    gateways: list[str] = []
    # Each of the two, where it is None, is the link class's; all that are given hold.
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] | None = None  # ground only
    max_range_km: Positive | None = None
    grazing_altitude_km: NonNegative = 80.0  # space to space
    links: Terminals = 1  # active at a time, per source node
    terminals: Terminals = 2  # per source node
    target_terminals: Terminals | None = None  # per satellite of the target layer
    hysteresis_km: NonNegative = 0.0  # a nearer satellite must be nearer by this much
    hysteresis_deg: NonNegative = 0.0  # of `highest`: a higher one must be higher by this much
    hysteresis_db: NonNegative = 0.0  # of `strongest`: a better one must be better by this much
    # How often `nearest` looks, which then refines the instant, and how often other policies are asked.
    decision_s: Interval = 1.0
    slot_s: Interval = 15.0

    @property
    def looks_ahead(self) -> bool:
        """Whether what it decides depends on when satellites in view will set."""
        return self.policy == "longest" or isinstance(self.policy, Code)

    @property
    def targets(self) -> list[str]:
        """The layers whose satellites may be chosen."""
        return self.target if isinstance(self.target, list) else [self.target]


class Fibre(Model):
    """A terrestrial link: great circle x 1.4 at 0.68 c."""

    a: str
    b: str
    link: str = "fibre-10g"
