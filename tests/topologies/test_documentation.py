"""docs/scenario.md is the reference of the scenario file: it has every field, and its example is one."""

import itertools
import json
import pathlib
import re

import pytest
import yaml
from pydantic import AliasChoices
from pydantic_core import PydanticUndefined

from skybed.topologies.contacts.policy import InView
from skybed.topologies.model import carried, catalogue, flows, ground, kinds, links, space, tasks
from skybed.topologies.model.constellations import CONSTELLATIONS
from skybed.topologies.model.faults import Fault, Region
from skybed.topologies.model.metrics import METRICS
from skybed.topologies.model.radio import Radio
from skybed.topologies.model.routing import Copy, Custom, Domain, Mixture, Routing
from skybed.topologies.model.scenario import Fidelity, Limit
from skybed.topologies.model.weather import Weather
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "scenario.md").read_text()
SECTIONS = {
    match[1].lower(): match[2]
    for match in re.finditer(r"^##+ (.*?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
}
MODELS = {
    "the scenario": file.Scenario,
    "layers": space.Layer,
    "walker": space.Walker,
    "geostationary": space.Geostationary,
    "isl": space.Isl,
    "between layers": space.Between,
    "stations": ground.Station,
    "way points": ground.WayPoint,
    "carries": carried.Carried,
    "storage": carried.Storage,
    "computing": carried.Computing,
    "camera": carried.Camera,
    "power": carried.Power,
    "link classes": links.LinkClass,
    "access": links.Access,
    "fibre": links.Fibre,
    "routing": Routing,
    "custom": Custom,
    "domains": Domain,
    "copies": Copy,
    "metric": Mixture,
    "traffic": flows.Flow,
    "between nodes": flows.EndToEndFlow,
    **{name: kinds.named(name).MODEL for name in kinds.names()},
    "target": tasks.Target,
    "step": tasks.Step,
    "command": tasks.Command,
    "operating model": tasks.OperatingModel,
    "one direction": links.Way,
    "radio": Radio,
    "weather": Weather,
    "slots": links.Slots,
    "spike": links.Spike,
    "faults": Fault,
    "region": Region,
    "fidelity": Fidelity,
    "accept": Limit,
}


def rows(section, first):
    """Cells of the table in a section whose first heading is `first`."""
    lines = iter(SECTIONS[section].splitlines())
    table = [
        *itertools.takewhile(bool, itertools.dropwhile(lambda x: not x.startswith(f"| {first} |"), lines))
    ]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def written(default):
    """A default as the tables have it."""
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return f"{default:g}"
    return default if isinstance(default, str) and default else "–"


def test_every_model_of_a_scenario_has_its_section():
    assert set(MODELS.values()) == {
        *file.MODELS.values(),
        flows.EndToEndFlow,
        *(kinds.named(name).MODEL for name in kinds.names()),
    }


@pytest.mark.parametrize("section, kind", MODELS.items(), ids=MODELS)
def test_every_field_is_there_with_its_default(section, kind):
    fields = {
        word: written(field.default)
        for name, field in kind.model_fields.items()
        for word in (
            field.validation_alias.choices
            if isinstance(field.validation_alias, AliasChoices)
            else [field.alias or name]
        )
    }
    if issubclass(kind, flows.Flow) and kind is not flows.Flow:  # what all flows have is told once
        between = issubclass(kind, flows.EndToEndFlow) and kind is not flows.EndToEndFlow
        base = flows.EndToEndFlow if between else flows.Flow
        shared = {field.alias or name for name, field in base.model_fields.items()}
        fields = {name: default for name, default in fields.items() if name not in shared}
    told = {row[0].strip("`"): row[1] for row in rows(section, "field")}
    assert told == fields


def test_every_link_class_of_the_catalogue_is_there():
    told = {row[0].strip("`"): row[1:4] for row in rows("link classes", "class")}
    for name, link in catalogue.LINKS.items():
        setup = link.get("setup_s", 0)
        reach = {"max_range_km": "{} km", "min_elevation_deg": "{} deg"}
        limits = [text.format(link[field]) for field, text in reach.items() if field in link]
        shown = f"{setup[0]} to {setup[1]}" if isinstance(setup, tuple) else str(setup)
        rate = str(link.get("rate_mbps", "by its radio"))
        assert told.pop(name) == [rate, shown, limits[0] if limits else "–"]
    assert not told


def test_every_constellation_of_the_catalogue_is_there():
    told = {row[0].strip("`"): row[1:] for row in rows("constellations", "constellation")}
    for name, (walker, source) in CONSTELLATIONS.items():
        head, phasing = walker["notation"].rsplit("/", 1)
        printed = f"{head}/({phasing})" if " ours" in source else walker["notation"]
        wide = 180 if walker.get("pattern") == "star" else 360
        spacing = walker.get("raan_spacing_deg")
        planes = f"{spacing:g} deg apart" if spacing else f"around {wide} deg"
        planes += f", from {walker['raan0_deg']:g}" if "raan0_deg" in walker else ""
        assert told.pop(name) == [printed, str(walker["altitude_km"]), planes]
    assert not told


def test_stations_and_policies_are_there():
    for name in catalogue.CHINA:
        assert f"`{name}`" in SECTIONS["stations"]
    policies = {row[0].strip("`") for row in rows("access", "policy")}
    assert policies == set(links.PolicyName.__args__)
    assert [row[0].strip("`") for row in rows("policies in python", "given")] == list(InView.__annotations__)


def test_the_policy_in_python_chooses(tmp_path):
    """Four stations side by side: no satellite gets all of them, as the nearest of all would."""
    example = re.search(r"```python\n(.*?)```", SECTIONS["policies in python"], re.DOTALL)
    (tmp_path / "rules.py").write_text(example[1])
    stations = [{"name": f"s{n}", "lat_deg": 35, "lon_deg": 100 + n} for n in range(4)]
    fields = {
        "name": "idle", "epoch": "2026-05-09", "duration_s": 300, "stations": stations,
        "layers": {"l": {"constellation": "starlink-53.0"}},
        "access": [{"from": "ground", "to": "l", "link": "ka-user", "policy": "rules.py:idle"}],
    }  # fmt: skip
    plan = Plan.make(file.parse(json.dumps(fields), "idle.yaml", tmp_path))
    at_once = plan.contacts[plan.contacts["start_s"] == 0]
    assert len(set(plan.network.ends[0][at_once["link"]])) == 4


def test_the_bent_pipe_is_a_scenario():
    example = re.search(r"```yaml\n(.*?)```", SECTIONS["access"], re.DOTALL)
    places = {"home": (50, 8), "north": (52, 5), "south": (45, 10)}
    stations = [{"name": name, "lat_deg": lat, "lon_deg": lon} for name, (lat, lon) in places.items()]
    head = {"name": "bent", "epoch": "2026-05-09", "start": "2026-05-09T00:00:12Z", "duration_s": 60}
    head |= {"layers": {"starlink": {"constellation": "starlink-53.0"}}, "stations": stations}
    plan = Plan.make(file.parse(f"{yaml.safe_dump(head)}{example[1]}", "docs/scenario.md", pathlib.Path()))
    home = [n for n, link in enumerate(plan.links) if plan.node("home") in (link.a, link.b)]
    assert plan.contacts[plan.contacts["link"].isin(home)]["start_s"].sort_values().tolist() == [
        0,
        15,
        30,
        45,
    ]


WHERE_GIVEN = ("volume_mb", "deadline_s")  # fields without which some metrics are not measured


def test_every_metric_is_there_with_what_it_is_and_of_which_flows():
    given = dict.fromkeys(WHERE_GIVEN, 1.0) | {"type": "telecommand"}
    flows = [kinds.named(name).MODEL.model_construct(kind=name, **given) for name in kinds.names()]
    echo = kinds.named("probe").MODEL.model_construct(kind="probe", protocol="echo")

    def measured_of(metric):
        names = [flow.kind for flow in flows if metric in kinds.measured(flow)]
        if names == ["probe"] and metric not in kinds.measured(echo):
            names = ["stamp probe"]
        needed = ""
        for field in WHERE_GIVEN:
            bare = [flow.model_copy(update={field: None}) for flow in flows]
            without = {flow.kind for flow in bare if metric in kinds.measured(flow)}
            if not without.issuperset(name for name in names if name != "stamp probe"):
                needed += f"; with a `{field}`"
        return (
            ", ".join(names)
            + needed
            + ("", "; an end on the ground", "; both ends at rest on the ground")[metric.ground_ends]
        )

    told = [[row[0].strip("`"), *row[1:]] for row in rows("metrics", "metric")]
    assert told == [[metric.name, measured_of(metric), metric.about] for metric in METRICS.values()]


def test_the_example_is_a_scenario():
    example = re.search(r"```yaml\n(.*?)```", SECTIONS["a complete example"], re.DOTALL)
    scenario = file.parse(example[1], "docs/scenario.md", pathlib.Path())
    plan = Plan.make(scenario, duration_s=60)
    assert {link.kind for link in plan.links} == {"isl", "access", "fibre"}
    reached = plan.path("centre", "eo-a0", [0.0, 59.0]).path_id
    assert (reached >= 0).all()


def test_the_nodes_that_move_are_stations():
    example = re.search(r"```yaml\n(.*?)```", SECTIONS["way points"], re.DOTALL)
    layers = "layers: {l: {constellation: iridium-next}}"
    text = f"name: moving\nepoch: 2026-05-09\nduration_s: 60\n{layers}\n{example[1]}"
    stations = file.parse(text, "docs/scenario.md", pathlib.Path()).stations
    assert [(station.name, station.moves) for station in stations] == [("cabin", True), ("ship", True)]


def test_walkers_as_papers_print_them():
    example = re.search(r"```yaml\n(.*?)```", SECTIONS["walker"], re.DOTALL)
    text = f"name: walkers\nepoch: 2026-05-09\nduration_s: 60\n{example[1]}"
    layers = file.parse(text, "docs/scenario.md", pathlib.Path()).layers
    assert [(x.walker.planes, x.walker.per_plane) for x in layers.values()] == [(72, 22), (6, 11)]


def test_a_motif_over_starlink():
    example = re.search(r"```yaml\n(.*?)```", SECTIONS["isl"], re.DOTALL)
    text = f"name: motif\nepoch: 2026-05-09\nduration_s: 1\n{example[1]}"
    plan = Plan.make(file.parse(text, "docs/scenario.md", pathlib.Path()))
    assert len(plan.links) == 3 * 1584
