"""Programs of the user's own in nodes, in virtual time: those of docs/programs.md, and ones that go wrong."""

import json
import pathlib
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import yaml

from skybed.analysis.compare import comparison, exact, many
from skybed.analysis.run import load
from skybed.topologies.errors import RunError
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import PAIR, ROOT

TEXT = (ROOT / "docs" / "programs.md").read_text()
DOWNLOAD = ROOT / "scenarios" / "download.yaml"
WINDOW = 14_480  # bytes of TCP's first window: the file and its headers fit into it

pytestmark = [pytest.mark.live, needs.virtual_time, needs.program("curl", "curl")]


def example(title, language="yaml"):
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1]


def flows(title):
    return yaml.safe_load(example(title))["traffic"]


def sky(traffic, folder, base=DOWNLOAD, duration_s=20, **fields):
    """A scenario file: the sky of the download, or of another, with other traffic."""
    data = yaml.safe_load(base.read_text()) | {"duration_s": duration_s, "traffic": traffic, "accept": []}
    path = folder / "sky.yaml"
    path.write_text(yaml.safe_dump(data | fields))
    return path


@pytest.fixture
def played(skybed, tmp_path):
    """played(traffic) runs it in virtual time, in the sky of PAIR where any will do; the Run, and what was
    printed."""

    def run(traffic, code=0, name="run", **fields):
        path = sky(traffic, tmp_path, **fields)
        done = skybed("run", path, "--clock", "virtual", "--out", tmp_path / name)
        assert done.returncode == code, done.stdout + done.stderr
        return load(tmp_path / name), " ".join(done.stdout.split())

    return run


def rtt_s(run, t_s, a="miyun", b="relay-2-5"):
    """Round trip by geometry alone."""
    return run.plan.path(a, b, t_s).rtt_ms[0] / 1e3


def test_the_example_is_the_ready_scenario():
    written, ready = (
        yaml.safe_load(example("A download every five seconds")),
        yaml.safe_load(DOWNLOAD.read_text()),
    )
    assert written["traffic"] == ready["traffic"][:2] and written["accept"] == ready["accept"]


@pytest.fixture(scope="module")
def downloads(skybed, tmp_path_factory):
    """Two runs of the ready scenario, about a handover of Miyun's."""
    when = ("--start", "2026-05-09T02:47:50Z", "--duration", 50)
    folder = tmp_path_factory.mktemp("downloads")
    for name in ("a", "b"):
        done = skybed("run", "download", *when, "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("a", "b")]


def test_twice_the_same_programs_give_the_same_bytes(downloads):
    assert exact.compare(*downloads).differences == []


def test_every_download_takes_what_geometry_says(downloads):
    run, _ = downloads
    programs = run.table("programs")
    turns, measures = programs[programs["flow"] == "download"], run.table("measures")
    assert len(turns) == len(measures) == 10 and (turns["exit_code"] == 0).all()
    ways = run.plan.path("miyun", "relay-2-5", turns["start_s"])
    assert len({path[1] for path in ways.paths}) == 2
    for t_s, took_s in zip(turns["start_s"], measures["value"], strict=True):
        handshake_s = rtt_s(run, t_s)
        assert took_s == pytest.approx(handshake_s + rtt_s(run, t_s + handshake_s), rel=0.01)


def test_a_program_is_measured_in_every_place_where_a_flow_is(skybed, tmp_path):
    traffic = flows("A download every five seconds")
    limits = [
        {"flow": "download", "metric": "download_s", "max": 0.1},
        {"flow": "download", "metric": "download_s.count", "min": 4, "max": 4},
    ]
    path = sky(traffic, tmp_path, accept=limits)
    done = skybed("run", path, "--clock", "virtual", "--report", "--out", tmp_path / "run")
    assert done.returncode == 1 and "download: download_s is 0.3" in done.stdout, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert [limit["met"] for limit in verdict["limits"]] == [False, True]
    assert "download_s" in (tmp_path / "run" / "report.html").read_text()
    done = skybed("compare", tmp_path / "run", tmp_path / "run")
    assert re.search(r"download_s +s +0\.3\d+ +0\.3\d+ +\+0\.000 +identical", done.stdout), done.stdout
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"accept": []}))
    (tmp_path / "campaign.yaml").write_text(
        "name: pages\nscenario: sky.yaml\ngrid: {duration_s: [6, 11]}\nmetrics: [failures, download_s]\n"
    )
    done = skybed("campaign", "run", tmp_path / "campaign.yaml", "--jobs", 1, "--out", tmp_path / "campaign")
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_parquet(tmp_path / "campaign" / "table")
    table = table[table["flow"] == "download"]
    assert table["failures"].tolist() == [0, 0] and table["download_s"].between(0.3, 0.4).all()
    done = skybed("baseline", "accept", tmp_path / "run", "--file", tmp_path / "baseline.json")
    kept = json.loads((tmp_path / "baseline.json").read_text())["flows"]["download"]["download_s"]
    assert kept["unit"] == "s" and kept["tolerance"] == pytest.approx(0.01 * kept["value"], rel=0.01)
    assert skybed("baseline", "check", tmp_path / "run", "--file", tmp_path / "baseline.json").returncode == 0


