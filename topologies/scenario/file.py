"""From a YAML file to a checked Scenario, or to errors that say what is wrong, where, and what to do."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import ready, yamlmarks
from skybed.topologies.model.carried import Camera, Carried, Computing, Power, Storage
from skybed.topologies.model.faults import Fault, Region
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.ground import Station, WayPoint
from skybed.topologies.model.links import Access, Fibre, LinkClass, Slots, Spike, Way
from skybed.topologies.model.radio import Radio
from skybed.topologies.model.routing import Copy, Custom, Domain, Mixture, Routing
from skybed.topologies.model.scenario import Fidelity, Limit, ScenarioModel
from skybed.topologies.model.space import Between, Geostationary, Isl, Layer, Walker
from skybed.topologies.model.tasks import Command, OperatingModel, Step, Target, Task
from skybed.topologies.model.weather import Weather
from skybed.topologies.model.yamlmarks import Marks, dotted, line_of
from skybed.topologies.scenario import checks, overrides
from skybed.topologies.scenario.reading import name_flows, read_named_files, read_text
from skybed.topologies.scenario.validation import Places, error_of, validated

UNPLANNED = ("name", "about", "traffic", "tasks", "capture", "fidelity", "accept")  # what no plan depends on
LINE = re.compile(r"\bline \d+(?! of)")  # of a text; "line 1 of its set" is none


class Scenario(ScenarioModel):
    """All that a scenario file says, checked as far as it can be without computing orbits."""

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Scenario:
        """The scenario in a YAML file, or the ready one of that name.

        Files that it names are read into it. Raises ScenarioError: one sentence per problem, each
        with the file, the line and the field.
        """
        file = ready.find(path, "scenario")
        return parse(read_text(file, str(path), "scenario"), str(path), file.parent)

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Scenario:
        """The same with other values, by path as in a campaign; checked as a file is.

        scenario.with_({"access[0].policy": "keep", "traffic[down].rate_hz": 20}, duration_s=60)
        """
        given = {at: (0, value) for at, value in {**(changes or {}), **fields}.items()}
        file = f"{self._file} with {', '.join(given)}" if given else self._file
        data, marks = overrides.changed(self._plain(), given, 0, file)
        scenario = check(data, marks, file, pathlib.Path(self._file).parent)
        scenario._lines = {}  # of no file
        return scenario

    def dump(self) -> str:
        """YAML that loads to an equal scenario, complete in itself: with defaults and texts of files."""
        return yaml.dump(
            self._plain(), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110
        )

    @property
    def sha256(self) -> str:
        """Of the content: comments, layout, defaults left out, the place of element files do not matter."""
        return hashlib.sha256(json.dumps(self._plain(), sort_keys=True).encode()).hexdigest()

    @property
    def plan_sha256(self) -> str:
        """Of what a plan depends on: scenarios with the same differ in traffic and in what is good enough."""
        plain = {name: value for name, value in self._plain().items() if name not in UNPLANNED}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def _plain(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def __eq__(self, other: object) -> bool:  # the file it came from does not matter
        return isinstance(other, Scenario) and self._plain() == other._plain()


MODELS: Places = {
    (): Scenario,
    ("layers", "*"): Layer,
    ("layers", "*", "walker"): Walker,
    ("layers", "*", "geostationary"): Geostationary,
    ("layers", "*", "isl"): Isl,
    ("stations", "*"): Station,
    ("stations", "*", "track", "*"): WayPoint,
    ("links", "*"): LinkClass,
    ("links", "*", "up"): Way,
    ("links", "*", "down"): Way,
    **{(*place, *part): model for place in (("links", "*"), ("links", "*", "up"), ("links", "*", "down"))
       for part, model in ((("slots",), Slots), (("slots", "spike"), Spike), (("radio",), Radio))},
    ("between", "*"): Between,
    ("access", "*"): Access,
    ("fibre", "*"): Fibre,
    ("routing",): Routing,
    ("routing", "custom"): Custom,
    ("routing", "metric"): Mixture,
    ("routing", "domains", "*"): Domain,
    ("routing", "copies", "*"): Copy,
    ("traffic", "*"): Flow,
    ("tasks", "*"): Task,
    ("tasks", "*", "steps", "*"): Step,
    ("tasks", "*", "models", "*"): OperatingModel,
    ("tasks", "*", "models", "*", "steps", "*"): Step,
    ("tasks", "*", "target", "*"): Target,
    ("tasks", "*", "command"): Command,
    **{(*place, "carries", *part): model for place in (("layers", "*"), ("stations", "*"))
       for part, model in (((), Carried), (("storage",), Storage), (("computing",), Computing),
                           (("camera",), Camera), (("power",), Power))},
    ("faults", "*"): Fault,
    ("faults", "*", "region"): Region,
    ("weather", "*"): Weather,
    ("fidelity",): Fidelity,
    ("accept", "*"): Limit,
}  # fmt: skip


def parse(text: str, file: str, folder: pathlib.Path) -> Scenario:
    """The scenario in a YAML text; `file` names it in errors, element files are looked up from `folder`."""
    data, lines = yamlmarks.parse(text, file)
    if not isinstance(data, dict):
        raise ScenarioError(
            f"{file}: a scenario is a mapping of fields (name, epoch, duration_s, layers, ...)."
        )
    name_flows(data)
    return check(data, lines, file, folder)


def check(data: dict[Any, Any], lines: Marks, file: str, folder: pathlib.Path) -> Scenario:
    """The scenario in the data of a YAML text, every path of which is in `lines`; element files are read."""
    names = read_named_files(data, lines, file, folder)
    scenario = validated(Scenario, data, lines, file, MODELS)
    scenario._file, scenario._lines = file, lines
    problems = [
        (line_of(lines, path), f"{dotted(path)} {_in_file(says, names.get(path))}")
        for path, says in checks.problems(scenario)
    ]
    if problems:
        raise error_of(file, problems)
    return scenario


def _in_file(says: str, name: str | None) -> str:
    """What is wrong with a field, with the name of the file that its text is from, if it is from one."""
    if name is None:
        return says
    placed = LINE.sub(lambda line: f"{line[0]} of {name}", says, count=1)
    return f"({name}) {says}" if placed == says and says.startswith("cannot be used") else placed
