"""The kinds of flow. Each is a module; this room knows its name and asks it when a flow of it turns up.

    kinds.of(flow).packets(flow, until_s)

The modules stand in `traffic.kinds`, which imports this room, so a kind is found by name: as the modules of a
program's own kinds are, which `register` adds.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, cast, get_args

from pydantic import BeforeValidator, SerializeAsAny
from pydantic_core import PydanticKnownError

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import tables
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.metrics import METRICS, Metric
from skybed.topologies.model.tables import Table

MODULES = {
    "probe": "skybed.traffic.kinds.probe",
    "trace": "skybed.traffic.kinds.trace",
    "udp": "skybed.traffic.kinds.udp",
    "tcp": "skybed.traffic.kinds.tcp",
    "program": "skybed.traffic.kinds.program",
    "task": "skybed.traffic.kinds.task",
    "bundles": "skybed.traffic.kinds.bundles",
    "ccsds": "skybed.traffic.kinds.ccsds",
}

OF_TASKS = "task"  # which stand in `tasks` of a scenario, not in `traffic`


class Ports(NamedTuple):
    """That traffic listens or sends at."""

    udp: tuple[range, ...] = ()
    tcp: tuple[range, ...] = ()


class Crossing(Protocol):
    """One flow of a run, its sockets and processes made. clock: a `traffic.nodes.Clock`."""

    @property
    def dropped(self) -> int | None:
        """Packets that arrived and for which its own sockets had no room, known when they are closed; None
        where nobody counts them."""

    def begin(self, clock: Any, flow: Any) -> None:
        """Have it send from its start on, by this clock. flow: as it was given, but for its start_s, which of
        one that comes after another is known only now.
        """

    def columns(self, clock: Any) -> Mapping[str, Any] | Iterator[Mapping[str, Any]]:
        """Its rows of its table: each column as a sequence. Of one that may have more rows than there is
        memory for, part after part.
        """


class Played(Protocol):
    """A run, as far as a kind looks at it: an `analysis.run.Run`."""

    @property
    def played_s(self) -> float: ...

    def rows(self, flow: Flow, table: Table | None = None) -> Any:
        """Those of a flow, of a table (None: that of its kind): a DataFrame."""

    def pieces(self, flow: Flow, table: Table | None = None, columns: Collection[str] = ()) -> Iterator[Any]:
        """The same, piece by piece, where there may be millions. columns: that are wanted; none: all."""

    @property
    def units(self) -> Mapping[str, Sequence[str]]:
        """Of each metric that programs printed, in which units they did."""


class FlowKind(Protocol):
    """What the module of a kind has. Nothing else depends on the kind.

    It may also have
    build(flows): packets by name, made before there is a lane, for `start` to find in `shared.packets`;
    problems(flow, others): what does not go together, as checks of a scenario yield it;
    MORE: further tables, of which its crossings give the columns by name with `more(clock)`;
    SHOWN: of its METRICS those that a terminal shows, in a table; otherwise they are told in a line;
    figures(t_s), which its crossings may have: what the flow has come to by a run time, for who looks on, as
    JSON holds it: `sent`, `answered`, `received`, `lost` (so far, each), `rtt_us`, `mbps` (now), and others;
    so_far(flow, figures, t_s): of its figures at a run time those METRICS that can be told by then, by name;
    reasons(run, flow) and notes(run, flow): sentences why a run is not to be used, and worth knowing.

    MODEL: what a scenario file says of a flow of this kind; its field `kind` has the name. TABLE: where what
    it measures is written. METRICS: those that are worked out of it; `measures` of the model may leave some
    out. UNIT: what it sends, in the plural. LOADS: whether it fills links, so that probes that share one wait
    in its queue.
    """

    @property
    def MODEL(self) -> type[Flow]: ...
    @property
    def TABLE(self) -> Table: ...
    @property
    def METRICS(self) -> Sequence[str]: ...
    @property
    def UNIT(self) -> str: ...
    @property
    def LOADS(self) -> bool: ...

    def packets(self, flow: Any, until_s: float) -> float:
        """How many packets a flow sends, about, in a run that is played until then."""

    def start(self, shared: Any, flows: Sequence[Any]) -> Sequence[Crossing]:
        """Make all flows of this kind ready to send, on a `traffic.shared.Shared`."""

    def due(self, flow: Any, until_s: float, place: int, of: int) -> float:
        """How much a flow is to have sent by a run time, in UNITs. place, of: from 0 among so many of its
        kind.
        """

    def sent(self, run: Played, flow: Any) -> Any:
        """When each UNIT of a flow was sent (a Series, run time, or an Iterator of them); or, where its table
        does not tell, how many were until the run ended.
        """

    def ports(self, traffic: Sequence[Flow]) -> Ports:
        """What flows of this kind listen or send at, where they are among such traffic."""

    def measure(self, run: Played, flow: Any) -> Mapping[str, float]:
        """The metrics of a flow that its table tells."""


REGISTERED: dict[str, FlowKind] = {}


def register(kind: FlowKind) -> None:
    """Make a kind of a program's own known to it: a module, or what has all that a module has."""
    REGISTERED[name_of(kind)] = kind
    for table in tables_of(kind):
        tables.TABLES[table.name] = table


