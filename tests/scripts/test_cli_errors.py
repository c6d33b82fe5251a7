"""Who asks for what cannot be is told so in one sentence: exit code 2, nothing left behind."""

import pathlib
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

from skybed.scripts.cli.main import main

ROOT = pathlib.Path(__file__).parents[2]
PAIR = (ROOT / "scenarios" / "pair.yaml").read_text()
RING = (ROOT / "scenarios" / "ring12.yaml").read_text()
TLE = (ROOT / "tests" / "data" / "three.tle").read_text()
LEO = "name: leo\nepoch: 2019-12-10\nduration_s: 30\nlayers:\n  leo: {elements: leo.tle}\n"


def refused(*words) -> str:
    """What a command says that must say no."""
    before = sorted(pathlib.Path().rglob("*"))
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit)  # no traceback
    assert sorted(pathlib.Path().rglob("*")) == before
    return done.stderr


SCENARIOS = {
    "a missing field": (
        PAIR.replace("duration_s: 30\n", ""),
        "s.yaml, line 4: duration_s is missing.",
    ),
    "a negative rate": (
        PAIR.replace("rate_hz: 10}", "rate_hz: -10}", 1),
        "s.yaml, line 25: traffic[0].rate_hz is -10; it must be more than 0.",
    ),
    "an endless run": (
        PAIR.replace("duration_s: 30", "duration_s: 3000000000"),
        "s.yaml, line 7: duration_s is 3000000000; it must be at most 2592000.",
    ),
    "an impossible orbit": (
        PAIR.replace("altitude_km: 535", "altitude_km: 535, eccentricity: 0.2"),
        "s.yaml, line 14: layers.eo.walker.altitude_km with eccentricity 0.2 puts the perigee "
        "848 km below the surface; it needs at least 100 km.",
    ),
    "an unknown station": (
        PAIR.replace("[miyun,", "[miyum,"),
        "s.yaml, line 16: stations[0] miyum is not a station of the catalogue (did you mean miyun?).",
    ),
    "an unknown link class": (
        PAIR.replace("link: x-quick", "link: x-quack"),
        "s.yaml, line 22: access[0].link is x-quack, neither in links nor in the catalogue "
        "(did you mean x-quick?).",
    ),
    "a ring too small": (
        RING.replace("per_plane: 12", "per_plane: 6"),
        "s.yaml, line 16: layers.comp.isl.pattern is ring, but neighbours are 6913 km apart and the Earth "
        "hides what is beyond 4933 km: no link could ever exist; 9 satellites per plane would do.",
    ),
    "no objects to use": (
        LEO,
        "s.yaml, line 5: layers.leo.elements (leo.tle) cannot be used: none of its 1 objects can be used, "
        "the first, ISS (ZARYA), because line 1 of its set has the checksum 3 instead of 1.",
    ),
    "no element file": (
        LEO.replace("leo.tle", "oel.tle"),
        "s.yaml, line 5: oel.tle: there is no such element file (did you mean leo.tle?).",
    ),
    "something that is not YAML": ("a: [1, 2\n", "s.yaml, line 2: this is not YAML: did not find"),
    "brackets without end": ("a: " + "[" * 980 + "]" * 980, "s.yaml, line 1: this is nested"),
    "plain text": ("Dear skybed,", "s.yaml: a scenario is a mapping of fields (name, epoch, "),
    "nothing": ("", "s.yaml: a scenario is a mapping of fields (name, epoch, duration_s, layers, ...)."),
    "bytes": (b"\x93\xff\x00\x12", "s.yaml: this scenario file is not text in UTF-8."),
}  # fmt: skip


