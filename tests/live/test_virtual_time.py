"""Runs in virtual time: exact, whatever else the machine does, so that they can be held to milliseconds."""

import itertools
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from skybed.emulator.lanes import lanes
from skybed.scripts.bench.live import SKYBED
from skybed.scripts.bench.virtual import LINE, TCP
from skybed.scripts.running.watch import watched
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.lane import MEMORY_MB
from support.places import ROOT

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
]

DETECTION_S = 0.1


def scenario(tmp_path, name="sc-mini", **changes):
    """A ready scenario with other values, as a file."""
    loaded = Scenario.load(ROOT / "scenarios" / f"{name}.yaml")
    path = tmp_path / "scenario.yaml"
    path.write_text(Scenario.model_validate(loaded.model_dump(by_alias=True) | changes).dump())
    return path


def probe(source, target, rate_hz):
    return {"kind": "probe", "name": "probe", "from": source, "to": target, "rate_hz": rate_hz}


@pytest.fixture
def virtual(skybed, tmp_path):
    """virtual(path) runs a scenario in virtual time; returns (exit code, verdict, run directory)."""

    numbers = itertools.count()

    def run(path):
        out = tmp_path / f"run-{next(numbers)}"
        done = skybed("run", path, "--clock", "virtual", "--out", out)
        assert (out / "verdict.json").exists(), done.stdout + done.stderr
        return done.returncode, json.loads((out / "verdict.json").read_text()), out

    return run


def test_round_trips_are_geometry_to_5_us(virtual, tmp_path):
    """What the bound on applied delays leaves is taken out by a bound of 1 us."""
    path = scenario(
        tmp_path, duration_s=10, delay_bound_us=1, accept=[], traffic=[probe("kashi", "sanya", 100)]
    )
    code, verdict, _ = virtual(path)
    assert code == 0
    assert verdict["rtt_error"]["n"] > 900
    assert verdict["rtt_error"]["p99_us"] < 5
    assert verdict["events"]["late_max_us"] < 50


def test_planned_reroutes_lose_none_of_1000_probes_a_second(virtual, tmp_path):
    """Kashi hands over after 7 s."""
    gateway = {"from": "ground", "to": "relay", "link": "ka-gateway", "policy": "nearest", "hysteresis_km": 5}
    path = scenario(
        tmp_path, "reroute-oracle", start="2026-05-09T02:41:16Z", duration_s=10, faults=[], access=[gateway],
        traffic=[probe("kashi", "sanya", 1000)],
    )  # fmt: skip
    _, verdict, out = virtual(path)
    assert (pd.read_parquet(out / "applied.parquet")["kind"] == "down").sum() >= 1
    _, path_id, _ = Plan.load(out / "plan").trace("kashi", "sanya", [1.0, 9.0])
    assert path_id[0] != path_id[1]
    (flow,) = verdict["flows"]
    assert flow["sent"] == 10_000 and flow["lost"] == 0


@pytest.mark.parametrize("kind", ["carrier", "silent"])
def test_an_unplanned_failure_is_rerouted_once_it_is_detected(virtual, tmp_path, kind):
    """A link in the middle of the path fails at 3 s. Probes sent 50 ms after it is detected come through."""
    first = Scenario.load(ROOT / "scenarios" / "reroute-oracle.yaml").with_(faults=[])
    plan = Plan.make(first, duration_s=4)
    _, path_id, paths = plan.trace("kashi", "sanya", [3.0])
    walk = [plan.nodes[n].name for n in paths[path_id[0]]]
    middle = len(walk) // 2
    path = scenario(
        tmp_path, "reroute-oracle", duration_s=8, traffic=[probe("kashi", "sanya", 1000)],
        faults=[{"kind": kind, "link": walk[middle - 1 : middle + 1], "at_s": 3, "for_s": 2}],
        routing={"detection_ms": DETECTION_S * 1000},
    )  # fmt: skip
    _, _, out = virtual(path)
    outages = metrics.outages(load(out), "probe")
    assert len(outages) == 1  # none when the link is back
    assert 2.8 < outages["start_s"][0] < 3  # what was on its way to the link then, or its answer
    assert 3 + DETECTION_S - 0.05 < outages["end_s"][0] < 3 + DETECTION_S + 0.05


def test_runs_repeat_to_the_byte_whatever_goes_on_beside(virtual, skybed, tmp_path):
    """The second one with two processes that burn the processors."""
    path = scenario(tmp_path, duration_s=10, faults=[], seed=7)
    _, _, first = virtual(path)
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        _, _, second = virtual(path)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    done = skybed("compare", "--exact", first, second)
    assert done.returncode == 0, done.stdout
    hashes = [json.loads((out / "manifest.json").read_text())["tables_sha256"] for out in (first, second)]
    assert hashes[0] == hashes[1]
    assert len(pd.read_parquet(first / "probes.parquet")) == 10 * (100 + 10 + 100)


def test_a_run_of_code_that_was_never_compiled_is_the_same(tmp_path):
    """Compiling takes readings of the clock, and so does much else that comes before a run."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    lossy = Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(
        {"links.x-quick.loss_pct": 5, "traffic[down].rate_hz": 50}, accept=[]
    )
    path = tmp_path / "lossy.yaml"
    path.write_text(lossy.dump())
    here = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path / "src")}, "timeout": 300}
    program = """
