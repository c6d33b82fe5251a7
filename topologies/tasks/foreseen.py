"""What tasks of a plan can know beforehand, see `prospect`: asked for when, seen by whom, over which ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import sunlight
from skybed.topologies.contacts.spans import Spans, joined, spans, union
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.flows import Instants
from skybed.topologies.model.tasks import MOST_ASKED, SCENE, Target, Task
from skybed.topologies.orbits import chance, ephemeris
from skybed.topologies.orbits.tracks import standing
from skybed.topologies.plan.plan import Plan
from skybed.topologies.plan.service import dead
from skybed.topologies.tasks import reach
from skybed.topologies.tasks.prospect import ASKED, OBSERVER, Prospect
from skybed.topologies.tasks.views import views

LOOK_S = 60.0  # from one look to the next at how long the ways are
LOWEST_DEG = 10.0  # of a satellite over a target, where nothing else is said
DAY_S = 86_400.0
DRAWN_AT_ONCE = 256


def of(plan: Plan) -> Prospect:
    """Raises ScenarioError for a task that is asked for too often."""
    asked, seen = zip(
        *(_asked(plan, number, task) for number, task in enumerate(plan.scenario.tasks)), strict=True
    )
    rows = np.concatenate(asked)
    first = np.cumsum([0, *(len(part) for part in asked)])[:-1]
    in_view = joined([part._replace(key=part.key + n) for part, n in zip(seen, first.tolist(), strict=True)])
    at = [_at(plan, task) for task in plan.scenario.tasks]
    pairs = _pairs(plan, rows, at)
    looks_s = _looks_s(plan, rows)
    ways = reach.delays(plan, pairs, looks_s)
    return Prospect(
        asked=rows,
        views=in_view,
        at=at,
        pairs=pairs,
        path=reach.reach(plan, pairs),
        contact=reach.contacts(plan, pairs),
        looks_s=looks_s,
        delay_s=ways.delay_s,
        rate_mbps=ways.rate_mbps,
        sunlit=_sunlit(plan),
        dead=dead(plan),
    )


# -- when tasks are asked for, and who sees their target ----------------------------------------------------


def _asked(plan: Plan, number: int, task: Task) -> tuple[np.ndarray, Spans]:
    """ASKED of a task, and views by row."""
    observers = nodes_at(plan, task.by)
    start_s, stop_s = task.window_s(plan.duration_s)
    name = (plan.scenario.seed, "task", task.name)
    if task.passes:
        return _passes(plan, number, task, observers)
    times_s = _times_s(task, start_s, stop_s, name)[: task.count]
    _refuse_many(plan, number, len(times_s))
    rows = np.zeros(len(times_s), ASKED)
    rows["task"], rows["number"], rows["asked_s"] = number, np.arange(len(rows)), times_s
    rows["seen_s"], rows["node"] = times_s, -1
    rows["acquisition_s"] = _acquisition_s(plan, task, len(rows))
    places = _places(plan, task, len(rows))
    if places is None:
        drawn = [chance.uniform(*name, n, "by") for n in range(len(rows))]
        rows["node"] = observers[(np.array(drawn) * len(observers)).astype(int)]
        rows["lat_deg"] = rows["lon_deg"] = np.nan
        return rows, spans()
    rows["lat_deg"], rows["lon_deg"] = places.T
    distinct, place = np.unique(places, axis=0, return_inverse=True)
    seen = _views(plan, task, observers, distinct)
    return _first(plan, rows, observers, seen, np.ravel(place), distinct)


def _refuse_many(plan: Plan, number: int, times: int) -> None:
    if times > MOST_ASKED:
        where = plan.scenario.where("tasks", number)
        raise ScenarioError(f"{where} is asked for {times:,} times; at most {MOST_ASKED:,} are allowed.")


def _times_s(task: Task, start_s: float, stop_s: float, name: tuple[object, ...]) -> Array:
    """When it is asked for, ascending."""
    if task.at_s is not None:
        times_s = np.sort(np.array(task.at_s, float))
        return times_s[(times_s >= start_s) & (times_s < stop_s)]
    if task.every_s is not None:
        instants = Instants(round(start_s * 1e9), task.every_s * 1e9, round(stop_s * 1e9))
        return np.array([instants.at_ns(k) for k in range(min(instants.total, MOST_ASKED + 1))]) / 1e9
    if task.per_day is not None:
        parts, after_s = list[Array](), start_s
        for gaps in chance.exponential((DAY_S / task.per_day,), DRAWN_AT_ONCE, *name):
            parts.append(after_s + np.cumsum(gaps))
            after_s = float(parts[-1][-1])
            if after_s >= stop_s or len(parts) * DRAWN_AT_ONCE > MOST_ASKED:
                break
        drawn = np.concatenate(parts)
        return drawn[drawn < stop_s]
    return np.array([start_s])


def _passes(plan: Plan, number: int, task: Task, observers: Index) -> tuple[np.ndarray, Spans]:
    """Asked for, and seen, whenever a target comes into view of one of them."""
    start_s, stop_s = task.window_s(plan.duration_s)
    places = np.array([_place(target, plan, task, n) for n, target in enumerate(task.target or [])])
    seen = _views(plan, task, observers, places)
    seen = seen.where((seen.start_s >= start_s) & (seen.start_s < stop_s))
    order = np.lexsort((seen.key, seen.start_s))[: task.count]
    _refuse_many(plan, number, len(order))
    rows = np.zeros(len(order), ASKED)
    rows["task"], rows["number"] = number, np.arange(len(rows))
    rows["asked_s"] = rows["seen_s"] = seen.start_s[order]
    rows["node"] = observers[seen.key[order] // len(places)]
    rows["lat_deg"], rows["lon_deg"] = places[seen.key[order] % len(places)].T
    rows["acquisition_s"] = _acquisition_s(plan, task, len(rows))
    return rows, spans(np.arange(len(rows)), seen.start_s[order], seen.end_s[order])


def _acquisition_s(plan: Plan, task: Task, count: int) -> Array:
    given, name = task.acquisition_s, (plan.scenario.seed, "task", task.name, "acquisition")
    return np.array([chance.between(given, *name, n) for n in range(count)])


def _places(plan: Plan, task: Task, count: int) -> Array | None:
    """Latitude and longitude of each target, [n, 2]; None: whatever is below."""
    targets = task.target
    if targets is None:
        return None
    name = plan.scenario.seed, "task", task.name
    chosen = [int(chance.uniform(*name, n, "target") * len(targets)) for n in range(count)]
    return np.array([_place(targets[k], plan, task, n) for n, k in enumerate(chosen)]).reshape(-1, 2)


def _place(target: Target, plan: Plan, task: Task, number: int) -> tuple[float, float]:
    """A point of a target; of a region each is as likely as its area."""
    name = plan.scenario.seed, "task", task.name, number
    lat_deg, lon_deg = target.lat_deg, target.lon_deg
    if isinstance(lat_deg, tuple):
        low, high = np.sin(np.radians(lat_deg))
        lat_deg = float(np.degrees(np.arcsin(low + (high - low) * chance.uniform(*name, "lat"))))
    if isinstance(lon_deg, tuple):
        west, east = lon_deg
        width_deg = (east - west) % 360 or 360.0
        lon_deg = (west + width_deg * chance.uniform(*name, "lon") + 180) % 360 - 180
    return lat_deg, lon_deg


def _views(plan: Plan, task: Task, observers: Index, places: Array) -> Spans:
    """By observer * len(places) + place, both by index."""
    by_layer: dict[str, list[int]] = {}
    for index, node in enumerate(observers.tolist()):
        by_layer.setdefault(plan.nodes[node].layer, []).append(index)
    seen = []
    for layer, of_layer in by_layer.items():
        camera = plan.scenario.layers[layer].carries.camera
        elevation_deg, off_nadir_deg = task.min_elevation_deg, camera.max_off_nadir_deg if camera else None
        if elevation_deg is None and off_nadir_deg is None:
            elevation_deg = LOWEST_DEG
        part = views(
            plan, observers[of_layer], [tuple(place) for place in places.tolist()],
            min_elevation_deg=elevation_deg, max_off_nadir_deg=off_nadir_deg, until_s=plan.duration_s,
        )  # fmt: skip
        satellite, place = np.divmod(part.key, len(places))
        seen.append(part._replace(key=np.array(of_layer)[satellite] * len(places) + place))
    return union(joined(seen))


def _first(
    plan: Plan, rows: np.ndarray, observers: Index, seen: Spans, place: Index, places: Array
) -> tuple[np.ndarray, Spans]:
    """Who sees each row's place first; of several who do at once the nearest then. place: of each row, among
    places.
    """
    flying = plan.orbits.iloc[observers].reset_index(drop=True)
    ground = [standing(*at) for at in places.tolist()]
    sky = ephemeris.make(flying, ground, plan.scenario.begin, plan.duration_s)
    by_place = [seen.where(seen.key % len(places) == n) for n in range(len(places))]
    parts = list[Spans]()
    for n in range(len(rows)):
        asked_s, there = rows["asked_s"][n], by_place[place[n]]
        there = there.where(there.end_s > asked_s)
        rows["seen_s"][n] = np.nan
        if not len(there.key):
            continue
        start_s = np.maximum(there.start_s, asked_s)
        seen_s = start_s.min()
        firsts = np.flatnonzero(start_s == seen_s)
        observer = there.key[firsts] // len(places)
        nearest = firsts[np.argmin(sky.distance_km(observer, len(observers) + place[n], seen_s))]
        rows["node"][n], rows["seen_s"][n] = observers[there.key[nearest] // len(places)], seen_s
        mine = there.where(there.key == there.key[nearest])
        parts.append(mine._replace(key=np.full(len(mine.key), n)))
    return rows, joined(parts)


# -- where steps are done, and the ways between -------------------------------------------------------


def nodes_at(plan: Plan, names: Sequence[str]) -> Index:
    """What layers, `ground` (stations with an antenna), `observer` and nodes stand for, each once."""
    antennas = {station.name for station in plan.scenario.stations if station.antenna}
    every = list[int]()
    for name in names:
        if name == "observer":
            every.append(OBSERVER)
        elif name == "ground":
            every += [n for n, node in enumerate(plan.nodes) if node.name in antennas]
        elif name in plan.scenario.layers:
            every += plan.network.layer(name).tolist()
        else:
            every.append(plan.node(name))
    return np.array(list(dict.fromkeys(every)), np.int64)


def _at(plan: Plan, task: Task) -> list[list[int]]:
    steps = [nodes_at(plan, step.at).tolist() for step in task.steps]
    return [*steps, [plan.node(task.to)]]


def _pairs(plan: Plan, rows: np.ndarray, at: list[list[list[int]]]) -> Index:
    """All between which something may go."""
    pairs = set(chain.from_iterable(_of_task(plan, number, rows, places) for number, places in enumerate(at)))
    return np.array(sorted(pair for pair in pairs if pair[0] != pair[1]), np.int64).reshape(-1, 2)


def _of_task(plan: Plan, number: int, rows: np.ndarray, places: list[list[int]]) -> Iterator[tuple[int, int]]:
    task, mine = plan.scenario.tasks[number], rows["task"] == number
    if task.carrier == "bundles":  # which need no way from end to end
        return
    observers = [int(node) for node in np.unique(rows["node"][mine]) if node >= 0]
    where = {SCENE: set(observers)} | {
        step: {other for node in nodes for other in (observers if node == OBSERVER else [node])}
        for step, nodes in enumerate(places)
    }
    receivers: dict[int | str, int] = {str(of.name): plan.node(of.to) for of in plan.scenario.tasks}
    for step, takes in enumerate((*task.takes, list[int | str](task.gives))):
        for of in takes:
            here = where[of] if isinstance(of, int) else {receivers[of]}
            yield from ((a, b) for a in here for b in where[step])
    if command := task.command:
        source, via = plan.node(command.source), nodes_at(plan, command.via or [])
        if command.via:
            yield from ((source, int(station)) for station in via)
            yield from ((int(station), observer) for station in via for observer in observers)
        else:
            yield from ((source, observer) for observer in observers)


def _looks_s(plan: Plan, rows: np.ndarray) -> Array:
    seen_s = rows["seen_s"][~np.isnan(rows["seen_s"])]
    return np.unique(
        np.concatenate([np.arange(0.0, plan.duration_s, LOOK_S), seen_s[seen_s < plan.duration_s]])
    )


# -- light ------------------------------------------------------------------------------


def _sunlit(plan: Plan) -> Spans:
    """Of the satellites that have panels."""
    powered = [
        n
        for n, node in enumerate(plan.nodes)
        if node.layer and plan.scenario.layers[node.layer].carries.power
    ]
    if not powered:
        return spans()
    return sunlight.sunlit(plan.network.sky, plan.scenario.begin, np.array(powered), plan.duration_s)
