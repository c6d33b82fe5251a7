"""`skybed passes`, as a user and a script meet it, and docs/passes.md, which tells of it."""

import csv
import json
import pathlib
import re
import shlex

import numpy as np
import pytest
from click.testing import CliRunner

from skybed.scripts.cli.main import main
from skybed.topologies.contacts.lookangles import COLUMNS
from skybed.topologies.model.fields import LONGEST_S

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "passes.md").read_text()
PAIR = ROOT / "scenarios" / "pair.yaml"
RISE_S, SET_S = 6.709, 433.111  # of the satellite of `pair` over Miyun


def skybed(*words, code=0):
    """What a command says, on both streams."""
    done = CliRunner().invoke(main, ["passes", *(str(word) for word in words)])
    assert done.exit_code == code, done.output
    assert isinstance(done.exception, SystemExit | None)
    return done.stdout, done.stderr


# -- docs/passes.md ------------------------------------------------------------------------------


def test_the_example_prints_what_it_is_said_to():
    command, printed = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[:2]
    said, _ = skybed(*shlex.split(command)[2:])
    assert [line.rstrip() for line in said.splitlines()] == printed.splitlines()


def test_the_columns_over_time_are_those():
    told = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.*) \|$", TEXT, re.MULTILINE)
    assert told == [(column.name, column.unit, column.about) for column in COLUMNS]


def test_the_program_runs_and_its_table_is_told(capsys):
    (program,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    names = {}
    exec(program, names)
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert names["looks"]["elevation_deg"].tolist() == pytest.approx([5, 65.32, 5], abs=0.01)
    table = TEXT[TEXT.index("`passes` has") : TEXT.index("## How exact")]
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert sorted(told) == sorted(names["passes"].columns)


# -- passes --------------------------------------------------------------------------------------


def test_a_pass_is_whole_and_its_contact_is_of_the_plan():
    """The plan of 30 s has the begin of the contact, two seconds of set-up after the rise; at 9 Mbit/s."""
    (row,) = json.loads(skybed(PAIR, "miyun", "--json")[0])["passes"]
    assert (row["rise_s"], row["set_s"]) == pytest.approx((RISE_S, SET_S), abs=1e-3)
    assert row["contacts"] == 1 and row["contact_end_s"] == 30
    assert row["contact_start_s"] == pytest.approx(RISE_S + 2, abs=1e-3)
    assert row["volume_up_mb"] == pytest.approx((30 - RISE_S - 2) * 9 / 8, abs=1e-3)
    (row,) = json.loads(skybed(PAIR, "miyun", "--json", "--duration", 600)[0])["passes"]
    assert row["contact_end_s"] == pytest.approx(row["set_s"], abs=1e-4)
    assert row["contact_s"] == pytest.approx(SET_S - RISE_S - 2, abs=1e-3)


def test_each_direction_has_its_volume_and_a_fault_takes_its_part(place):
    text = PAIR.read_text().replace("setup_s: 2, min", "setup_s: 2, down: {rate_mbps: 1800}, min")
    fault = "faults: [{kind: carrier, link: [eo-0-0, miyun], at_s: 15, for_s: 5}]\n"
    (place / "s.yaml").write_text(text + fault)
    said, _ = skybed("s.yaml", "miyun", "--json")
    (row,) = json.loads(said)["passes"]
    assert row["contacts"] == 2
    assert row["volume_down_mb"] == pytest.approx(2 * row["volume_up_mb"])
    assert row["contact_s"] == pytest.approx(30 - RISE_S - 2 - 5 - 2, abs=1e-3)  # and acquired again
    assert ", 2 parts" in skybed("s.yaml", "miyun")[0]


def test_passes_of_a_layer_by_masks_of_their_own():
    said, _ = skybed("sc-mini", "miyun", "--json")
    rows = {row["satellite"]: row for row in json.loads(said)["passes"]}
    assert {row["min_elevation_deg"] for name, row in rows.items() if "relay" in name} == {10}
    assert {row["min_elevation_deg"] for name, row in rows.items() if "relay" not in name} == {0}
    said, _ = skybed("sc-mini", "miyun", "relay", "--json")
    relays = json.loads(said)["passes"]
    assert [row["satellite"] for row in relays] == [name for name in rows if "relay" in name]
    said, _ = skybed("sc-mini", "miyun", "relay", "--json", "--min-elevation", 30)
    (row,) = json.loads(said)["passes"]
    assert row["rise_s"] > rows[row["satellite"]]["rise_s"] and row["max_elevation_deg"] > 30


def test_a_saved_plan_and_a_run_have_the_passes_of_their_scenario(place, good_run):
    said, _ = skybed("pair", "miyun")
    for folder in (good_run, good_run / "plan"):
        assert skybed(folder, "miyun") == (said, "")
    _, told = skybed(good_run, "miyun", "--duration", 60, code=2)
    assert "has its plan already: --start and --duration are for scenarios." in told


def test_an_aircraft_sees_satellites_pass():
    said, _ = skybed("flight", "cabin", "iridium", "--json", "--duration", 10)
    rows = json.loads(said)["passes"]
    assert rows and all(0 < row["duration_s"] < 900 for row in rows)


def test_who_is_not_in_view_is_told_so():
    said, _ = skybed(PAIR, "miyun", "eo-0-0", "--from", 500, "--until", 600)
    assert said == "There is no pass of eo-0-0 over miyun from 500 to 600 s; --until looks further.\n"
    said, _ = skybed(PAIR, "miyun", "--min-elevation", 60)
    assert said == "There is no pass over miyun from 0 to 30 s; --until looks further.\n"


# -- over time -----------------------------------------------------------------------------------


def test_a_pass_over_time_as_a_table_for_programs(place):
    said, _ = skybed(PAIR, "miyun", "--step", 100, "--frequency-ghz", 20, "--csv", "p.csv")
    rows = list(csv.DictReader((place / "p.csv").read_text().splitlines()))
    without_radio = [x.name for x in COLUMNS if not x.name.startswith(("c_n", "modcod"))]
    assert list(rows[0]) == ["satellite", "number", "t_s", *without_radio]
    t_s = [float(row["t_s"]) for row in rows]
    assert t_s == pytest.approx([RISE_S, 100, 200, 300, 400, SET_S], abs=1e-3)
    shift_hz = np.array([float(row["doppler_hz"]) for row in rows])
    assert (np.diff(shift_hz) < 0).all() and shift_hz[0] > 0 > shift_hz[-1]
    ppm = np.array([float(row["delay_rate_us_s"]) for row in rows])
    assert shift_hz == pytest.approx(-ppm * 20e3, abs=0.02)
    assert len(re.findall(r"^05-09 ", said, re.MULTILINE)) == len(rows)
    said, _ = skybed(PAIR, "miyun", "--step", 100, "--json")
    (row,) = json.loads(said)["passes"]
    assert row["over_time"]["t_s"] == t_s and "doppler_hz" not in row["over_time"]


def test_a_radio_link_has_its_c_n_and_modcod_over_time(place):
    """Also in a figure, and what `skybed plan` says of its class."""
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "links.md").read_text(), re.DOTALL)[1]
    (place / "rain.yaml").write_text(example)
    said, _ = skybed("rain.yaml", "sanya", "--step", 60, "--figure", "p.svg")
    assert re.search(r"^05-09 01:38:20 .* 17.04 +64APSK 4/5 +2367.677 +2.000$", said, re.MULTILINE)
    assert "C/N down (dB)" in (place / "p.svg").read_text()
    said, _ = skybed("rain.yaml", "sanya", "--step", 60, "--json")
    (row,) = json.loads(said)["passes"]
    assert row["over_time"]["modcod_down"][:2] == [None, "32APSK 7/9"]
    done = CliRunner().invoke(main, ["plan", "rain.yaml"])
    told = "radio     ka down: C/N 5.7 to 20.2 dB, 8PSK 3/5 to 256APSK 3/4, out for 0 s of 441 s"
    assert told in done.stdout and told in (ROOT / "docs" / "links.md").read_text()