def test_segments_come_in_two_round_trips_and_nobody_waits(played):
    run, _ = played(flows("A stream in segments"), duration_s=25)
    measures = run.table("measures").groupby("metric")["value"]
    assert measures.count().to_dict() == {"segment_s": 10, "stall_s": 10}
    assert measures.max()["stall_s"] == 0 and measures.median()["segment_s"] == pytest.approx(0.361, rel=0.02)


@needs.program("gcc", "gcc")
def test_a_program_in_c_reads_the_clock_of_the_sky(played, tmp_path):
    (tmp_path / "clock.c").write_text(example("A program in C", "c"))
    subprocess.run(["gcc", "-o", tmp_path / "clock", tmp_path / "clock.c"], check=True)
    run, _ = played(flows("A program in C"))
    begin_s = Scenario.load(tmp_path / "sky.yaml").begin.timestamp()
    assert run.table("measures")["value"].tolist() == pytest.approx(
        [begin_s + t for t in (0, 5, 10, 15)], abs=0.01
    )


@needs.program("mosquitto", "mosquitto")
@needs.program("mosquitto_pub", "mosquitto-clients")
def test_mqtt_messages_cross_the_sky(played):
    run, _ = played(flows("MQTT"))
    measures = run.table("measures")
    assert measures["metric"].tolist() == ["scene"] * 4
    assert (measures["t_s"] - [2, 7, 12, 17]).between(0.1, 2).all()


def test_what_goes_wrong_is_told_with_its_last_lines(played):
    traffic = [
        dict(kind="program", name="bad", node="miyun", command="echo no luck >&2; exit 3"),
        dict(kind="program", name="gone", node="miyun", command=["/no/such/program"]),
        dict(kind="program", name="crash", node="miyun", command="kill -SEGV $$"),
        dict(kind="program", name="silent", node="miyun", command="sleep 100", ready="false", stop_s=15),
        dict(kind="program", name="never", node="sanya", command="true", needs=["silent"]),
        dict(kind="program", name="slow", node="sanya", command="sleep 7", every_s=5),
        dict(kind="program", name="liar", node="sanya",
             command="""for name in failures kind mine
                        do echo "{\\"metric\\": \\"$name\\", \\"value\\": 0}"; done; exit 1"""),
        dict(kind="program", name="stubborn", node="sanya", stop_s=5,
             command="trap '' TERM; sleep 1000 & wait; sleep 100"),
    ]  # fmt: skip
    limit = {"flow": "bad", "metric": "failures", "max": 0}
    run, said = played(traffic, base=PAIR, name="wrong", accept=[limit], code=1)
    assert "bad: failures is 1, at most 0 is accepted." in said
    assert "The program bad, started at 0 s, ended with exit code 3: no luck." in said
    assert "The program gone, started at 0 s, could not be started: /no/such/program: No such file" in said
    assert "The program crash, started at 0 s, was ended by SIGSEGV." in said
    assert "The program never, started at 0 s, was never started, because a program that it needs" in said
    assert "silent was never ready: from 0.0 to 15.0 s its `ready` did not succeed: false" in said
    assert "The program slow was not started 2 times: its last turn was still going on." in said
    assert run.table("measures")["metric"].tolist() == ["mine"]  # none that skybed has itself
    assert "liar" in (run.dir / "traffic.log").read_text()
    table = run.table("programs").set_index("flow")
    assert np.isnan(table.loc["silent", "ready_s"]) and table.loc["stubborn", "ready_s"] < 0.01
    assert table.loc["stubborn", "outcome"] == "stopped" and table.loc["stubborn", "end_s"] == pytest.approx(
        7, abs=0.1
    )
    assert table.loc["silent", "outcome"] == "stopped" and table.loc["silent", "end_s"] == pytest.approx(
        15, abs=0.1
    )


