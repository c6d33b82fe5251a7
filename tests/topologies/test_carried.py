# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""What nodes carry: presets and fields of one's own, what is wrong with them, and the pages that tell it."""

import pathlib
import re

import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.carried import Camera, Carried, Computing, Power
from skybed.topologies.model.equipment import CAMERAS, COMPUTERS, POWER
from skybed.topologies.scenario.file import Scenario

DOCS = pathlib.Path(__file__).parents[2] / "docs"
LINE = 7
SCENARIO = """\
name: small
epoch: 2026-05-09
duration_s: 60
layers:
  eo:
    walker: "97.5:3/1/0 at 535 km"
    carries: {%s}
stations:
  - name: hut
    lat_deg: 50
    lon_deg: 8
    carries: {%s}
"""


@pytest.fixture
def load(tmp_path):
    def load(satellites="", station=""):
        path = tmp_path / "small.yaml"
        path.write_text(SCENARIO % (satellites, station))
        return Scenario.load(path)

    return load


def of_satellites(load, text):
    return load(text).layers["eo"].carries


# -- what is right -------------------------------------------------------------------------------


def test_without_it_nodes_have_room_and_power_and_neither_computer_nor_camera(load):
    scenario = load()
    assert scenario.layers["eo"].carries == scenario.stations[0].carries == Carried()
    assert Carried().storage is Carried().computing is Carried().camera is Carried().power is None


@pytest.mark.parametrize(
    "field, model, presets",
    [("computing", Computing, COMPUTERS), ("camera", Camera, CAMERAS), ("power", Power, POWER)],
)
def test_every_preset_is_one_by_its_name(load, field, model, presets):
    for name, fields in presets.items():
        assert getattr(of_satellites(load, f"{field}: {name}"), field) == model(**fields)
        assert getattr(load(station=f"{field}: {name}").stations[0].carries, field) == model(**fields)


def test_a_preset_with_fields_of_ones_own(load):
    computing = of_satellites(load, "computing: {preset: jetson-tx2, slots: 2}").computing
    assert (computing.slots, computing.mb_s, computing.idle_w) == (2, 2.206, 0.5)
    assert of_satellites(load, "power: {preset: cote, battery_wh: 7}").power.battery_wh == 7


def test_a_speed_of_one_kind_replaces_one_of_the_other(load):
    computing = of_satellites(load, "computing: {preset: jetson-tx2, scene_s: 2}").computing
    assert (computing.mb_s, computing.scene_s, computing.watts) == (None, 2, 10.83)
    computing = of_satellites(load, "computing: {preset: atlas-200, mb_s: 3}").computing
    assert (computing.mb_s, computing.scene_s) == (3, None)


def test_storage_is_a_number_or_a_mapping(load):
    assert of_satellites(load, "storage: 64").storage.when_full == "refuse"
    storage = of_satellites(load, "storage: {gb: 0.5, when_full: drop-oldest}").storage
    assert (storage.gb, storage.when_full) == (0.5, "drop-oldest")


def test_a_scenario_comes_back_the_same_with_what_its_presets_say(load, tmp_path):
    scenario = load("storage: 64, computing: three-body, camera: sentinel-2", "computing: {mb_s: {fire: 3}}")
    (tmp_path / "again.yaml").write_text(scenario.dump())
    again = Scenario.load(tmp_path / "again.yaml")
    assert again == scenario and again.sha256 == scenario.sha256


def test_how_long_a_job_takes():
    assert Computing(mb_s=4).job_s("any", 20) == 5
    assert Computing(scene_s=2.63).job_s("any", 20) == Computing(scene_s=2.63).job_s("any", 4000) == 2.63
    by_job = Computing(mb_s={"fire": 2, "flood": 8})
    assert (by_job.job_s("fire", 16), by_job.job_s("flood", 16), by_job.job_s("roads", 16)) == (8, 2, None)


def test_computing_resumes_above_the_floor():
    assert Power(panel_w=1, battery_wh=1).resumes_pct == 25
    assert Power(panel_w=1, battery_wh=1, floor_pct=98).resumes_pct == 100
    assert Power(panel_w=1, battery_wh=1, floor_pct=30, resume_pct=60).resumes_pct == 60


# -- what is published ---------------------------------------------------------------------------


def test_published_times_come_out_of_the_presets():
    """A cote image in 30.72 tiles of 44.86 ms; EarthSight's of 300 MB; KaleidEO's scene in 2 minutes."""
    times_s = {
        "jetson-tx2": (3.04, 30.72 * 0.04486),
        "jetson-orin": (300, 1.33),
        "edge-tpu": (300, 4.14),
        "kaleideo": (489, 120),
    }
    for name, (mb, seconds) in times_s.items():
        assert Computing(**COMPUTERS[name]).job_s("", mb) == pytest.approx(seconds, rel=1e-3)