def test_the_same_figure_is_the_same_file(place):
    _, told = skybed(PAIR, "miyun", "--until", 200_000, "--figure", "a.svg", "--frequency-ghz", 20)
    skybed(PAIR, "miyun", "--until", 200_000, "--figure", "b.svg", "--frequency-ghz", 20)
    assert "Figure: a.svg, the 6 highest of " in told
    assert (place / "a.svg").read_bytes() == (place / "b.svg").read_bytes()
    skybed(PAIR, "miyun", "--figure", "c.pdf")
    assert (place / "c.pdf").read_bytes().startswith(b"%PDF")


# -- what cannot be ------------------------------------------------------------------------------

TIMES = f"give times that rise, {LONGEST_S:.0f} s before or after the begin at most."
WRONG = {
    "miyum": "miyum is not a node of pair; passes are over a station (did you mean miyun?).",
    "eo-0-0": "eo-0-0 is a satellite of pair; passes are over a station (there are miyun, sanya).",
    "miyun eo-0-1": "pair has no satellite and no layer eo-0-1 (did you mean eo-0-0?).",
    "miyun --until -1": f"Passes are asked for from 0 s until -1 s; {TIMES}",
    "miyun --until 1e9": f"Passes are asked for from 0 s until 1e+09 s; {TIMES}",
    "miyun --from nan": f"Passes are asked for from nan s until 30 s; {TIMES}",
    "miyun --min-elevation 90": "The least elevation is 90 deg; it must be at least 0 and less than 90.",
    "miyun --frequency-ghz 0 --step 1": "The carrier frequency is 0 GHz; it must be more than 0.",
    "miyun --frequency-ghz 20": "--frequency-ghz is of passes over time; give --step or --figure, too.",
    "miyun --step 0": "--step is 0; it must be at least 0.001 s.",
    "miyun --step 0.001 --until 86400": "--step is 0.001; that would be 2,330,793 rows, and 1,000,000 are",
    "miyun --csv no/p.csv": "no/p.csv cannot be written (there is no such directory); name another file with",
    "miyun --figure p.gif": "p.gif cannot be drawn: its name must end in one of .svg, .pdf, .png.",
    "miyun --figure p.svg --from 500 --until 600": "p.svg is not drawn: there is no pass over miyun from",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_is_told_in_a_sentence(place, words):
    said, told = skybed(PAIR, *words.split(), code=2)
    assert said == "" and told.splitlines()[-1].startswith(f"skybed: {WRONG[words]}")
    assert not list(place.iterdir())
