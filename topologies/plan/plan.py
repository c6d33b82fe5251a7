"""The plan: what the sky of a scenario does over time, computed before anything is emulated."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.topologies.contacts import faults, planned
from skybed.topologies.contacts.contacts import Link, Node
from skybed.topologies.contacts.planned import Planned
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.flows import HOPS
from skybed.topologies.model.links import LinkClass
from skybed.topologies.model.routing import Copy
from skybed.topologies.model.scenario import LONGEST_S
from skybed.topologies.orbits import ephemeris, geometry
from skybed.topologies.orbits.ephemeris import Array, Ephemeris
from skybed.topologies.plan import timeline
from skybed.topologies.plan.timeline import Timeline
from skybed.topologies.routing import domains, routes, schedule, windowed
from skybed.topologies.routing.routes import Net, Routes
from skybed.topologies.routing.trace import Tracer
from skybed.topologies.scenario.file import Scenario

Progress = Callable[[str, float], None]

# The tables of a stored plan that are read at once, and the columns that load needs.
PARTS: dict[str, tuple[str, ...]] = {
    "plan": ("duration_s",),
    "nodes": ("name", "kind", "layer", "ip", "ip6"),
    "links": ("name", "a", "b", "kind", "class_name", "link_class"),
    "contacts": ("link", "start_s", "end_s", "route_start_s", "route_end_s"),
    "faults": ("link", "kind", "planned", "start_s", "end_s"),
    "orbits": ("name", "jdsatepoch", "jdsatepochF", *ephemeris.ELEMENTS),
}

EVENTS, ROUTES = "events.parquet", "routes.parquet"


@dataclass(frozen=True)
class Paths:
    """Shortest paths at instants: t_s, rtt_ms (nan: unreachable), path_id (-1: unreachable) into paths (node
    names).
    """

    t_s: Array
    rtt_ms: Array
    path_id: np.ndarray
    paths: list[tuple[str, ...]]


class Window(NamedTuple):
    """What is to be played from begin_s (included) to end_s (not): rows as in Timeline.events and
    Routes.changes.
    """

    begin_s: float
    end_s: float
    events: np.ndarray
    changes: np.ndarray


def _quiet(what: str, share: float) -> None:
    """Progress that nobody watches."""


@dataclass
class Plan:
    """Nodes, links, and when each link stands. Times are run time: s since the scenario's epoch.

    contacts: link, start_s, end_s (it stands, carrier faults taken off), route_start_s, route_end_s (routing
    uses it; later than end_s after a fault not yet detected). A contact that lasts beyond the plan ends at
    duration_s. lost: the scenario's faults by link, see faults.outages. orbits: see ephemeris.elements_table.
    """

    scenario: Scenario
    duration_s: float
    nodes: list[Node]
    links: list[Link]
    contacts: pd.DataFrame
    lost: pd.DataFrame
    orbits: pd.DataFrame
    progress: Progress = field(default=_quiet, repr=False)
    folder: pathlib.Path | None = field(default=None, repr=False)  # where it is stored, if it was loaded
    _planned: Planned | None = field(default=None, repr=False)
    _timeline: Timeline | None = field(default=None, repr=False)
    _routes: Routes | None = field(default=None, repr=False)

    @staticmethod
    def make(
        scenario: Scenario, *, duration_s: float | None = None, progress: Progress | None = None
    ) -> Plan:
        """Work out the contacts. Raises ScenarioError for what only the orbits show to be wrong."""
        duration_s = float(scenario.duration_s if duration_s is None else duration_s)
        if not 0 < duration_s <= LONGEST_S:
            raise ScenarioError(
                f"The duration is {duration_s:g} s; it must be more than 0 and at most {LONGEST_S:.0f}."
            )
        progress = progress or _quiet
        sky = planned.make(scenario, duration_s, progress)
        faults.check(scenario, sky.nodes, sky.links)
        return _with_faults(scenario, sky, duration_s, progress)

    def believed(self, copy: Copy) -> Plan:
        """This plan as a copy of the schedule has it: without surprises, and the sky as the copy takes it to
        be.
        """
        sky = self._planned
        if sky is None or copy.along_track_km:
            orbits = ephemeris.ahead(self.orbits, copy.along_track_km)
            sky = planned.make(self.scenario, self.duration_s, self.progress, orbits)
        return _with_faults(self.scenario, sky, self.duration_s, self.progress, copy.knows)

    @cached_property
    def index(self) -> dict[str, int]:
        """Node number by name."""
        return {node.name: n for n, node in enumerate(self.nodes)}

    def node(self, name: str) -> int:
        """Number of a node; raises ScenarioError if there is none of this name."""
        if name not in self.index:
            raise ScenarioError(f"{self.scenario.name} has no node {name}{hint(name, self.index)}.")
        return self.index[name]

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes a and b of every link."""
        return np.array([x.a for x in self.links], np.int64), np.array([x.b for x in self.links], np.int64)

    def linked(self, links: list[int] | slice = slice(None)) -> np.ndarray:
        """bool[node, next hop]: where any of the links leads; a last column of False, for next hop -1."""
        a, b = (end[links] for end in self.ends)
        found = np.zeros((len(self.nodes), len(self.nodes) + 1), bool)
        found[a, b] = found[b, a] = True
        return found

    @cached_property
    def sky(self) -> Ephemeris:
        """Where every node is. Worked out when first asked for if the plan was loaded."""
        if self._planned is not None:
            return self._planned.stage.sky
        return ephemeris.make(
            self.orbits, planned.stations(self.scenario), self.scenario.begin, self.duration_s
        )

    # -- delay -----------------------------------------------------------------------------------

    def delay_s(self, link: ArrayLike, t_s: ArrayLike) -> Array:
        """One-way delay of links (indices) at run times, s; the two broadcast.

        Light time in vacuum between the places of both ends at t_s (fibre: as laid), plus the fixed delay of
        the link's class.
        """
        link = np.asarray(link)
        fixed_s, moving = self._delay_parts
        a, b = self.ends
        return self.sky.distance_km(a[link], b[link], t_s) / geometry.C_KM_S * moving[link] + fixed_s[link]

    @cached_property
    def _delay_parts(self) -> tuple[Array, np.ndarray]:
        """Of each link the delay that does not depend on geometry, and whether it has one that does."""
        fixed_s = np.array([link.link_class.fixed_delay_ms / 1000 for link in self.links])
        fibre = np.array([link.kind == "fibre" for link in self.links], bool)
        ground = {station.name: station for station in self.scenario.stations}
        for n in np.flatnonzero(fibre):
            a, b = (ground[self.nodes[end].name] for end in (self.links[n].a, self.links[n].b))
            way_km = geometry.great_circle_km(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)
            fixed_s[n] += geometry.fibre_delay_s(way_km)
        return fixed_s, ~fibre

    # -- what happens ----------------------------------------------------------------------------

    def timeline(self) -> Timeline:
        """All events to play, kept. Of a long plan take windows()."""
        if self._timeline is None:
            self._timeline = Timeline(np.concatenate(list(self.timeline_windows())))
        return self._timeline

    def routes(self) -> Routes:
        """All changes of the forwarding tables, kept. Of a long plan take windows()."""
        if self._routes is None:
            self._routes = Routes(np.concatenate(list(self.routes_windows())))
        return self._routes

    def windows(self) -> Iterator[Window]:
        """What is to be played, WINDOW_S (of routing.windowed) at a time, the last up to duration_s;
        of changes of routes only those that daemons do not make.

        Each is worked out, or read, when it is asked for: a plan of days can be played without holding it.
        """
        both = zip(self.timeline_windows(), self._played_routes(), strict=True)
        for number, (events, changes) in enumerate(both):
            begin_s = number * windowed.WINDOW_S
            yield Window(begin_s, min(begin_s + windowed.WINDOW_S, self.duration_s), events, changes)

    def timeline_windows(self) -> Iterator[np.ndarray]:
        """Pieces of Timeline.events, one for each window."""
        if self._timeline is not None:
            yield from windowed.cut(self._timeline.events, self.duration_s)
        elif self.folder is not None:
            yield from windowed.read(self.folder / EVENTS, timeline.EVENT)
        else:
            bound_us = self.scenario.bound_us
            made = timeline.windows(self.contacts, self.lost, self.delay_s, bound_us, self.duration_s)
            for number, events in enumerate(made):
                self.progress("delays", number / windowed.count(self.duration_s))
                yield events
            self.progress("delays", 1.0)

    def routes_windows(self) -> Iterator[np.ndarray]:
        """Pieces of Routes.changes, one for each window."""
        if self._routes is not None:
            yield from windowed.cut(self._routes.changes, self.duration_s)
        elif self.folder is not None and (self.folder / ROUTES).exists():
            yield from windowed.read(self.folder / ROUTES, routes.CHANGE)
        else:
            by_schedule = self.scenario.routing.by_schedule
            yield from schedule.windows(self) if by_schedule else self.shortest()
            self.progress("routes", 1.0)

    def shortest(self, may: np.ndarray | None = None, within: str = "") -> Iterator[np.ndarray]:
        """The oracle's changes of routes; may: see routes.windows; within: only in domains of a protocol."""
        usable = self._usable()
        if within:
            inner = [n for n, group in enumerate(self.domains) if group.protocol == within]
            a, b = (domains.of_nodes(self.domains, len(self.nodes))[end] for end in self.ends)
            inside = (a == b) & np.isin(a, inner)
            usable = Spans(*(column[inside[usable.key]] for column in usable))
        wanted, every_s = self._destinations(), self.scenario.routing.interval_s
        tell = partial(self.progress, "routes")
        return routes.windows(self._net, usable, wanted, every_s, self.duration_s, tell, may)

    def _played_routes(self) -> Iterator[np.ndarray]:
        """Pieces of changes that the player makes, one for each window."""
        if not self.scenario.routing.by_daemons:
            return self.routes_windows()
        within = {group.protocol for group in self.domains}
        parts = []
        if "oracle" in within:
            parts.append(self.shortest(within="oracle"))
        if "schedule" in within:
            parts.append(schedule.windows(self, within="schedule"))
        return routes.merged(parts or [iter(windowed.cut(np.empty(0, routes.CHANGE), self.duration_s))])

    def _usable(self) -> Spans:
        return faults.routed(self.contacts, self.lost, self.scenario.routing)

    @cached_property
    def domains(self) -> list[domains.Group]:
        """The routing domains; none where all is one network."""
        return domains.groups(self.scenario, self.nodes)

    def _destinations(self) -> np.ndarray:
        wanted = self.scenario.routing.destinations
        if wanted == "all":
            return np.arange(len(self.nodes))
        if wanted == "ground":
            return np.arange(len(self.orbits), len(self.nodes))
        return np.unique([self.node(name) for name in wanted])

    @cached_property
    def _net(self) -> Net:
        relay = self.scenario.routing.ground_relay
        return Net(len(self.nodes), len(self.orbits), *self.ends, self.delay_s, relay)

    def reachable(self, t_s: float) -> np.ndarray:
        """bool[node, destination]: which nodes have a path to which others at a time, over links that stand
        and are not silent, and as domains allow."""
        standing = self.contacts[(self.contacts.start_s <= t_s) & (t_s < self.contacts.end_s)].link
        silent = faults.silences(self.contacts, self.lost)
        silent_now = silent.key[(silent.start_s <= t_s) & (t_s < silent.end_s)]
        links = np.setdiff1d(standing, silent_now).astype(np.int64)
        if self.domains:
            a, b = (end[links].tolist() for end in self.ends)
            return domains.reachable(list(zip(a, b, strict=True)), self.domains, len(self.nodes))
        delay_s = self.delay_s(links, np.full(len(links), t_s))
        via, _ = self._net.mesh(links).next_hops(delay_s, np.arange(len(self.nodes)))
        return via.T >= 0

    # -- what becomes of packets -----------------------------------------------------------------

    def path(self, src: str, dst: str, t_s: ArrayLike) -> Paths:
        """The shortest path at each of the ascending times over the links that stand, routing aside."""
        t_s = np.array(t_s, dtype=float, ndmin=1)
        start, end = self.node(src), self.node(dst)
        standing = faults.of_contacts(self.contacts)
        beyond = standing.end_s >= self.duration_s
        standing = standing._replace(end_s=np.where(beyond, np.inf, standing.end_s))
        rtt_ms, path_id = np.full(len(t_s), np.nan), np.full(len(t_s), -1)
        known: dict[tuple[int, ...], int] = {}
        for k, (t, links, mesh) in enumerate(routes.meshes(self._net, standing, t_s)):
            via, far_ns = mesh.next_hops(self.delay_s(links, t), np.array([end]))
            if np.isfinite(far_ns[0, start]):
                walk = [start]
                while walk[-1] != end:
                    walk.append(int(via[0, walk[-1]]))
                rtt_ms[k] = 2e-6 * far_ns[0, start]
                path_id[k] = known.setdefault(tuple(walk), len(known))
        return Paths(t_s, rtt_ms, path_id, [tuple(self.nodes[n].name for n in walk) for walk in known])

    def trace(
        self, src: str, dst: str, t_s: ArrayLike, most: int = HOPS, tracer: Tracer | None = None
    ) -> tuple[Array, np.ndarray, list[tuple[int, ...]]]:
        """Where packets sent at times t_s go, and when they arrive, without queues: by the plan's routes, or
        by those of another tracer. See Tracer.walk.
        """
        walk = (tracer or self._tracer).walk
        return walk(self.node(src), self.node(dst), np.asarray(t_s, dtype=float), most)

    def tracer(self, changes: np.ndarray) -> Tracer:
        """What becomes of packets by other routes, hop by hop. changes: array of routes.CHANGE by time, of
        which the first may come before 0.
        """
        return Tracer(self._net, changes, self.contacts, self.lost, self.duration_s, by_source=False)

    @cached_property
    def oracle(self) -> Tracer:
        """By the oracle's routes, whoever makes those of the run."""
        if not self.scenario.routing.by_schedule:
            return self._tracer
        return self.tracer(np.concatenate(list(self.shortest())))

    @cached_property
    def _tracer(self) -> Tracer:
        changes, by_source = self.routes().changes, self.scenario.routing.by_source
        return Tracer(self._net, changes, self.contacts, self.lost, self.duration_s, by_source)

    # -- on disk ---------------------------------------------------------------------------------

    def save(self, folder: str | pathlib.Path, *, with_routes: bool = True) -> None:
        """Write the plan as a folder: scenario.yaml and Parquet tables, window by window where they are long.

        Routes that are left out are worked out anew by who loads the plan and needs them.
        """
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scenario.yaml").write_text(self.scenario.dump(), encoding="utf-8")
        links = [(x.name, x.a, x.b, x.kind, x.class_name, x.link_class.model_dump_json()) for x in self.links]
        tables = {
            "plan": pd.DataFrame({"duration_s": [self.duration_s]}),
            "nodes": pd.DataFrame([asdict(node) for node in self.nodes]),
            "links": pd.DataFrame(links, columns=list(PARTS["links"])),
            "contacts": self.contacts,
            "faults": self.lost,
            "orbits": self.orbits,
        }
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet")
        windowed.write(folder / EVENTS, timeline.EVENT, self.timeline_windows())
        if with_routes:
            windowed.write(folder / ROUTES, routes.CHANGE, self.routes_windows())
        else:
            (folder / ROUTES).unlink(missing_ok=True)

    @staticmethod
    def load(folder: str | pathlib.Path) -> Plan:
        """The plan that save wrote, with its events and routes as they were; they are read when asked for."""
        folder = pathlib.Path(folder)
        scenario = Scenario.load(folder / "scenario.yaml")
        duration_s = float(_table(folder, "plan").duration_s[0])
        nodes = [Node(**row) for row in _table(folder, "nodes").to_dict("records")]
        links = [
            Link(**row | {"link_class": LinkClass.model_validate_json(row["link_class"])})
            for row in _table(folder, "links")[list(PARTS["links"])].to_dict("records")
        ]
        windowed.check(folder / EVENTS, timeline.EVENT, duration_s)
        if (folder / ROUTES).exists():
            windowed.check(folder / ROUTES, routes.CHANGE, duration_s)
        standing, lost, orbits = (_table(folder, name) for name in ("contacts", "faults", "orbits"))
        return Plan(scenario, duration_s, nodes, links, standing, lost, orbits, folder=folder)


def _with_faults(
    scenario: Scenario, sky: Planned, duration_s: float, progress: Progress, known: faults.Known | None = None
) -> Plan:
    """The plan with all faults, or those that are known."""
    lost = faults.outages(sky.stage, sky.links, duration_s, known)
    standing = faults.cut(sky.contacts, lost, scenario.routing)
    return Plan(
        scenario, duration_s, sky.nodes, sky.links, standing, lost, sky.orbits, progress, _planned=sky
    )


def _table(folder: pathlib.Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    table: pd.DataFrame = windowed.stored(path, pd.read_parquet)
    lacking = [column for column in PARTS[name] if column not in table.columns]
    if lacking:
        raise windowed.other_version(path, f"no column {lacking[0]}")
    return table
