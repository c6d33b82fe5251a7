"""A campaign: one YAML file that makes many scenarios of one, each validated before anything runs.

Paths are those of topologies.scenario.overrides.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import pathlib
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import ready, yamlmarks
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import Model, Name
from skybed.topologies.model.known import Problem
from skybed.topologies.model.metrics import METRICS, OF_TASKS, SAMPLES, MetricName, compared, not_a_metric
from skybed.topologies.model.tasks import Task
from skybed.topologies.model.yamlmarks import Marks, dotted, line_of
from skybed.topologies.scenario import campaign_figures, overrides
from skybed.topologies.scenario.campaign_figures import FigureModel
from skybed.topologies.scenario.file import Scenario, check, parse
from skybed.topologies.scenario.reading import name_flows, read_text
from skybed.topologies.scenario.validation import error_of, validated

MOST_COMBINATIONS, MOST_RUNS = 2_000, 10_000  # each is checked as a scenario; each is a folder
LONGEST_VALUE = 200  # characters, percent-encoded: with its path it names a folder
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # in the names of a table's folders
VARIANT = "variant"  # the parameter whose values are the names of the list's items

Value = str | int | float | bool | None


def _by_name(value: Any) -> Any:
    """The list's items by their names, or by their numbers."""
    if isinstance(value, list):
        return dict(enumerate(value))
    if isinstance(value, dict) and not all(
        isinstance(name, str) and name.isprintable() and name.strip() for name in value
    ):
        raise ValueError("has an item whose name is no text of one line; write one, in quotes if need be")
    return value


class Campaign(Model):
    """Every combination of the grid's values, with each item of the list, so many times.

    Items with names are one parameter, `variant`; without, each path in them is one.
    """

    name: Name
    about: str = ""
    scenario: str  # the file, relative to this one, or the name of a ready one
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default={})
    variants: Annotated[
        dict[str | int, Annotated[dict[str, Any], Field(min_length=1)]],
        BeforeValidator(_by_name), Field(alias="list", min_length=1),
    ] = Field(default={0: {}})  # fmt: skip
    without: list[Annotated[dict[str, Any], Field(min_length=1)]] = Field(default=[])  # combinations left out
    repeats: Annotated[int, Field(ge=1, le=10_000)] = 1
    clock: Literal["virtual", "real"] = "virtual"
    retries: Annotated[int, Field(ge=0, le=10)] = 1  # of a run that is invalid or breaks off
    metrics: Annotated[list[MetricName], Field(min_length=1)] = Field(default_factory=compared)
    figures: list[FigureModel] = Field(default=[])  # of the report

    @property
    def parameters(self) -> list[str]:
        own = [VARIANT] if self.named else itertools.chain(*self.variants.values())
        return list(dict.fromkeys([*own, *self.grid]))

    @property
    def named(self) -> bool:
        """Whether the items of the list have names."""
        return isinstance(next(iter(self.variants)), str)


@dataclass(frozen=True)
class Case:
    """One run: parameters by path (lists and mappings as JSON), repeat from 0, and what to run."""

    parameters: dict[str, Value]
    repeat: int
    scenario: Scenario
    clock: str

    @property
    def played(self) -> Scenario:
        """As it is run: virtual time has its own default of the delay bound."""
        return self.scenario.in_virtual_time() if self.clock == "virtual" else self.scenario

    @property
    def key(self) -> str:
        """Names the run by its content: a campaign that is edited keeps the runs that stay."""
        return hashlib.sha256(f"{self.scenario.sha256} {self.clock}".encode()).hexdigest()[:16]


def load(path: pathlib.Path) -> tuple[Campaign, list[Case]]:
    """The campaign in a file, or the ready one of that name, and its runs, repeats innermost. ScenarioError
    says file, line and field."""
    file, campaign_path = str(path), ready.find(path, "campaign")
    data, lines = yamlmarks.parse(read_text(campaign_path, file, "campaign"), file)
    if not isinstance(data, dict):
        raise ScenarioError(f"{file}: a campaign is a mapping of fields (name, scenario, grid, ...).")
    campaign = validated(Campaign, data, lines, file, {(): Campaign, ("figures", "*"): FigureModel})
    _check_size(campaign, lines, file)
    where = f"{file}, line {line_of(lines, ('scenario',))}: "
    base_path = ready.find(campaign.scenario, "scenario", campaign_path.parent, where)
    text = read_text(base_path, f"{where}{campaign.scenario}", "scenario")
    parse(text, str(base_path), base_path.parent)  # its own errors are told with its own lines
    base, _ = yamlmarks.parse(text, str(base_path))
    name_flows(base)
    cases: list[Case] = []
    seen: dict[str, int] = {}
    used: set[int] = set()  # of `without`
    for variant, changes in _combined(campaign, lines, file):
        parameters = {
            at: variant if at == VARIANT else _value(
                changes[at][1] if at in changes else overrides.look(base, at)
            )
            for at in campaign.parameters
        }  # fmt: skip
        if left_out := _left_out(campaign, parameters):
            used |= left_out
            continue
        line = max((line for line, _ in changes.values()), default=1)
        if "seed" in changes:  # in the table it is the run's
            raise ScenarioError(
                f"{file}, line {changes['seed'][0]}: seed is not a parameter; `repeats` vary it."
            )
        changed, marks = overrides.changed(base, changes, line, file)
        scenario = check(changed, marks, file, base_path.parent)
        for at, value in parameters.items():
            place = f"{file}, line {changes[at][0] if at in changes else line}: "
            if len(urllib.parse.quote(str(value))) > LONGEST_VALUE:
                remedy = "give a shorter one" if at == VARIANT else "give the items of a list names"
                raise ScenarioError(
                    f"{place}a value of {at} is too long to name a folder ({LONGEST_VALUE} letters and "
                    f"digits, others count up to 9); {remedy}."
                )
            if value == NO_VALUE:
                raise ScenarioError(
                    f"{place}{value} is how tables write that there is no {at}; take another."
                )
        for case in _repeated(campaign, parameters, scenario):
            if case.key in seen:
                other = seen[case.key]
                raise ScenarioError(
                    f"{file}, line {line}: the same run as that of line {other}; leave one out."
                )
            seen[case.key] = line
            cases.append(case)
    if not cases:
        raise ScenarioError(f"{file}, line {line_of(lines, ('without',))}: without leaves no run.")
    flows = dict.fromkeys(str(flow.name) for case in cases for flow in case.scenario.flows)
    if not flows:
        raise ScenarioError(f"{where}{campaign.scenario} has no traffic: there is nothing to measure.")
    kinds = {isinstance(flow, Task) for case in cases for flow in case.scenario.flows}
    sampled = [name for name in SAMPLES if (name == OF_TASKS) in kinds]
    drawn = campaign_figures.problems(campaign.figures, values(cases), campaign.metrics, [*flows], sampled)
    problems = [
        (line_of(lines, at), f"{dotted(at)} {says}")
        for at, says in (*_useless(campaign, used), *_unknown(campaign, cases), *drawn)
    ]
    if problems:
        raise error_of(file, problems)
    return campaign, cases


