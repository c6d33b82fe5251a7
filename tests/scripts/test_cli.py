"""The commands that need no lane, as a user and a script meet them."""

import csv
import datetime as dt
import json
import pathlib
import shutil

import pytest
from click.testing import CliRunner
from sgp4.exporter import export_tle

from skybed.scripts.cli.main import main
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits import walker
from skybed.topologies.plan.plan import Plan

ROOT = pathlib.Path(__file__).parents[2]
PAIR = ROOT / "scenarios" / "pair.yaml"
EPOCH = dt.datetime(2026, 5, 2, tzinfo=dt.UTC)
TLE = (ROOT / "tests" / "data" / "three.tle").read_text()


def skybed(*words):
    """Standard output and standard error of a command that succeeds."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("name", main.list_commands(None))
def test_every_command_explains_itself_in_eighty_columns(name):
    said, _ = skybed(name, "--help")
    assert said.startswith(f"Usage: skybed {name} ")
    assert max(map(len, said.splitlines())) <= 80
    summary, _ = skybed("--help")
    line = next(line for line in summary.splitlines() if line.strip().startswith(name))
    assert not line.endswith("...")  # click cuts what does not fit


def test_the_exit_codes_are_in_the_help():
    said, _ = skybed("-h")
    assert [line.strip()[:3] for line in said.splitlines()[-5:]] == ["0  ", "1  ", "2  ", "3  ", "4  "]


def test_a_path_is_a_table_with_empty_cells_where_there_is_none():
    """The satellite is acquired at Miyun after nine seconds; before, the two stations have no path."""
    said, _ = skybed("path", PAIR, "miyun", "sanya", "--duration", 20, "--step", 0.1)
    header, *rows = csv.reader(said.splitlines())
    assert header == ["t_s", "rtt_ms", "path"]
    assert [row[0] for row in rows] == [f"{n / 10:.10g}" for n in range(201)]
    assert rows[0] == ["0", "", ""]
    reached = [row for row in rows if row[2]]
    assert {row[2] for row in reached} == {"miyun eo-0-0 sanya"}
    assert 8 < float(reached[0][0]) < 10
    assert len(reached) == 201 - rows.index(reached[0])
    assert all(15 < float(row[1]) < 40 and len(row[1].split(".")[1]) == 6 for row in reached)


def test_a_path_ends_with_the_plan_though_the_step_does_not_fit():
    said, _ = skybed("path", PAIR, "eo-0-0", "sanya", "--duration", 1, "--step", 0.3)
    assert [line.split(",")[0] for line in said.splitlines()[1:]] == ["0", "0.3", "0.6", "0.9"]


def test_a_plan_in_short_and_on_disk(place):
    said, _ = skybed("plan", PAIR, "--duration", 20, "--out", "plan")
    lines = dict(line.split(maxsplit=1) for line in said.splitlines()[:5])
    assert lines["scenario"].strip() == "pair, 2026-05-09 01:41:50 UTC + 20 s"
    assert lines["nodes"].strip() == "3: 1 eo, 2 ground"
    assert lines["links"].strip() == "2: 2 access"
    (contact,) = [line for line in said.splitlines() if line.startswith("eo-0-0--miyun")]
    assert float(contact.split()[2]) == 20.0
    assert Plan.load(place / "plan").duration_s == 20.0


def test_a_plan_names_the_programs_that_a_run_would_run():
    said, _ = skybed("plan", ROOT / "scenarios" / "download.yaml", "--duration", 20)
    runs = [line for line in said.splitlines() if line.startswith("runs")]
    assert [line.split()[1] for line in runs] == ["server:", "download:"]
    assert "exec python3 -m http.server" in runs[0]


def test_routes_can_be_left_out_of_a_plan(place):
    whole, _ = skybed("plan", PAIR)
    said, _ = skybed("plan", PAIR, "--no-routes", "--out", "plan")
    routes = next(line for line in said.splitlines() if line.startswith("routes"))
    assert routes.split(maxsplit=1)[1].strip() == "left out"
    assert [line for line in said.splitlines() if not line.startswith("routes")] == [
        line for line in whole.splitlines() if not line.startswith("routes")
    ]
    assert not (place / "plan" / "routes.parquet").exists()
    changes = len(Plan.load(place / "plan").routes.whole())  # worked out when asked for
    assert f"{changes} changes at" in whole


@pytest.mark.parametrize(
    "name, begins", [("c.csv", "a,b,start_s,end_s,"), ("c.ionrc", "# Contact plan of pair")]
)
def test_contacts_for_other_programs(place, name, begins):
    (place / name).write_text("an older export")
    skybed("plan", PAIR, "--export", name)
    assert (place / name).read_text().startswith(begins)


def test_a_plan_against_another(place):
    """The mask that is a degree higher delays Miyun's contact; against a scenario or its saved plan."""
    skybed("plan", PAIR, "--out", "saved")
    (place / "high.yaml").write_text(
        PAIR.read_text().replace("min_elevation_deg: 5}", "min_elevation_deg: 6}")
    )
    for other in (PAIR, "saved"):
        said, _ = skybed("plan", "high.yaml", "--against", other)
        assert "1 the same, 0 added, 0 removed, 1 moved, 0 with another delay" in said
        link, change, start, end, *_ = said.splitlines()[-1].split()
        assert (link, change, end) == ("eo-0-0--miyun", "moved", "30.000")
        assert float(start) > 20


