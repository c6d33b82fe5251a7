"""The benchmark of planning: both ways find the same passes, and its figures are there."""

import pathlib

import numpy as np
import pytest

from skybed.scripts.bench import plan
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import elements
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"


@pytest.mark.parametrize("other", [plan.loop_passes, plan.script_passes])
def test_others_find_the_same_passes(other):
    """Edges within half a second, which is what find_events stops at."""
    scenario = Scenario.load(SCENARIOS / "sc-mini.yaml")
    satellites = elements.layer_satellites(scenario)[::9]
    stations = [station for station in scenario.stations if station.antenna]
    ours, _ = plan.array_passes(scenario, satellites, stations, 20_000.0)
    theirs, _ = other(satellites, stations, plan.every_second(scenario, 20_000.0))
    whole = ours[(ours.start_s > 0) & (ours.end_s < 20_000)]
    keys = ["satellite", "station", "start_s"]
    ours, theirs = (x.sort_values(keys, ignore_index=True) for x in (whole, theirs))
    assert len(ours) > 30
    assert ours[keys[:2]].equals(theirs[keys[:2]])
    assert np.abs(ours[["start_s", "end_s"]] - theirs[["start_s", "end_s"]]).max().max() < 0.5


def test_the_figures_of_a_small_plan(tmp_path):
    found = plan.planning(SCENARIOS / "sc-mini.yaml", 600.0, 1, tmp_path)
    figures = {row["key"]: row for row in found["figures"]}
    assert all(row["skybed"] > 0 for row in figures.values())
    assert figures["passes_mss_s"]["ratio"] > 0 < figures["passes_script_mss_s"]["ratio"]
    assert figures["memory_mib"]["skybed"] < 1024


def test_routes_are_measured_at_two_intervals():
    figures = plan.routing(SCENARIOS / "sc-mini.yaml", 20.0, 1)
    assert [row["key"] for row in figures] == ["routes_ms", "routes_fine_ms"]
    assert all(row["skybed"] > 0 and row["other"] > 0 for row in figures)


def test_a_scenario_without_stations_is_refused(tmp_path):
    scenario = Scenario.load(SCENARIOS / "ring12.yaml")
    bare = scenario.model_copy(update={"stations": [], "access": [], "traffic": [], "fibre": []})
    (tmp_path / "bare.yaml").write_text(bare.dump())
    with pytest.raises(ScenarioError, match="no ground station"):
        plan.planning(tmp_path / "bare.yaml", 60.0, 1, tmp_path)