@pytest.mark.parametrize("command", [["plan"], ["path", "A", "B"], ["run"]], ids=lambda words: words[0])
@pytest.mark.parametrize("text, says", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_that_cannot_be(place, command, text, says):
    (place / "s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (place / "leo.tle").write_text("".join(TLE.splitlines(True)[:3]).replace("9991", "9993"))
    name, *rest = command
    assert refused(name, "s.yaml", *rest).splitlines()[-1].startswith(f"skybed: {says}")


def test_a_scenario_of_which_only_the_orbits_show_that_it_cannot_be(place):
    again = PAIR.replace("access:\n", "access:\n  - {from: ground, to: eo, link: ttc-s, policy: all}\n")
    (place / "s.yaml").write_text(again)
    assert refused("plan", "s.yaml", "--out", "plan").splitlines()[-1] == (
        "skybed: eo-0-0 and miyun get two links (x-quick and ttc-s), and can have one: change a pattern, "
        "an access rule or a fibre."
    )


PLACES = {
    "nosuch.yaml": "skybed: nosuch.yaml: there is no such scenario file.",
    ".": "skybed: .: this is a directory; name the scenario file in it.",
    "pair.yaml/x": "skybed: pair.yaml/x: this scenario file cannot be read: Not a directory.",
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("scenario", PLACES)
def test_a_scenario_that_is_not_there(place, command, scenario):
    (place / "pair.yaml").write_text(PAIR)
    assert refused(command, scenario).strip() == PLACES[scenario]


DURATION = "; it must be more than 0 and at most 2592000."
STEP = "; it must be at least 0.001 s and at most the duration, 30 s."
OPTIONS = [
    (["plan", "--duration", "0"], f"skybed: The duration is 0 s{DURATION}"),
    (["plan", "--duration", "-1"], f"skybed: The duration is -1 s{DURATION}"),
    (["plan", "--duration", "nan"], f"skybed: The duration is nan s{DURATION}"),
    (["plan", "--duration", "inf"], f"skybed: The duration is inf s{DURATION}"),
    (["plan", "--duration", "long"], "Error: Invalid value for '--duration': 'long' is not a valid float."),
    (["path", "miyun", "sanya", "--duration", "0"], f"skybed: The duration is 0 s{DURATION}"),
    (["path", "miyun", "sanya", "--step", "0"], f"skybed: --step is 0{STEP}"),
    (["path", "miyun", "sanya", "--step", "nan"], f"skybed: --step is nan{STEP}"),
    (["path", "miyun", "sanya", "--step", "31"], f"skybed: --step is 31{STEP}"),
    (["path", "miyun", "sanyo"], "skybed: pair has no node sanyo (did you mean sanya?)."),
    (["path", "miyun"], "Error: Missing argument 'B'."),
    (["plan", "--node", "miyun"], "skybed: --node is of an export; give --export, too."),
    (
        ["plan", "--export", "a.hardy"],
        "skybed: a.hardy is of one node; name it with --node, or put {node} into",
    ),
    (
        ["plan", "--export", "a.hardy", "--node", "miyum"],
        "skybed: pair has no node miyum (did you mean miyun?).",
    ),
    (
        ["plan", "--export", "a.oem", "--node", "miyun"],
        "skybed: miyun is no satellite; an Orbit Ephemeris Mess",
    ),
    (
        ["plan", "--export", "a.csv", "--at", "5"],
        "skybed: --at is of --map and of an export to .graphml; give",
    ),
    (["plan", "--export", "a.graphml", "--at", "31"], "skybed: --at is 31; this plan is of 0 to 30 s."),
    (["run", "--lane", "moon"], "Error: Invalid value for '--lane': 'moon' is not one of 'auto', 'native', "),
]


@pytest.mark.parametrize(
    "words, says", OPTIONS, ids=lambda value: " ".join(value) if type(value) is list else ""
)
def test_options_that_cannot_be(place, words, says):
    (place / "pair.yaml").write_text(PAIR)
    assert refused(words[0], "pair.yaml", *words[1:]).splitlines()[-1].startswith(says)


EXPORTS = {
    "contacts.json": "skybed: contacts.json cannot be exported to: its name must end in .csv, .ionrc, .czml",
    "contacts": "skybed: contacts cannot be exported to: its name must end in .csv, .ionrc, .czml",
    "no/c.csv": "skybed: no/c.csv cannot be written (there is no such directory); name another file",
    "full.csv": "skybed: full.csv cannot be written (it is a directory); name another file",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_file_that_cannot_be_exported_to(place, name):
    (place / "pair.yaml").write_text(PAIR)
    (place / "full.csv").mkdir()
    assert refused("plan", "pair.yaml", "--export", name, "--out", "plan").startswith(EXPORTS[name])


AGAINST = {
    "nosuch": "skybed: nosuch: there is no such scenario; `skybed list` shows the ready scenarios.",
    "far.toml": "skybed: far.toml: there is no such scenario file.",
    "empty": "skybed: empty: there is no plan in it; name what `skybed plan --out` made, a run, ",
    "ring.yaml": "skybed: The plans of pair and ring12 have no time in common: they begin 45790 s apart; ",
}


@pytest.mark.parametrize("other", AGAINST)
def test_a_plan_that_cannot_be_compared_with(place, other):
    (place / "pair.yaml").write_text(PAIR)
    (place / "ring.yaml").write_text(RING)
    (place / "empty").mkdir()
    said = refused("plan", "pair.yaml", "--duration", 30, "--against", other)
    assert said.splitlines()[-1].startswith(AGAINST[other])


OUT = {
    "full": "skybed: full is not empty; name another directory with --out, or remove it.",
    "file": "skybed: file cannot be a directory (it is a file); name another with --out.",
    "file/in": "skybed: file/in cannot be a directory (Not a directory); name another with --out.",
    "/proc/skybed": "skybed: /proc/skybed cannot be a directory (",
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("out", OUT)
def test_a_directory_that_cannot_be_written(place, command, out):
    (place / "pair.yaml").write_text(PAIR)
    (place / "full").mkdir()
    (place / "full" / "note").write_text("mine")
    (place / "file").write_text("mine")
    assert refused(command, "pair.yaml", "--out", out).startswith(OUT[out])
    assert [path.read_text() for path in (place / "file", place / "full" / "note")] == ["mine", "mine"]


def test_what_was_made_for_work_that_failed_is_removed(place):
    (place / "pair.yaml").write_text(PAIR)
    refused("plan", "pair.yaml", "--duration", "0", "--out", "plans/of/today")
    (place / "plans").mkdir()
    refused("plan", "pair.yaml", "--duration", "0", "--out", "plans/of/today")


# -- run directories ---------------------------------------------------------------------------------


def remove(path):
    path.unlink()


def write(text):
    return lambda path: path.write_text(text)


def drop(column):
    return lambda path: pd.read_parquet(path).drop(columns=column).to_parquet(path)


RUNS = [
    ("probes.parquet", remove, "run: the table probes.parquet is missing; the run was not finished, run it"),
    (
        "probes.parquet",
        drop("protocol"),
        "run: the table probes.parquet has no column protocol; it was written by",
    ),
    ("probes.parquet", write("PAR1"), "run/probes.parquet: the table cannot be read ("),
    (
        "manifest.json",
        remove,
        "run: not a run directory, it has no manifest.json; name one that `skybed run`",
    ),
    ("manifest.json", write("{"), "run/manifest.json: the manifest cannot be read (Expecting property name"),
    (
        "manifest.json",
        write("[]"),
        "run/manifest.json: the manifest is not a JSON object; the file is damaged",
    ),
    (
        "manifest.json",
        write("{}"),
        "run/manifest.json: the manifest has no format, expected is 1; it was written by another",
    ),
    ("plan/links.parquet", remove, "run/plan/links.parquet: this part of the plan is missing; make the plan"),
    (
        "plan/links.parquet",
        drop("a"),
        "run/plan/links.parquet: this part of the plan has no column a, it was",
    ),
    ("plan/links.parquet", write("PAR1"), "run/plan/links.parquet: this part of the plan is damaged; make"),
    ("plan/scenario.yaml", remove, "run/plan/scenario.yaml: there is no such scenario file."),
    ("plan", shutil.rmtree, "run: the folder plan is missing; the run was not finished, run it again."),
]


@pytest.mark.parametrize("name, spoil, says", RUNS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_run_directory_that_lacks_something(place, good_run, name, spoil, says):
    shutil.copytree(good_run, place / "run")
    spoil(place / "run" / name)
    for options in ([], ["--json"]):
        assert refused("report", "run", *options).startswith(f"skybed: {says}")


def test_a_run_directory_that_is_none(place):
    (place / "file").write_text("")
    for name in ("nosuch", "file"):
        said = refused("report", name)
        assert said == f"skybed: {name}: there is no such directory; name one that `skybed run` made.\n"


@pytest.mark.parametrize(
    "words, says",
    [
        (["--set", "duration_s"], "duration_s is no PATH=VALUE, such as access[0].policy=keep."),
        (["--set", "seed=[1"], "the value of seed, [1, is not YAML."),
        (["--set", "seed=x"], "pair with seed: seed is x; it must be a whole number."),
        (["--set", "traffic[dwn].rate_hz=5"], "no item of traffic is named dwn (did you mean down?)."),
        (["--duration", "-1"], "pair with duration_s: duration_s is -1.0; it must be more than 0."),
    ],
)
def test_other_values_that_cannot_be(place, words, says):
    assert says in refused("run", "pair", *words)


@pytest.mark.parametrize(
    "source, given, says",
    [
        (None, "none.py", "none.py: the script cannot be read: No such file or directory."),
        ("def main(sky:\n", "s.py", "s.py, line 1: the script is not Python: "),
        (
            "def mian(sky): pass\n",
            "s.py",
            "s.py: the script has no function main (did you mean mian?); write",
        ),
        ("def main(sky): pass\n", "s.py:mian", "s.py: the script has no function mian (did you mean main?)"),
    ],
)
def test_a_script_that_cannot_be(place, source, given, says):
    if source:
        pathlib.Path("s.py").write_text(source)
    assert says in refused("run", "pair", "--script", given)


NOT_ON_HOSTS = ["--clock", "virtual"], ["--lane", "uml"], ["--script", "s.py"], ["--cli"]


@pytest.mark.parametrize("option", NOT_ON_HOSTS, ids=lambda words: words[0])
def test_what_several_hosts_cannot_have(place, option):
    (place / "s.py").write_text("def main(net):\n    pass\n")
    others = "- {name: b, address: 10.0.0.2, command: [ssh, b]}"
    (place / "h.yaml").write_text(f"hosts:\n- {{name: a, address: 10.0.0.1}}\n{others}\n")
    given = " ".join(option[: 1 if option[0] == "--script" else 2])
    says = refused("run", str(ROOT / "scenarios" / "pair.yaml"), "--hosts", "h.yaml", *option)
    assert says.startswith(f"skybed: {given} cannot be had with --hosts: ")


@pytest.mark.parametrize("clock", [[], ["--clock", "real"]])
def test_several_cores_need_virtual_time(place, clock):
    assert refused("run", "pair", "--cores", 2, *clock) == (
        "skybed: --cores needs --clock virtual: in real time the native lane has all cores, and uml one.\n"
    )


@pytest.mark.parametrize("option", [["--script", "s.py"], ["--cli"], ["--hosts", "h.yaml"]], ids=" ".join)
def test_what_several_cores_cannot_have(place, option):
    (place / "s.py").write_text("def main(net):\n    pass\n")
    (place / "h.yaml").write_text(
        "hosts:\n- {name: a, address: 10.0.0.1}\n- {name: b, address: 10.0.0.2, command: [ssh, b]}\n"
    )
    says = refused("run", "pair", "--cores", 2, "--clock", "virtual", *option)
    assert (
        says.startswith(f"skybed: {option[0]} cannot be had with --cores: ") and len(says.splitlines()) == 1
    )


@pytest.mark.parametrize(
    "name, says",
    [
        ("earth-observation", "Tasks and bundles are not played on several cores"),
        ("dtn-ring", "Tasks and bundles are not played on several cores"),
        ("reroute-srv6", "srv6 is not played on several cores"),
    ],
)
def test_a_scenario_that_is_not_played_on_several_cores(place, name, says):
    told = refused("run", name, "--cores", 2, "--clock", "virtual")
    assert says in told and "--cores" in told and len(told.splitlines()) == 1


@pytest.mark.parametrize("count", [0, -1, 33, 100])
def test_so_many_cores_there_cannot_be(place, count):
    says = refused("run", "pair", "--cores", count, "--clock", "virtual")
    assert f"Invalid value for '--cores': {count} is not in the range 1<=x<=32." in says