def test_published_watts_are_those_of_work_and_idle_together():
    """Of cote, EarthSight and BUPT-1, whose computer drew 681 and 568 mA at 12 V: some 21 J an image."""
    watts = {
        "jetson-tx2": 11.33,
        "jetson-orin": 30,
        "edge-tpu": 2,
        "atlas-200": 0.681 * 12,
        "atlas-200-low": 0.568 * 12,
    }
    for name, drawn in watts.items():
        computer = Computing(**COMPUTERS[name])
        assert computer.watts + computer.idle_w == pytest.approx(drawn, abs=0.01)
    atlas = Computing(**COMPUTERS["atlas-200"])
    assert (atlas.watts + atlas.idle_w) * atlas.scene_s == pytest.approx(21, abs=0.6)


def test_bupt_1_harvests_and_draws_what_its_telemetry_has():
    orbit_h = 94.13 / 60
    bupt = Power(**POWER["bupt-1"])
    assert bupt.panel_w * 0.62 * orbit_h == pytest.approx(22.6, abs=0.1)
    assert bupt.idle_w * orbit_h == pytest.approx(22.7, abs=0.1)


# -- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, says",
    [
        ("storage: 0", "storage is 0; it must be more than 0."),
        ("storage: true", "storage is true; it must be a mapping of fields."),
        ("storage: {gb: 5, when_full: drop}", "storage.when_full is drop; it must be refuse or drop-oldest."),
        ("computing: jetson-tx3", "computing jetson-tx3 is no computer of the catalogue (did you mean jetson-tx2?)."),
        ("camera: {preset: cot}", "camera has the preset cot, which is no camera of the catalogue (did you mean cote?)."),
        (
            "power: {preset: [1]}",
            "power has the preset [1], which is no power supply of the catalogue (there are bupt-1, computing-1kw, cote, earthsight).",
        ),
        ("computing: {slots: 2}", "computing needs one of mb_s and scene_s, which tell how fast it is."),
        ("computing: {mb_s: 2, scene_s: 3}", "computing has mb_s and scene_s; give one of them."),
        ("computing: {mb_s: {fire: 0}}", "computing.mb_s.fire is 0; it must be more than 0."),
        ("computing: {mb_s: {}}", "computing.mb_s is an empty mapping; it must be a mapping of at least 1."),
        ("computing: {mb_s: fast}", "computing.mb_s is fast; it must be a number."),
        ("computing: {preset: jetson-tx2, slots: 0}", "computing.slots is 0; it must be at least 1."),
        ("camera: {scene_mb: 1, max_off_nadir_deg: 90}", "camera.max_off_nadir_deg is 90; it must be less than 90."),
        ("camera: {capture_s: 1}", "camera.scene_mb is missing."),
        (
            "power: {preset: cote, floor_pct: 50, resume_pct: 40}",
            "power needs a resume_pct that is more than its floor_pct.",
        ),
        ("power: {preset: cote, start_pct: 101}", "power.start_pct is 101; it must be at most 100."),
        ("power: {preset: cote, watts: 3}", "power.watts is not a field"),
        ("computr: jetson-tx2", "computr is not a field (did you mean computing?)."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_field(load, text, says):
    with pytest.raises(ScenarioError) as error:
        load(text)
    assert f"small.yaml, line {LINE}: layers.eo.carries.{says}" in str(error.value)
    with pytest.raises(ScenarioError) as error:
        load(station=text)
    assert f"small.yaml, line {LINE + 5}: stations[0].carries.{says}" in str(error.value)


# -- the pages -----------------------------------------------------------------------------------


def test_the_example_is_part_of_a_scenario(tmp_path):
    section = (DOCS / "scenario.md").read_text().split("\n## Carries\n")[1]
    example = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "carries.yaml").write_text(f"name: carries\nepoch: 2026-05-09\nduration_s: 60\n{example}")
    scenario = Scenario.load(tmp_path / "carries.yaml")
    assert scenario.layers["cloud"].carries.computing.job_s("detect", 80) == 2


@pytest.mark.parametrize(
    "heading, model, presets, columns",
    [
        ("Computers", Computing, COMPUTERS, ("slots", "mb_s", "scene_s", "watts", "idle_w")),
        ("Cameras", Camera, CAMERAS, ("scene_mb", "capture_s", "watts", "max_off_nadir_deg")),
        ("Power supplies", Power, POWER, ("panel_w", "battery_wh", "floor_pct", "idle_w", "transmit_w")),
    ],
)
def test_the_page_has_every_preset_as_it_is(heading, model, presets, columns):
    section = (DOCS / "equipment.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    told = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            name, *cells = line.strip("| ").split(" | ")
            told[name.strip("`")] = [cell.strip("*") for cell in cells[: len(columns)]]
    shown = {
        name: [getattr(model(**fields), column) for column in columns] for name, fields in presets.items()
    }
    assert told == {name: ["–" if x is None else f"{x:g}" for x in values] for name, values in shown.items()}
    assert list(told) == list(presets)
