"""The scenario: one declarative YAML file, validated field by field.

Every field has its unit in its name. `Scenario.load` is the way in; its errors name the file,
the line and the field, and say what would be right.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import catalogue
from skybed.topologies.model.closest import hint
from skybed.topologies.model.faults import Fault
from skybed.topologies.model.fields import Model, Name, NonNegative, Positive, Title
from skybed.topologies.model.flows import AnyFlow
from skybed.topologies.model.routing import Routing
from skybed.topologies.model.yamlmarks import line_of

LONGEST_S = 30 * 86_400.0  # elements of one epoch are of no use for longer
BOUND_US, VIRTUAL_BOUND_US = 50.0, 1.0  # of applied delays; what a busy machine can keep, what a test can see

UNPLANNED = ("name", "about", "traffic", "fidelity", "accept")  # what no plan depends on

# -- space ---------------------------------------------------------------------------------------


class Walker(Model):
    """A Walker constellation i:T/P/F.

    Convention: plane p has right ascension raan0 + p * span / planes (span 360 deg for `delta`, 180 for
    `star`), slot s of plane p has mean anomaly 360 s / per_plane + 360 F p / T, T = planes * per_plane.
    `phasing: half-slot` shifts the odd planes by half a slot instead (Hypatia).
    """

    planes: Annotated[int, Field(ge=1, le=500)]
    per_plane: Annotated[int, Field(ge=1, le=500)]
    inclination_deg: Annotated[float, Field(ge=0, le=180)]
    altitude_km: Annotated[float, Field(ge=100, le=50_000)] | None = None
    mean_motion_rev_day: Annotated[float, Field(gt=0, lt=17)] | None = None  # one of these two
    pattern: Literal["delta", "star"] = "delta"
    phasing: float | Literal["half-slot"] = 0.0
    eccentricity: Annotated[float, Field(ge=0, lt=1)] = 1e-7
    raan0_deg: float = 0.0
    mean_anomaly0_deg: float = 0.0


class Geostationary(Model):
    longitudes_deg: Annotated[list[Annotated[float, Field(ge=-180, le=360)]], Field(min_length=1)]


class Isl(Model):
    """Inter-satellite links within a layer."""

    pattern: Literal["grid", "ring", "none"] = "grid"
    link: str = "laser-isl"
    seam: bool = True  # links between the last plane and the first
    polar_cutoff_deg: Annotated[float, Field(gt=0, le=90)] | None = None  # inter-plane links off above it
    max_range_km: Positive | None = None  # None: the link class's
    grazing_altitude_km: NonNegative = 80.0


class Layer(Model):
    role: Literal["relay", "communication", "remote-sensing", "computing"] = "communication"
    walker: Walker | None = None
    # OMM (JSON, CSV, XML) or TLE: a file, relative to the scenario file, or its text (more than one line).
    elements: str | None = None
    geostationary: Geostationary | None = None  # exactly one of the three
    # Template of {layer}, {n} (number in the layer, from 0), {plane}, {slot}; elements: {name}, {id} (NORAD).
    # None: {layer}-{plane}-{slot} for a walker, {layer}-{n} for geostationary, {name} for elements.
    names: str | None = None
    isl: Isl = Isl(pattern="none")


# -- ground --------------------------------------------------------------------------------------


class Station(Model):
    """A ground node. `antenna: false` is a site with terrestrial links only, such as a data centre."""

    name: Name
    lat_deg: Annotated[float, Field(ge=-90, le=90)]
    lon_deg: Annotated[float, Field(ge=-180, le=360)]
    alt_m: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    antenna: bool = True


def _from_catalogue(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in catalogue.STATIONS:
        raise ValueError(f"is not a station of the catalogue{hint(value, catalogue.STATIONS)}")
    return {"name": value, **catalogue.STATIONS[value]}


class Access(Model):
    """How nodes of `source` choose satellites of `target`.

    source: "ground" (every station with an antenna), a list of station names, or a layer name.
    policy: `all` in view; `nearest`; `longest` remaining visibility; `keep` until out of view, then
    nearest; `slots`: nearest, decided only at multiples of slot_s.
    terminals > links lets a handover make the new link before it breaks the old one.
    """

    source: Annotated[str | list[str], Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    link: str
    policy: Literal["all", "nearest", "longest", "keep", "slots"] = "nearest"
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] | None = (
        None  # ground only; None: the link class's
    )
    max_range_km: Positive | None = None  # replaces the elevation rule where given on a ground access
    grazing_altitude_km: NonNegative = 80.0  # space to space
    links: Annotated[int, Field(ge=1)] = 1  # active at a time, per source node
    terminals: Annotated[int, Field(ge=1)] = 2  # per source node
    target_terminals: Annotated[int, Field(ge=1)] | None = None  # per satellite of the target layer
    hysteresis_km: NonNegative = 0.0  # a nearer satellite must be nearer by this much
    decision_s: Positive = 1.0  # how often `nearest` looks; the instant itself is refined
    slot_s: Positive = 15.0


class Fibre(Model):
    """A terrestrial link: great circle x 1.4 at 0.68 c."""

    a: str
    b: str
    link: str = "fibre-10g"


class LinkClass(Model):
    """What a link of a class is capable of, each way."""

    rate_mbps: Positive
    loss_pct: Annotated[float, Field(ge=0, le=100)] = 0.0
    setup_s: NonNegative | tuple[NonNegative, NonNegative] = 0.0  # a pair is uniform between the two
    max_range_km: Positive | None = None
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] | None = None
    queue_packets: Annotated[int, Field(ge=1)] = 1000  # beyond the packets in flight
    fixed_delay_ms: NonNegative = 0.0  # medium access, processing; added to the geometric delay


# -- what happens --------------------------------------------------------------------------------


class Fidelity(Model):
    """Beyond these the emulation was distorted and the run is invalid."""

    rtt_error_p50_us: Positive = 300.0
    rtt_error_p99_us: Positive = 1000.0
    late_ms: Positive = 10.0
    late_pct: Annotated[float, Field(ge=0, le=100)] = 1.0
    missing_pct: Annotated[float, Field(ge=0, le=100)] = 1.0  # of what a flow was to send, and did not


class Limit(Model):
    """An acceptance limit on a flow's metric; beyond it the run fails."""

    flow: str
    metric: Literal[
        "loss_pct",
        "reordered_pct",
        "rtt_p50_ms",
        "rtt_p99_ms",
        "owd_p50_ms",
        "owd_p99_ms",
        "outage_s",
        "convergence_s",
        "expired",
        "path_stretch_p50",
        "path_stretch_p99",
        "path_stretch_pct",
        "throughput_mbps",
    ]
    min: float | None = None
    max: float | None = None