def test_a_plan_against_itself_is_a_table_too(place):
    said, _ = skybed("plan", PAIR, "--against", PAIR)
    assert "contacts  2 the same, 0 added, 0 removed, 0 moved, 0 with another delay" in said
    assert len(said.splitlines()) == 5


def test_objects_that_cannot_be_used_are_told(place):
    spoiled = "".join(TLE.splitlines(True)[:3]).replace("9991", "9993")
    names = [f"OBJECT {n}" for n in range(12)]
    (place / "leo.tle").write_text(TLE + "".join(spoiled.replace("ISS (ZARYA)", name) for name in names))
    (place / "leo.yaml").write_text(
        "name: leo\nepoch: 2019-12-10\nduration_s: 1\nlayers:\n  leo: {elements: leo.tle}\n"
    )
    _, said = skybed("plan", "leo.yaml")
    lines = [line for line in said.splitlines() if not line.startswith("planning")]
    assert lines[0] == (
        "Left out of layer leo: OBJECT 0, line 11 of its elements: "
        "line 1 of its set has the checksum 3 instead of 1."
    )
    assert len(lines) == 11
    assert lines[-1] == "... and 2 more."


def test_planes_of_a_file_are_counted_and_who_fits_none_is_told(place):
    shell = {"inclination_deg": 60, "altitude_km": 1000, "phasing": 1}
    net = Layer(walker={"planes": 6, "per_plane": 10, **shell})
    odd = Layer(walker={"planes": 1, "per_plane": 1, **shell, "altitude_km": 900})
    flown = [*walker.satellites("net", net, EPOCH), *walker.satellites("odd", odd, EPOCH)]
    for number, satellite in enumerate(flown):
        satellite.satrec.satnum_str = str(40_000 + number)
    lines = [line for x in flown for line in (x.name, *export_tle(x.satrec))]
    (place / "net.tle").write_text("\n".join(lines))
    (place / "net.yaml").write_text(
        "name: net\nepoch: 2026-05-02\nduration_s: 60\nlayers:\n"
        "  net: {elements: net.tle, isl: {pattern: grid}}\n"
    )
    said, told = skybed("plan", "net.yaml", "--no-routes")
    assert "planes    net 6 of 10 and 1 of 1" in said
    assert "Of layer net these fit no plane with others and get no neighbours: odd-0-0.\n" in told


def test_python_that_planning_runs_is_told(place):
    (place / "rule.py").write_text("def links(*given):\n    return []\n")
    (place / "net.yaml").write_text(
        "name: net\nepoch: 2026-05-02\nduration_s: 60\nlayers:\n"
        "  net: {walker: '60:60/6/1 at 1000 km', isl: {python: rule.py:links}}\n"
    )
    said, _ = skybed("plan", "net.yaml", "--no-routes")
    assert "runs      layers.net.isl: rule.py:links, as you, to plan\n" in said


def test_satellites_that_decay_are_told(place):
    """Whatever is down at the start is left out; whatever comes down later loses its links."""
    falls = (
        "FALLS\n1 70112U 26001A   26121.00000000  .00000000  00000-0  30000-2 0  9997\n"
        "2 70112  51.6000 150.0000 0010000 269.0000  90.0000 16.30000000    08\n"
    )
    stays = (
        "STAYS\n1 70100U 26001A   26121.00000000  .00000000  00000-0  00000-0 0  9999\n"
        "2 70100  97.5000 110.0000 0014000 269.0000  90.0000 15.20000000    02\n"
    )
    (place / "leo.tle").write_text(falls + stays)
    (place / "leo.yaml").write_text(
        "name: leo\nepoch: 2026-05-02T05:30:00Z\nduration_s: 400\nlayers:\n  leo: {elements: leo.tle}\n"
    )
    sentence = "SGP4 fails: mean eccentricity is outside the range 0.0 to 1.0."
    assert f"FALLS has no links from 330 s on: {sentence}" in skybed("plan", "leo.yaml")[1]
    said, told = skybed("plan", "leo.yaml", "--start", "2026-05-02T12:00:00Z", "--duration", "60")
    at_start = sentence.replace("fails", "fails at the start")
    assert f"Left out of layer leo: FALLS, line 2 of its elements: {at_start}" in told
    assert "nodes     1: 1 leo" in said


def test_a_report_for_programs_is_the_verdict_alone(place, good_run):
    shutil.copytree(good_run, place / "run")
    said, told = skybed("report", "run", "--json")
    verdict = json.loads(said)
    assert (verdict["status"], verdict["reasons"], told) == ("pass", [], "")
    assert verdict == json.loads((place / "run" / "verdict.json").read_text())
    assert (place / "run" / "report.html").is_file()


def test_a_report_for_people_begins_with_the_verdict(place, good_run):
    shutil.copytree(good_run, place / "run")
    said, _ = skybed("report", "run")
    assert said.splitlines()[0] == "PASS  run"
