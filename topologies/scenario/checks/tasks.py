"""Checks of `tasks`: that what they name is there, and that it can be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from math import inf

from skybed.topologies.model.carried import Carried
from skybed.topologies.model.code import Code, CodeError, loaded
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.tasks import MOST_ASKED, SCENE, Task
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.scenario.checks import traffic

DAY_S = 86_400.0


def tasks(scenario: ScenarioModel, layers: Mapping[str, str]) -> Iterator[Problem]:
    """layers: of every node its layer; "" of stations."""
    carries = {name: scenario.carries(name, layer) for name, layer in layers.items()}
    for i, task in enumerate(scenario.tasks):
        path: FieldPath = ("tasks", i)
        if task.after is not None:
            yield (*path, "after"), "does not go with tasks; give start_s."
        yield from _known((*path, "by"), task.by, scenario, layers, flying=True)
        if layers.get(task.to):
            yield (*path, "to"), f"is {task.to}, a satellite; products go to a station."
        if task.scene_mb is None:
            without = [name for name in _nodes(task.by, scenario, layers) if carries[name].camera is None]
            if without:
                yield path, f"has no scene_mb, and {without[0]} carries no camera; give one of them."
        if isinstance(task.acquisition_s, tuple) and task.acquisition_s[0] > task.acquisition_s[1]:
            yield (*path, "acquisition_s"), f"is {list(task.acquisition_s)}; the lesser comes first."
        for k, target in enumerate(task.target or []):
            if isinstance(target.lat_deg, tuple) and target.lat_deg[0] > target.lat_deg[1]:
                yield (*path, "target", k, "lat_deg"), f"is {list(target.lat_deg)}; the south comes first."
        yield from _when(path, task, scenario)
        yield from _routed(path, task, scenario, layers)
        yield from _command(path, task, scenario, layers)
        yield from _room(path, task, scenario, layers, carries)
        yield from _needs(path, task, scenario)
        yield from _steps(path, task, scenario, layers, carries)
    yield from _circles(scenario)


def _when(path: FieldPath, task: Task, scenario: ScenarioModel) -> Iterator[Problem]:
    """That it is asked for at all, and not too often."""
    if task.at_s and min(task.at_s) >= scenario.duration_s:
        yield (
            (*path, "at_s"),
            f"begins with {min(task.at_s):g}; the run ends at {scenario.duration_s:g} s (duration_s).",
        )
    for field, times in (
        ("every_s", task.length_s(scenario.duration_s) / task.every_s if task.every_s else 0),
        ("per_day", task.length_s(scenario.duration_s) / DAY_S * task.per_day if task.per_day else 0),
    ):
        if task.count is None and times > MOST_ASKED:
            yield (*path, field), f"asks for it {times:,.0f} times; at most {MOST_ASKED:,} are allowed."


def _routed(
    path: FieldPath, task: Task, scenario: ScenarioModel, layers: Mapping[str, str]
) -> Iterator[Problem]:
    """Data goes over any path only between nodes that have routes to each other, but as bundles."""
    if not task.routed:
        return
    source = [task.command.source, *(task.command.via or [])] if task.command else []
    names = [*task.by, *source, *(name for step in task.steps for name in step.at), task.to]
    without = set(_nodes(names, scenario, layers)) - traffic.routed(scenario, layers)
    if without:
        yield path, f"is also at {min(without)}, to which routing.destinations keeps no route."


def _command(
    path: FieldPath, task: Task, scenario: ScenarioModel, layers: Mapping[str, str]
) -> Iterator[Problem]:
    if task.command is None:
        return
    yield from known_name((*path, "command", "from"), task.command.source, layers, "node")
    antennas = {station.name: station.antenna for station in scenario.stations}
    for name in task.command.via or []:
        if name != "ground":
            yield from known_name((*path, "command", "via"), name, antennas, "station")
        if not antennas.get(name, True):
            yield (*path, "command", "via"), f"names {name}, which has no antenna."


def _room(
    path: FieldPath,
    task: Task,
    scenario: ScenarioModel,
    layers: Mapping[str, str],
    carries: Mapping[str, Carried],
) -> Iterator[Problem]:
    """That whoever observes can hold a scene, and somebody who may do a step what it takes first."""
    for name in _nodes(task.by, scenario, layers):
        camera, storage = carries[name].camera, carries[name].storage
        scene_mb = task.scene_mb or (camera.scene_mb if camera else 0.0)
        if storage and scene_mb > 1e3 * storage.gb:
            yield (
                (*path, "scene_mb") if task.scene_mb else path,
                f"takes scenes of {scene_mb:g} MB, and {name} has room for {1e3 * storage.gb:g} MB (its "
                "storage); all would be refused.",
            )
            return
        for k, step in enumerate(task.steps):
            if SCENE not in task.takes[k]:
                continue
            places = [node for node in step.at if node != "observer"]
            rooms = [carries[node].storage for node in _nodes(places, scenario, layers)]
            most_gb = max((room.gb if room else inf for room in rooms), default=inf)
            if "observer" not in step.at and scene_mb / step.tiles > 1e3 * most_gb:
                yield (
                    (*path, "steps", k, "at"),
                    f"has room for {1e3 * most_gb:g} MB at most (its storage), and scenes are of "
                    f"{scene_mb:g} MB; none would ever come.",
                )
                return


def _needs(path: FieldPath, task: Task, scenario: ScenarioModel) -> Iterator[Problem]:
    """What steps take must be there, and none of them take what in the end is made of it."""
    others = [str(other.name) for other in scenario.tasks if other is not task]
    known = ["scene"]
    for k, step in enumerate(task.steps):
        if step.name is not None and step.name in [*known, *others]:
            what = "what was taken" if step.name == "scene" else "another step or task"
            yield (*path, "steps", k, "name"), f"is {step.name}, as {what} is called; choose another."
        known += [step.name] if step.name is not None else []
    wrong = False
    for k, step in enumerate(task.steps):
        at: FieldPath = (*path, "steps", k, "needs")
        for name in step.needs or []:
            for problem in known_name(at, name, [*known, *others], "step or task"):
                wrong = True
                yield problem
        if step.needs and len(set(step.needs)) < len(step.needs):
            yield at, "names one of them twice."
        if step.needs and len(step.needs) > 1 and step.tiles > 1:
            yield at, f"brings {len(step.needs)} things together; tiles do not go with that."
    if wrong:
        return
    try:
        _ = task.in_order
    except CycleError as error:
        circle = [k for k in error.args[1] if k != SCENE]
        k = min(circle)
        yield (
            (*path, "steps", k, "needs" if task.steps[k].needs else "job"),
            f"goes in a circle: in the end {_step_said(task, k)} would take what it gives.",
        )


def _step_said(task: Task, k: int) -> str:
    return f"step {task.steps[k].name or k}"


def _circles(scenario: ScenarioModel) -> Iterator[Problem]:
    """No task may wait for its own product."""
    names = {str(task.name): i for i, task in enumerate(scenario.tasks)}
    needed = {
        name: {of for of in scenario.tasks[i].uses if of in names and of != name} for name, i in names.items()
    }
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        i = min(names[name] for name in error.args[1])
        task = scenario.tasks[i]
        k = next(k for k, step in enumerate(task.steps) if {*(step.needs or [])} & {*error.args[1]})
        yield (
            ("tasks", i, "steps", k, "needs"),
            f"goes in a circle: in the end {task.name} would wait for its own product.",
        )


def _steps(
    path: FieldPath,
    task: Task,
    scenario: ScenarioModel,
    layers: Mapping[str, str],
    carries: Mapping[str, Carried],
) -> Iterator[Problem]:
    for k, step in enumerate(task.steps):
        at: FieldPath = (*path, "steps", k)
        yield from _known((*at, "at"), step.at, scenario, layers)
        if isinstance(step.choose, Code):
            try:
                loaded(step.choose)
            except CodeError as error:
                yield (*at, "choose"), f"cannot be used: {str(error).removesuffix('.')}."
        if step.program is not None and step.keep_pct != 100:
            yield (*at, "keep_pct"), "does not go with a program: what it writes is what goes on."
        if step.job is None:
            for field in ("seconds", "tiles"):
                if getattr(step, field) not in (None, 1):
                    yield (*at, field), "goes with a job; name it."
            continue
        if step.seconds is not None:
            continue
        places = [name for name in step.at if name != "observer"]
        observers = task.by if "observer" in step.at else []
        for name in _nodes([*places, *observers], scenario, layers):
            computing = carries[name].computing
            if step.seconds_at(computing, 1.0) is None:
                lacks = (
                    "carries no computing" if computing is None else f"does not tell how fast {step.job} is"
                )
                yield at, f"has no seconds, and {name} {lacks}; give one of them."
                break


def _known(
    path: FieldPath,
    names: Sequence[str],
    scenario: ScenarioModel,
    layers: Mapping[str, str],
    flying: bool = False,
) -> Iterator[Problem]:
    words = () if flying else ("observer", "ground")
    for name in names:
        yield from known_name(path, name, [*words, *scenario.layers, *layers], "node or layer")
        if flying and name in layers and not layers[name]:
            yield path, f"names {name}, a station; satellites observe."


def _nodes(names: Sequence[str], scenario: ScenarioModel, layers: Mapping[str, str]) -> list[str]:
    """Those that layers, `ground` and nodes stand for."""
    antennas = {station.name for station in scenario.stations if station.antenna}
    return [
        node
        for name in names
        for node, layer in layers.items()
        if node == name or layer == name or (name == "ground" and node in antennas)
    ]
