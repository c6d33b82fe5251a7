"""The scenario: all that one declarative YAML file may say, field by field.

Every field has its unit in its name. Files are read and checked by topologies.scenario.file, whose `Scenario`
is this model and the way in.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import catalogue
from skybed.topologies.model.carried import Carried
from skybed.topologies.model.closest import hint
from skybed.topologies.model.code import Code
from skybed.topologies.model.faults import Fault
from skybed.topologies.model.fields import LONGEST_S, Model, Name, Positive, Title, Utc
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.ground import Station, from_catalogue
from skybed.topologies.model.kinds import AnyFlow
from skybed.topologies.model.links import Access, Fibre, LinkClass
from skybed.topologies.model.metrics import MetricName
from skybed.topologies.model.routing import Routing
from skybed.topologies.model.space import Between, Lasers, Layer
from skybed.topologies.model.tasks import Task
from skybed.topologies.model.weather import Weather
from skybed.topologies.model.yamlmarks import FieldPath, dotted, line_of

BOUND_US, VIRTUAL_BOUND_US = 50.0, 1.0  # of applied delays; what a busy machine can keep, what a test can see


MOST_FLOWS = 1000  # each of traffic and tasks: every one has sockets, tables and figures of its own


class Fidelity(Model):
    """Beyond these the emulation was distorted and the run is invalid."""

    rtt_error_p50_us: Positive = 300.0
    rtt_error_p99_us: Positive = 1000.0
    late_ms: Positive = 10.0
    late_pct: Annotated[float, Field(ge=0, le=100)] = 1.0
    rate_pct: Annotated[float, Field(ge=0, le=100)] = 3.0  # by which what a stream carried is off its links
    missing_pct: Annotated[float, Field(ge=0, le=100)] = 1.0  # of what a flow was to send, and did not


class Limit(Model):
    """An acceptance limit on a metric of a flow or a task; beyond it the run fails."""

    _word: str = PrivateAttr("flow")  # by which of its names the flow is given
    flow: Annotated[str, Field(validation_alias=AliasChoices("flow", "task"))]
    metric: MetricName  # of METRICS, or one that a program prints
    min: float | None = None
    max: float | None = None

    @property
    def word(self) -> str:
        return self._word

    @model_validator(mode="wrap")
    @classmethod
    def _as_written(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, dict) and "flow" in value and "task" in value:
            raise ValueError("has flow and task; give flow or task, not both")
        if isinstance(value, dict) and "flow" not in value and "task" not in value:
            handler({**value, "flow": ""})  # what is wrong with its other fields comes first
            raise ValueError("names nothing; say flow or task")
        limit = handler(value)
        if isinstance(value, dict) and "flow" not in value:
            limit._word = "task"
        return limit


class ScenarioModel(Model):
    """The whole of it. What is not given in the file has the value given here."""

    name: Title
    about: str = ""
    epoch: Utc  # of the elements that the layers give; the run begins then, too, but for:
    start: Utc | None = None
    duration_s: Annotated[Positive, Field(le=LONGEST_S)]
    seed: Annotated[int, Field(ge=0)] = 1
    rate_scale: Annotated[Positive, Field(le=1)] = 1.0  # k: multiplies every link rate
    delay_bound_us: Annotated[float, Field(ge=0.01)] | None = None  # see bound_us; light goes 3 m in 0.01
    layers: Annotated[dict[Name, Layer], Field(min_length=1)]
    stations: list[
        Annotated[Station, BeforeValidator(from_catalogue)]
    ] = []  # a plain string: one of the catalogue
    links: dict[Name, LinkClass] = {}  # added to, or replacing, those of the catalogue
    between: list[Between] = []
    access: list[Access] = []
    fibre: list[Fibre] = []
    routing: Routing = Routing()
    traffic: Annotated[list[AnyFlow], Field(max_length=MOST_FLOWS)] = []
    tasks: Annotated[list[Task], Field(max_length=MOST_FLOWS)] = []
    faults: list[Fault] = []
    weather: list[Weather] = []
    capture: list[tuple[str, str]] = []  # links as [node, peer]: what the node sends and hears
    fidelity: Fidelity = Fidelity()
    accept: list[Limit] = []

    _file: str = PrivateAttr("scenario")
    _virtual: bool = PrivateAttr(False)
    _lines: dict[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    @property
    def begin(self) -> dt.datetime:
        """Run time 0, UTC."""
        return self.start or self.epoch

    @property
    def flows(self) -> list[Flow]:
        """All that goes on in nodes."""
        return [*self.traffic, *self.tasks]

    @property
    def flow_paths(self) -> list[tuple[FieldPath, Flow]]:
        """The same, with where each stands."""
        return [
            *((("traffic", i), flow) for i, flow in enumerate(self.traffic)),
            *((("tasks", i), task) for i, task in enumerate(self.tasks)),
        ]

    @property
    def bound_us(self) -> float:
        """By how much the one-way delay in force on a link may be off the true one."""
        return self.delay_bound_us or BOUND_US

    @property
    def lasers(self) -> list[tuple[FieldPath, Lasers]]:
        """The rules of links among satellites, and where they stand."""
        within = [(("layers", name, "isl"), layer.isl) for name, layer in self.layers.items()]
        return [*within, *((("between", i), rule) for i, rule in enumerate(self.between))]

    @property
    def code(self) -> dict[str, str]:
        """What of the scenario's own is run, by what it is for: functions, by whoever plans it, and command
        lines, by root of the lane.
        """
        written: list[tuple[FieldPath, object]] = [(path, rule.python) for path, rule in self.lasers]
        written += [(("access", n), rule.policy) for n, rule in enumerate(self.access)]
        for name, link in self.links.items():
            written += [(("links", name, *path), code) for path, code in link.written]
        functions = {
            dotted(path): f"{code}, as you, to plan" for path, code in written if isinstance(code, Code)
        }
        functions |= {
            dotted(("tasks", i, "steps", k, "choose")): f"{step.choose}, to check it, and as root of the lane"
            for i, task in enumerate(self.tasks)
            for k, step in enumerate(task.steps)
            if isinstance(step.choose, Code)
        }
        custom = {"routing": self.routing.custom.command} if self.routing.custom else {}
        return functions | custom | {str(flow.name): flow.code for flow in self.flows if flow.code}

    def in_virtual_time(self) -> Self:
        """The same with what virtual time does for nothing: delays that follow the orbits more closely."""
        bound_us = self.delay_bound_us or VIRTUAL_BOUND_US
        virtual = self.model_copy(update={"delay_bound_us": bound_us})
        virtual._virtual = True
        return virtual

    @property
    def delays_have_slopes(self) -> bool:
        """Whether delays in force are lines, which takes a kernel of ours, or else steps."""
        return self._virtual

    def link_class(self, name: str) -> LinkClass:
        """A link class of the scenario, or else of the catalogue, with its rate scaled by `rate_scale`."""
        if name in self.links:
            link = self.links[name]
        elif name in catalogue.LINKS:
            link = LinkClass(**catalogue.LINKS[name])
        else:
            raise ScenarioError(f"{self._file}: there is no link class {name}{hint(name, self.link_names)}.")
        return link.scaled(self.rate_scale)

    def carries(self, name: str, layer: str) -> Carried:
        """What a node carries. layer: its own; "" of a station."""
        if layer:
            return self.layers[layer].carries
        return next(station.carries for station in self.stations if station.name == name)

    def scaled_bytes(self, mb: float) -> int:
        """Of a volume on the wire, where volumes are scaled as rates are."""
        return max(1, round(mb * 1e6 * self.rate_scale))

    def stations_under(self, weather: Weather) -> list[str]:
        """The stations that weather is over."""
        if weather.at == "ground":
            return [station.name for station in self.stations if station.antenna]
        return [weather.at] if isinstance(weather.at, str) else weather.at

    def stations_of(self, rule: Access) -> list[str]:
        """The stations that an access rule gives links."""
        if rule.source == "ground":
            return [station.name for station in self.stations if station.antenna]
        return rule.source if isinstance(rule.source, list) else []

    def gateways_of(self, rule: Access) -> list[tuple[str, Access, list[str]]]:
        """Each gateway of a rule with each rule that links it to layers that the first has, and these."""
        shared = [(other, [name for name in other.targets if name in rule.targets]) for other in self.access]
        return [
            (gateway, other, layers)
            for gateway in rule.gateways
            for other, layers in shared
            if layers and gateway in self.stations_of(other)
        ]

    @property
    def link_names(self) -> set[str]:
        """Names of all link classes that this scenario may use."""
        return {*self.links, *catalogue.LINKS}

    def where(self, *path: str | int) -> str:
        """Beginning of an error message about a field: "FILE, line N: layers.relay.isl"."""
        line = f", line {line_of(self._lines, path)}" if self._lines else ""
        return f"{self._file}{line}: {dotted(path)}"