def test_a_metric_in_two_units_is_not_measured(played):
    """Without a unit it may be any; under one name in two programs it must be the same."""
    prints = 'echo \'{{"metric": "{}", "value": {}, "unit": {}}}\''
    traffic = [
        dict(kind="program", name="one", node="miyun",
             command="; ".join(prints.format(*x) for x in (("took", 5, '"ms"'), ("size", 3, '"kB"'),
                                                           ("size", 5, "null")))),
        dict(kind="program", name="other", node="sanya", command=prints.format("took", 0.005, '"s"')),
    ]  # fmt: skip
    limit = {"flow": "one", "metric": "took", "max": 10}
    run, said = played(traffic, base=PAIR, accept=[limit], code=1)
    assert "one: took was not measured, so its limit is not met." in said
    for name in ("one", "other"):
        assert f"The program {name} printed took, of which this run has values in ms and s: it is not" in said
    figures = json.loads((run.dir / "verdict.json").read_text())["flows"]
    assert figures[0]["size"] == 4 and not [row for row in figures if "took" in row]
    assert run.table("measures")["unit"].fillna("").tolist() == ["ms", "kB", "", "s"]


def test_who_prints_much_takes_no_time(played):
    line = '{"metric": "x", "value": 1}'
    traffic = [
        dict(kind="program", name="many", node="miyun", command=f"yes '{line}' | head -n 50000"),
        dict(kind="program", name="next", node="sanya", start_s=1, command="true"),
    ]
    run, _ = played(traffic, base=PAIR)
    assert len(run.table("measures")) == 50_000 and run.table("measures")["t_s"].max() < 1e-3
    assert run.table("programs")["start_s"].to_numpy() == pytest.approx([0, 1], abs=1e-3)


def test_runs_in_two_units_are_not_compared(played):
    prints = """echo '{"metric": "took", "value": 5, "unit": "%s"}'"""
    one = dict(kind="program", name="one", node="miyun")
    runs = [played([one | {"command": prints % unit}], base=PAIR, name=unit)[0] for unit in ("ms", "s")]
    says = rf"{runs[1].dir}: its programs printed took in s, those of {runs[0].dir} in ms; print it in one"
    for compare in (comparison.compare, lambda *both: many.side_by_side(many.named(both))):
        with pytest.raises(RunError, match=says):
            compare(*runs)


def test_a_heavy_program_is_load_and_no_distortion(played):
    traffic = [
        dict(kind="program", name="server", node="eo-0-0", command="exec python3 -m http.server 8000",
             files={"scene": "x" * 4_000_000 + "\n"}, ready="curl -so /dev/null http://eo-0-0:8000/"),
        dict(kind="program", name="get", node="sanya", needs=["server"], start_s=5,
             command="curl -so got http://eo-0-0:8000/scene"),
        dict(kind="probe", name="echo", **{"from": "sanya", "to": "eo-0-0"}, rate_hz=100),
    ]  # fmt: skip
    run, _ = played(traffic, base=PAIR)
    rtt_us = run.probes["rtt_us"]
    assert rtt_us.max() > rtt_us.median() + 5_000  # it did wait behind the file
    loaded = run.probes.loc[rtt_us > rtt_us.median() + 1_000, "sent_s"]
    assert loaded.between(5, 20).all()


def test_files_are_given_and_kept_and_the_rest_is_removed(played):
    traffic = [dict(
        kind="program", name="maker", node="miyun",
        command="cat given; mkdir -p d; echo 1 > d/a.json; echo 2 > b.txt",
        files={"given": "some text\nof two lines\n"}, keep=["*.json"],
    )]  # fmt: skip
    run, _ = played(traffic, base=PAIR)
    folder = run.dir / "programs" / "maker"
    there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert there == ["d/a.json", "given", "stderr.txt", "stdout.txt"]
    assert (folder / "stdout.txt").read_text() == "some text\nof two lines\n"


def test_names_resolve_in_both_families_and_the_machine_keeps_its_own(played):
    before = pathlib.Path("/etc/hosts").read_text()
    script = """
import json, socket
for family in (socket.AF_INET, socket.AF_INET6):
    ((*_, address),) = socket.getaddrinfo("eo-0-0", 1, family, socket.SOCK_STREAM)
    print(address[0])
"""
    traffic = [
        dict(
            kind="program",
            name="look",
            node="sanya",
            command=["python3", "look.py"],
            files={"look.py": script},
        )
    ]
    run, _ = played(traffic, base=PAIR)
    node = run.plan.nodes[run.plan.node("eo-0-0")]
    assert (run.dir / "programs" / "look" / "stdout.txt").read_text().split() == [node.ip, node.ip6]
    assert pathlib.Path("/etc/hosts").read_text() == before