import sys
from pathlib import Path
from skybed.scripts.running.run import Options, execute
from skybed.topologies.scenario.file import Scenario

execute(Scenario.load(Path(sys.argv[1])), Options(clock="virtual"), Path(sys.argv[2]))
"""
    for out in ("a", "b"):
        (tmp_path / out).mkdir()
        command = [sys.executable, "-c", program, path, tmp_path / out]
        subprocess.run(command, capture_output=True, check=True, **here)
    tables = [json.loads((tmp_path / out / "manifest.json").read_text())["tables_sha256"] for out in "ab"]
    assert tables[0] == tables[1]
    assert pd.read_parquet(tmp_path / "a" / "probes.parquet").lost.sum() > 50  # chance took part


def test_another_seed_is_another_chance(virtual, tmp_path):
    """Losses follow the seed, in the guest's kernel as well."""
    lossy = {"x-quick": {"rate_mbps": 900, "loss_pct": 5, "min_elevation_deg": 10}}
    lost = []
    for seed in (1, 1, 2):
        path = scenario(tmp_path, "pair", duration_s=10, accept=[], links=lossy, seed=seed,
                        traffic=[probe("sanya", "eo-0-0", 50)])  # fmt: skip
        _, _, out = virtual(path)
        table = pd.read_parquet(out / "probes.parquet")
        lost.append(table.loc[table.lost, "seq"].tolist())
    assert lost[0] == lost[1] != lost[2]
    assert len(lost[0]) > 10


def test_the_wall_clock_of_the_guest_is_the_scenario_s(virtual, tmp_path):
    """And probes leave when they should, to a microsecond or two."""
    path = scenario(tmp_path, "pair", duration_s=5, accept=[], traffic=[probe("sanya", "eo-0-0", 10)])
    _, _, out = virtual(path)
    sent_s = pd.read_parquet(out / "probes.parquet").sent_s
    assert np.abs(sent_s - np.arange(50) / 10).max() < 2e-6


def test_a_queue_counts_packets_of_wire_size(virtual, tmp_path):
    """A TCP that fills a line of 100 Mbit/s and 10 ms waits behind 300 packets at most: 36.3 ms."""
    path = tmp_path / "scenario.yaml"
    path.write_text(Scenario.model_validate(LINE | {"duration_s": 5, "traffic": [TCP]}).dump())
    _, verdict, _ = virtual(path)
    (flow,) = verdict["flows"]
    assert 94 < flow["throughput_mbps"] < 96.2  # of 100 with all headers
    assert 40 < flow["rtt_p99_ms"] < 20 + 300 * 1514 * 8 / 100e3 + 3


def test_a_lane_that_is_killed_ends_the_run_with_a_sentence(tmp_path):
    command = [*SKYBED, "run", "scenarios/sc-mini.yaml", "--clock", "virtual", "--out", tmp_path / "run"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "playing" in line:
                break
        (kernel,) = psutil.Process(process.pid).children()
        kernel.kill()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert said.splitlines()[0] == "skybed: The lane ended before the run did."


@pytest.mark.parametrize("limits, why", [((4, 60), "4 s on the wall"), ((60, 4), "4 s without a word")])
def test_who_spins_is_told(tmp_path, limits, why):
    """A process that neither waits nor reads the clock stops virtual time for all."""
    spin = "open('/proc/self/comm', 'w').write('spinner')\nwhile True: pass"
    virtual_time = lanes.VirtualTime(10**18, seed=1)
    command = [sys.executable, "-c", spin]
    with (
        lanes.running("uml", command, tmp_path, MEMORY_MB, virtual=virtual_time) as lane,
        watched([lane], lambda: lane.channel.send(b"stop"), *limits, grace_s=3) as watch,
    ):
        assert list(lane.channel.lines()) == []
    assert "It was running spinner (process " in watch.killed and why in watch.killed
    assert lane.process.returncode != 0


def test_answers_from_beyond_the_moon_are_awaited(virtual, tmp_path):
    """3.3 s away and back: of 6 s, half of the answers come after the end, and none is lost."""
    path = tmp_path / "far.yaml"
    path.write_text("""
name: far
epoch: 2026-05-01
duration_s: 6
layers: {relay: {geostationary: {longitudes_deg: [110]}}}
stations: [{name: earth, lat_deg: 18, lon_deg: 109}]
links: {moon: {rate_mbps: 10, min_elevation_deg: 5, fixed_delay_ms: 1530}}
access: [{from: ground, to: relay, link: moon}]
traffic:
  - {kind: probe, name: ping, from: earth, to: relay-0, rate_hz: 2}
  - {kind: udp, name: voice, from: earth, to: relay-0, rate_mbps: 0.1, size_bytes: 200}
accept:
  - {flow: ping, metric: loss_pct, max: 0}
  - {flow: voice, metric: loss_pct, max: 0}
""")
    code, verdict, out = virtual(path)
    assert (code, verdict["status"]) == (0, "pass"), verdict["reasons"]
    probes = pd.read_parquet(out / "probes.parquet")
    assert len(probes) == 12
    assert probes["rtt_us"].to_numpy() == pytest.approx(2 * (1_530_000 + 120_700), abs=3000)
