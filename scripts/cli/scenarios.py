"""What commands that take a scenario share: the argument and its options, the scenario, its plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from skybed.scripts.running.progress import Listener, ProgressBar, tell
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import yamlmarks
from skybed.topologies.model.fields import Utc
from skybed.topologies.orbits import elements
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.checks import space
from skybed.topologies.scenario.checks.idle import idle
from skybed.topologies.scenario.file import Scenario

argument = click.argument("scenario", type=click.Path(path_type=Path))
duration_option = click.option(
    "--duration", "duration_s", type=float, metavar="SECONDS", help="Instead of the scenario's duration_s."
)
start_option = click.option(
    "--start", metavar="TIME", help="When it begins, such as 2026-05-09T02:40:00Z.  [default: the scenario's]"
)


STRAYS = 12  # satellites without neighbours that are named


class _Setting(click.ParamType):
    """PATH=VALUE, the value in YAML."""

    name = "setting"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path, equals, text = str(value).partition("=")
        if not equals:
            self.fail(f"{value} is no PATH=VALUE, such as access[0].policy=keep.", param, ctx)
        try:
            return path, yamlmarks.parse(text, path)[0]
        except ScenarioError:
            self.fail(f"the value of {path}, {text}, is not YAML.", param, ctx)


set_option = click.option(
    "--set", "settings", multiple=True, type=_Setting(), metavar="PATH=VALUE",
    help="Another value of a field, as in access[0].policy=keep. May be given again.",
)  # fmt: skip


def load(path: Path, start: str | None = None, changes: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario, with another start and other values by path, if they are given. A line on standard error
    tells of each field that has no effect, of each object of its element files that cannot be used, and of
    those that no pattern links.
    """
    scenario = Scenario.load(path)
    if changes:
        scenario = scenario.with_(changes)
    if start is not None:
        scenario = _starting(scenario, start)
    lines = idle(scenario)
    for layer, names in elements.strays(scenario).items():
        shown = ", ".join(names[:STRAYS]) + f" and {len(names) - STRAYS} more" * (len(names) > STRAYS)
        lines.append(f"Of layer {layer} these fit no plane with others and get no neighbours: {shown}.")
    for layer, thing in elements.dropped(scenario):
        line = f", line {thing.line} of its elements" if thing.line else ""
        lines.append(f"Left out of layer {layer}: {thing.name}{line}: {thing.reason}.")
    tell(lines)
    return scenario


def _starting(scenario: Scenario, start: str) -> Scenario:
    try:
        at = TypeAdapter(Utc).validate_python(start)
    except ValidationError:
        raise ScenarioError(
            f"--start is {start}; give a date and time such as 2026-05-09T02:40:00Z."
        ) from None
    moved = scenario.model_copy(update={"start": at})
    for _, problem in space.start(moved):
        raise ScenarioError(f"--start {problem}")
    moved.with_()  # what decays before another start is left out: the nodes may be others
    return moved


def plan(scenario: Scenario, duration_s: float | None, listener: Listener) -> Plan:
    """The plan of a scenario, its making shown. Standard error has what is worth knowing of it."""
    plan = Plan.make(
        scenario, duration_s=duration_s, progress=lambda what, share: listener.at("planning", share, what)
    )
    tell(plan.notes)
    return plan


def saved_or_planned(path: Path, duration_s: float | None = None, start: str | None = None) -> Plan:
    """A saved plan, by its directory or that of its run, or that of a scenario."""
    if path.is_dir():
        for folder in (path, path / "plan"):
            if (folder / "plan.parquet").is_file():
                return Plan.load(folder)
        raise ScenarioError(
            f"{path}: there is no plan in it; name what `skybed plan --out` made, a run, or a scenario file."
        )
    scenario = load(path, start)
    with ProgressBar() as bar:
        return plan(scenario, duration_s, bar)