def load(file: str | Path) -> None:
    """Register the kind whose module is in a file."""
    path = Path(file).resolve()
    if not path.is_file():
        raise ScenarioError(f"{path}: there is no such file; the module of a flow kind was to be there.")
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec and spec.loader
        sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    register(cast(FlowKind, sys.modules[path.stem]))


def files(used: Iterable[str] | None = None) -> list[str]:
    """Of the registered kinds, or those of them that are used: for a process that is to `load` them too."""
    names = REGISTERED if used is None else [name for name in used if name in REGISTERED]
    return [str(vars(REGISTERED[name])["__file__"]) for name in names]


@cache
def _installed() -> dict[str, str]:
    """Modules by kind, of installed packages that have an entry point of this group."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group="skybed.kinds")}


def names() -> list[str]:
    """Of all kinds that are known here."""
    return [*dict.fromkeys([*MODULES, *_installed(), *REGISTERED])]


def named(name: str) -> FlowKind:
    """The kind of a name; KeyError if there is none."""
    if name in REGISTERED:
        return REGISTERED[name]
    if name not in MODULES:  # to look for installed ones takes a while
        register(cast(FlowKind, importlib.import_module(_installed()[name])))
        return REGISTERED[name]
    return cast(FlowKind, importlib.import_module(MODULES[name]))


def name_of(kind: FlowKind) -> str:
    """What scenario files call it."""
    (name,) = get_args(kind.MODEL.model_fields["kind"].annotation)
    return str(name)


def of(flow: Flow) -> FlowKind:
    """The kind of a flow."""
    return named(flow.kind)


def used(flows: Iterable[Flow]) -> list[str]:
    """The names of the kinds of flows, in the order in which they are made ready."""
    there = dict.fromkeys(flow.kind for flow in flows)
    return [*(name for name in MODULES if name in there), *(name for name in there if name not in MODULES)]


def made_of(base: type[Flow]) -> list[str]:
    """The kinds whose flows are such."""
    return [name for name in names() if issubclass(named(name).MODEL, base)]


def measuring(metric: str) -> list[str]:
    """The kinds of which a metric is measured."""
    return [name for name in names() if metric in named(name).METRICS]


def hook(flow: Flow, name: str) -> Callable[..., Any] | None:
    """What the kind of a flow may have, or None."""
    return cast("Callable[..., Any] | None", getattr(of(flow), name, None))


def tables_of(kind: FlowKind) -> tuple[Table, ...]:
    """That its flows write."""
    return (kind.TABLE, *getattr(kind, "MORE", ()))


def writing(flows: Iterable[Flow], table: Table) -> list[Any]:
    """Those flows whose measurements go into a table."""
    return [flow for flow in flows if of(flow).TABLE is table]


def measured(flow: Flow) -> list[Metric]:
    """The metrics of a flow, but for where its ends are."""
    of_kind = set(of(flow).METRICS)
    return [
        metric
        for metric in METRICS.values()
        if (metric.of_every or metric.name in of_kind) and flow.measures(metric.name)
    ]


def listed() -> str:
    """For a sentence that says what a kind of traffic may be."""
    *most, last = (name for name in names() if name != OF_TASKS)
    return f"{', '.join(most)} or {last}"


def model_of(data: Mapping[str, Any]) -> type[Flow]:
    """Of a flow in a file."""
    return named(data["kind"]).MODEL


def _of_its_kind(value: Any) -> Any:
    """A flow as its own kind reads it; what is no flow at all is left to pydantic."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind is None:
        raise PydanticKnownError("union_tag_not_found", {"discriminator": "kind"})
    if kind == OF_TASKS or (str(kind) not in MODULES and kind not in names()):
        context = {"discriminator": "kind", "tag": str(kind), "expected_tags": listed()}
        raise PydanticKnownError("union_tag_invalid", context)
    return model_of(value).model_validate(value)


AnyFlow = Annotated[SerializeAsAny[Flow], BeforeValidator(_of_its_kind)]