def _utc(epoch: dt.datetime) -> dt.datetime:
    return epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)


Utc = Annotated[dt.datetime, AfterValidator(_utc)]  # UTC, also when no time zone is given


class Scenario(Model):
    """The whole of it. What is not given in the file has the value given here."""

    name: Title
    about: str = ""
    epoch: Utc  # of the elements that the layers give; the run begins then, too, but for:
    start: Utc | None = None
    duration_s: Annotated[float, Field(gt=0, le=LONGEST_S)]
    seed: int = 1
    rate_scale: Annotated[float, Field(gt=0, le=1)] = 1.0  # k: multiplies every link rate
    delay_bound_us: Positive | None = None  # see bound_us
    layers: Annotated[dict[Name, Layer], Field(min_length=1)]
    stations: list[
        Annotated[Station, BeforeValidator(_from_catalogue)]
    ] = []  # a plain string: one of the catalogue
    links: dict[Name, LinkClass] = {}  # added to, or replacing, those of the catalogue
    access: list[Access] = []
    fibre: list[Fibre] = []
    routing: Routing = Routing()
    traffic: list[AnyFlow] = []
    faults: list[Fault] = []
    fidelity: Fidelity = Fidelity()
    accept: list[Limit] = []

    _file: str = PrivateAttr("scenario")
    _lines: dict[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Scenario:
        """The scenario in a YAML file, checked as far as it can be without computing orbits.

        Element files that it names are read into it. Raises ScenarioError: one sentence per problem, each
        with the file, the line and the field.
        """
        from skybed.topologies.scenario import (
            loader,  # it builds Scenarios, so it cannot be imported before they are defined
        )

        return loader.load(pathlib.Path(path))

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Scenario:
        """The same with other values, by path as in a campaign; checked as a file is.

        scenario.with_({"access[0].policy": "keep", "traffic[down].rate_hz": 20}, duration_s=60)
        """
        from skybed.topologies.scenario import loader, overrides  # they build Scenarios

        given = {at: (0, value) for at, value in {**(changes or {}), **fields}.items()}
        file = f"{self._file} with {', '.join(given)}" if given else self._file
        data, marks = overrides.changed(self._plain(), given, 0, file)
        scenario = loader.check(data, marks, file, pathlib.Path(self._file).parent)
        scenario._lines = {}  # of no file
        return scenario

    def dump(self) -> str:
        """YAML that loads to an equal scenario, complete in itself: with defaults and texts of elements."""
        return yaml.dump(
            self._plain(), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110
        )

    @property
    def begin(self) -> dt.datetime:
        """Run time 0, UTC."""
        return self.start or self.epoch

    @property
    def bound_us(self) -> float:
        """By how much the one-way delay in force on a link may be off the true one."""
        return self.delay_bound_us or BOUND_US

    def in_virtual_time(self) -> Scenario:
        """The same with what virtual time does for nothing: delays that follow the orbits more closely."""
        bound_us = self.delay_bound_us or VIRTUAL_BOUND_US
        return self.model_copy(update={"delay_bound_us": bound_us})

    @property
    def sha256(self) -> str:
        """Of the content: comments, layout, defaults left out, the place of element files do not matter."""
        return hashlib.sha256(json.dumps(self._plain(), sort_keys=True).encode()).hexdigest()

    @property
    def plan_sha256(self) -> str:
        """Of what a plan depends on: scenarios with the same differ in traffic and in what is good enough."""
        plain = {name: value for name, value in self._plain().items() if name not in UNPLANNED}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def link_class(self, name: str) -> LinkClass:
        """A link class of the scenario, or else of the catalogue, with its rate scaled by `rate_scale`."""
        if name in self.links:
            link = self.links[name]
        elif name in catalogue.LINKS:
            link = LinkClass(**catalogue.LINKS[name])
        else:
            raise ScenarioError(f"{self._file}: there is no link class {name}{hint(name, self.link_names)}.")
        return link.model_copy(update={"rate_mbps": link.rate_mbps * self.rate_scale})

    @property
    def link_names(self) -> set[str]:
        """Names of all link classes that this scenario may use."""
        return {*self.links, *catalogue.LINKS}

    def where(self, *path: str | int) -> str:
        """Beginning of an error message about a field: "FILE, line N: layers.relay.isl"."""
        line = f", line {line_of(self._lines, path)}" if self._lines else ""
        return f"{self._file}{line}: {dotted(path)}"

    def _plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def __eq__(self, other: object) -> bool:  # the file it came from does not matter
        return isinstance(other, Scenario) and self._plain() == other._plain()


def dotted(path: tuple[str | int, ...]) -> str:
    """A path in the file as one reads it: traffic[0].rate_hz; list items count from 0."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