def _check_size(campaign: Campaign, lines: Marks, file: str) -> None:
    """Raise ScenarioError for more than can be worked through, before it is."""
    combinations = len(campaign.variants) * math.prod(len(values) for values in campaign.grid.values())
    if combinations > MOST_COMBINATIONS:
        field = "grid" if campaign.grid else "list"
        says = f"{field} makes {combinations} combinations; at most {MOST_COMBINATIONS} can be planned."
        raise error_of(file, [(line_of(lines, (field,)), says)])
    if combinations * campaign.repeats > MOST_RUNS:
        says = f"repeats makes {combinations * campaign.repeats} runs; at most {MOST_RUNS} can be planned."
        raise error_of(file, [(line_of(lines, ("repeats",)), says)])


def values(cases: Sequence[Case]) -> dict[str, list[Value]]:
    """By parameter, the values it takes, in the order of the file."""
    return {at: list(dict.fromkeys(case.parameters[at] for case in cases)) for at in cases[0].parameters}


def seed_of(seed: int, repeat: int) -> int:
    """The seed of a repeat: the scenario's own for the first, then numpy's SeedSequence of both."""
    return (
        seed if repeat == 0 else int(np.random.SeedSequence([seed % 2**64, repeat]).generate_state(1)[0] >> 1)
    )


def _repeated(campaign: Campaign, parameters: dict[str, Value], scenario: Scenario) -> Iterator[Case]:
    if campaign.clock == "virtual":
        scenario = scenario.in_virtual_time()
    for repeat in range(campaign.repeats):
        seeded = scenario.model_copy(update={"seed": seed_of(scenario.seed, repeat)})
        yield Case(parameters, repeat, seeded, campaign.clock)


# -- combinations that are left out ------------------------------------------------------------------


def _left_out(campaign: Campaign, parameters: dict[str, Value]) -> set[int]:
    """The items of `without` that a combination is like: it has all of their values."""
    wanted = [{at: _value(value) for at, value in item.items()} for item in campaign.without]
    return {n for n, item in enumerate(wanted) if item.items() <= parameters.items()}


def _unknown(campaign: Campaign, cases: Sequence[Case]) -> Iterator[Problem]:
    """Metrics that nothing measures, or nothing of what is there; a program may print any."""
    if not any(flow.OPEN for case in cases for flow in case.scenario.flows):
        for number, name in enumerate(campaign.metrics):
            if name not in METRICS:
                yield ("metrics", number), f"{name} {not_a_metric(name)}."
    for number, name in enumerate(campaign.metrics if "metrics" in campaign.model_fields_set else ()):
        able = [flow for case in cases for flow in case.scenario.flows if name in flow.NEEDS]
        if able and not any(flow.measures(name) for flow in able):
            needs = f"measured of a {able[0].title} with {able[0].NEEDS[name]}"
            yield ("metrics", number), f"{name} is {needs}, and no run has one."


def _useless(campaign: Campaign, used: set[int]) -> Iterator[Problem]:
    paths = campaign.parameters
    for number, item in enumerate(campaign.without):
        unknown = [at for at in item if at not in paths]
        for at in unknown:
            yield ("without", number, at), f"is not a parameter of this campaign{hint(at, paths)}."
        if not unknown and number not in used:
            yield ("without", number), "leaves nothing out: no combination has these values."


# -- parameters --------------------------------------------------------------------------------------


def _combined(
    campaign: Campaign, lines: Marks, file: str
) -> Iterator[tuple[Value, dict[str, tuple[int, Any]]]]:
    """The list's items by their names, and for each of them the combinations of the grid's values."""
    for name, variant in campaign.variants.items():
        given = {at: (line_of(lines, ("list", name, at)), value) for at, value in variant.items()}
        for at in campaign.grid.keys() & given.keys():
            raise ScenarioError(
                f"{file}, line {given[at][0]}: {at} is in the grid too; give it in one place."
            )
        axes = [
            [(at, (line_of(lines, ("grid", at, i)), value)) for i, value in enumerate(values)]
            for at, values in campaign.grid.items()
        ]
        for chosen in itertools.product(*axes):
            yield name, given | dict(chosen)


def _value(value: Any) -> Value:
    return json.dumps(value) if isinstance(value, list | dict) else value
