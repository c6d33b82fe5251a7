"""One sky on several cores, a kernel on each, in virtual time: as on one core, and the same each time."""

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from skybed.emulator.lanes import lanes
from skybed.topologies.plan import cores
from support import needs
from support.begun import PATIENCE_S, lanes_of, nothing_is_left, send
from support.command import finished
from support.places import SKYBED

pytestmark = [pytest.mark.live, needs.virtual_time]

APART_US = 2.0  # of a round trip, by how much it may differ: the delay bound, there and back
FLEETING = {"applied_s", "late_us"}  # what of what was done is not in the plan
CAPTURES = "mesh-0-1--mesh-1-1", "mesh-5-1--mesh-4-1", "mesh-5-1--mesh-0-1"
MESH = """
name: over-cores
about: Six planes of three, of which each kernel plays some.
epoch: 2026-05-09T00:00:00Z
duration_s: 8
rate_scale: 0.01
links:
  long: {rate_mbps: 1000}
layers:
  mesh:
    role: relay
    walker: {planes: 6, per_plane: 3, inclination_deg: 50, altitude_km: 8000}
    isl: {pattern: grid, link: long}
"""
# All ways lead from one kernel to another, on two and on three, some to and fro.
ALL_KINDS = """
stations: [sanya, miyun]
access:
  - {from: ground, to: mesh, link: x-down-dual, policy: nearest}
traffic:
  - {kind: probe, name: stamps, from: mesh-0-0, to: mesh-2-1, rate_hz: 50}
  - {kind: probe, name: echoes, from: mesh-5-0, to: mesh-2-1, rate_hz: 20, protocol: echo, family: 6}
  - {kind: probe, name: down, from: sanya, to: miyun, rate_hz: 50}
  - {kind: trace, name: way, from: mesh-0-0, to: mesh-2-1}
  - {kind: trace, name: back, from: mesh-2-1, to: mesh-5-0}
  - {kind: udp, name: datagrams, from: mesh-1-0, to: mesh-3-2, rate_mbps: 1}
  - {kind: tcp, name: stream, from: mesh-4-0, to: mesh-0-2, volume_mb: 0.5}
  - {kind: tcp, name: after, from: mesh-4-0, to: mesh-0-2, volume_mb: 0.2, after: stream}
  - {kind: program, name: ping, node: mesh-4-0, command: ping -c 3 sanya, start_s: 2}
faults:
  - {kind: carrier, link: [mesh-0-1, mesh-5-1], at_s: 3, for_s: 2}
  - {kind: silent, link: [mesh-4-1, mesh-5-1], at_s: 5, for_s: 0.5}
capture: [[mesh-0-1, mesh-1-1], [mesh-5-1, mesh-4-1], [mesh-5-1, mesh-0-1]]
accept:
  - {flow: stamps, metric: loss_pct, max: 0}
  - {flow: datagrams, metric: loss_pct, max: 0}
"""
RUNS = {"one": 1, "two": 2, "again": 2, "three": 3}
SEVERAL = pytest.mark.parametrize("several", ["two", "three"])


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """The same sky on so many cores, by the name of the run. `again` may change no file but its own."""
    folder = tmp_path_factory.mktemp("cores")
    (folder / "sky.yaml").write_text(MESH + ALL_KINDS)
    for name, count in RUNS.items():
        words = ["--read-only"] if name == "again" else []
        words += ["--clock", "virtual", "--cores", count, "--out", folder / name]
        done = skybed("run", folder / "sky.yaml", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    return {name: load(folder / name) for name in RUNS}


def table(run, name):
    return pd.read_parquet(run.dir / f"{name}.parquet")


def place(run):
    names = [node.name for node in run.plan.nodes]
    return dict(zip(names, cores.place(run.plan, len(run.manifest.kernels.nodes)).tolist(), strict=True))


def ways(run, of):
    """Of each flow the numbers of the kernels along its way, at first. of: that of each node."""
    for flow in run.scenario.traffic:
        _, path_id, paths = run.plan.trace(*flow.ends, [1.0])
        yield [of[run.plan.nodes[number].name] for number in paths[path_id[0]]]


@SEVERAL
def test_what_is_sent_crosses_from_kernel_to_kernel(runs, several):
    """Else nothing below would tell anything."""
    run = runs[several]
    of = place(run)
    assert len({of[name.split("--")[0]] for name in CAPTURES}) == 2
    assert len({of[node] for node in CAPTURES[2].split("--")}) == 2
    assert all(len({*way}) > 1 for way in ways(run, of) if len(way) > 1)


@SEVERAL
def test_the_manifest_tells_of_the_kernels(runs, several):
    kernels = runs[several].manifest.kernels
    assert sum(kernels.nodes) == len(runs[several].plan.nodes) and min(kernels.nodes) > 0
    assert len(kernels.nodes) == RUNS[several] and kernels.one_way_us == 10_000
    assert runs["one"].manifest.kernels is None
    elsewhere = runs[several].dir / "elsewhere"
    assert [path.name for path in sorted(elsewhere.iterdir())] == [
        f"kernel-{number}" for number in range(1, RUNS[several])
    ]
    assert not [*elsewhere.rglob("*.parquet")]


@SEVERAL
def test_what_is_done_is_what_is_done_on_one_core_to_some_microseconds(runs, several):
    """Who reads the clock often moves it on, and in one kernel more do."""
    for name, least in {"applied": 40, "routes": 500}.items():
        one, more = (table(runs[run], name) for run in ("one", several))
        assert len(one) > least
        assert one.drop(columns=FLEETING & {*one}).equals(more.drop(columns=FLEETING & {*more}))
        assert (one["applied_s"] - more["applied_s"]).abs().max() < 20e-6


@SEVERAL
def test_probes_take_as_long_and_the_same_ones_are_lost(runs, several):
    one, more = (table(runs[run], "probes").set_index(["flow", "seq"]) for run in ("one", several))
    assert one["lost"].equals(more["lost"]) and 0 < one["lost"].sum() < 100 and len(one) == 960
    for column in ("rtt_us", "owd_us", "owd_back_us"):
        assert (one[column] - more[column]).abs().max() < APART_US
        assert one[column].isna().equals(more[column].isna())


@SEVERAL
def test_packets_take_the_same_ways(runs, several):
    one, more = (table(runs[run], "paths") for run in ("one", several))
    exact = [column for column in one if not column.endswith(("_s", "_us"))]
    assert len(one) > 40 and one[exact].equals(more[exact])


@SEVERAL
def test_streams_carry_as_much(runs, several):
    one, more = (table(runs[run], "flows") for run in ("one", several))
    assert one[["flow", "kind", "src", "dst", "received_packets"]].equals(
        more[["flow", "kind", "src", "dst", "received_packets"]]
    )
    for column in ("start_s", "end_s", "received_bytes", "throughput_mbps", "rtt_us", "retransmits"):
        assert one[column].to_numpy() == pytest.approx(
            more[column].to_numpy(), rel=1e-4, abs=1e-4, nan_ok=True
        )
    begun = [table(runs[run], "begun")["start_s"].item() for run in ("one", several)]
    assert begun[0] == pytest.approx(begun[1], abs=1e-4)


@SEVERAL
def test_links_carry_as_much(runs, several):
    """In all but for a few of thousands of packets, and in each second but for those at its turn."""
    one, more = (
        table(runs[run], "carried").set_index(["t_s", "node", "peer"])["packets"] for run in ("one", several)
    )
    assert one.sum() > 5000
    apart = one.sub(more, fill_value=0)
    assert apart.abs().max() <= 20
    assert apart.groupby(level=["node", "peer"]).sum().abs().max() <= 10


@SEVERAL
def test_the_verdict_is_the_same(runs, several):
    one, more = (json.loads((runs[run].dir / "verdict.json").read_text()) for run in ("one", several))
    assert one["status"] == more["status"] == "pass" and one["notes"] == more["notes"]
    for a, b in zip(one["flows"], more["flows"], strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            if isinstance(value, float):
                apart = APART_US if name.endswith("_us") else 1e-3
                assert value == pytest.approx(b[name], rel=1e-3, abs=apart), (a["flow"], name)


@needs.program("tshark", "tshark")
@pytest.mark.parametrize("name", CAPTURES)
@SEVERAL
def test_captures_are_those_of_one_core(runs, several, name):
    """Also of a link that crosses, each packet has the time at which its delay is over."""
    read = [sniffed(runs[run], name) for run in ("one", several)]
    (what, at_s), (what_more, at_more_s) = read
    assert len(what) > 200 and sorted(what) == sorted(what_more)
    assert {direction for _, _, _, direction in what} == {"0x00000001", "0x00000002"}
    assert (np.diff(at_more_s) >= 0).all()
    for direction in ("0x00000001", "0x00000002"):
        ours, theirs = (
            np.array([t_s for t_s, of in zip(at, seen, strict=True) if of[3] == direction])
            for seen, at in ((what, at_s), (what_more, at_more_s))
        )
        assert ours == pytest.approx(theirs, abs=1e-4)


def sniffed(run, name):
    """(source, target, bytes, direction) of each packet that flows sent, and its time of day in s."""
    fields = ("ip.src", "ip.dst", "frame.len", "frame.packet_flags_direction", "frame.time_epoch")
    words = ["tshark", "-r", run.dir / "captures" / f"{name}.pcapng", "-Y", "ip", "-T", "fields"]
    words += [word for field in fields for word in ("-e", field)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    return [tuple(row[:4]) for row in rows], np.array([float(row[4]) for row in rows])


def test_runs_on_two_cores_repeat_to_the_byte(runs):
    two, again = runs["two"], runs["again"]
    assert two.manifest.tables_sha256 == again.manifest.tables_sha256 and len(two.manifest.tables_sha256) > 8
    for file in (f"captures/{name}.pcapng" for name in CAPTURES):
        assert (two.dir / file).read_bytes() == (again.dir / file).read_bytes()


# -- routing daemons -----------------------------------------------------------------------------------

OSPF = """
routing: {protocol: ospf, hello_s: 1, dead_s: 4, ahead_s: 20}
traffic:
  - {kind: probe, name: probe, from: mesh-1-0, to: mesh-3-2, rate_hz: 50}
  - {kind: trace, name: way, from: mesh-1-0, to: mesh-3-2}
faults:
  - {kind: silent, link: [mesh-1-2, mesh-2-2], at_s: 2, for_s: 60}
"""


@pytest.fixture(scope="module")
def routed(skybed, tmp_path_factory):
    """Two runs on two cores, with BIRD in all nodes."""
    folder = tmp_path_factory.mktemp("ospf")
    (folder / "sky.yaml").write_text(MESH + OSPF)
    for name in "ab":
        words = ["--clock", "virtual", "--cores", 2, "--out", folder / name]
        done = skybed("run", folder / "sky.yaml", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in "ab"]


@needs.program("bird", "bird2")
def test_what_daemons_route_crosses_too(routed):
    run, _ = routed
    before = run.paths.loc[run.paths["sent_s"] < 1, "node"]
    assert [*before] == ["mesh-1-2", "mesh-2-2", "mesh-3-2"] and before.map(place(run)).nunique() == 2


@needs.program("bird", "bird2")
def test_daemons_of_both_kernels_find_each_other(routed):
    run, _ = routed
    names = {node.name for node in run.plan.nodes}
    before = run.routes[run.routes["applied_s"] <= 0]
    assert {*run.routes["node"]} == {*run.control["node"]} == names
    assert (before.groupby(["node", "family"]).size() == len(names) - 1).all()
    logs = {path.parent.name for path in (run.dir / "routing").glob("*/*.conf")}
    assert logs == names


@needs.program("bird", "bird2")
def test_daemons_lead_around_a_link_over_which_nothing_comes(routed):
    """BIRD misses hellos for 4 s."""
    run, _ = routed
    found = metrics.outages(run, "probe")
    assert len(found) == 1 and 1.5 < found["start_s"][0] <= 2
    assert 3 < found["end_s"][0] - 2 < 5.5


@needs.program("bird", "bird2")
def test_runs_with_daemons_repeat_to_the_byte_on_two_cores(routed):
    a, b = routed
    assert a.manifest.tables_sha256 == b.manifest.tables_sha256
    assert len(a.control) > 500


# -- visits, and how it ends ---------------------------------------------------------------------------

LONG = """
traffic:
  - {kind: probe, name: probe, from: mesh-0-0, to: mesh-2-1, rate_hz: 10}
  - {kind: probe, name: there, from: mesh-3-0, to: mesh-5-1, rate_hz: 10}
"""


@pytest.fixture
def going(begin, machine, tmp_path):
    """A run on two cores that goes on for long, and has been played for a second. Nothing of it is left."""
    before = machine()
    (tmp_path / "long.yaml").write_text(MESH.replace("duration_s: 8", "duration_s: 60_000") + LONG)
    run = begin("run", tmp_path / "long.yaml", "--clock", "virtual", "--cores", 2)
    run.wait_for(lambda: run.played_s > 1)
    assert run.process.poll() is None, run.said
    yield run
    assert "Traceback" not in run.said
    nothing_is_left(before, machine, tmp_path)


def kernel(run, number):
    """The process of a kernel of a run."""
    folder = run.out / "elsewhere" / f"kernel-{number}" if number else run.out
    mark = f"{lanes.MARK}={folder.resolve()}\0".encode()
    (pid,) = [pid for pid in lanes_of(run) if mark in Path(f"/proc/{pid}/environ").read_bytes()]
    return pid


def test_nodes_of_both_kernels_are_entered_and_ctrl_c_keeps_what_was_measured(going):
    plan = load(going.out).plan
    of = dict(zip((node.name for node in plan.nodes), cores.place(plan, 2).tolist(), strict=True))
    for name in ("mesh-0-0", "mesh-3-0"):
        words = [SKYBED, "exec", going.out, name, "--", "ip", "-o", "-4", "address", "show", "lo"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
        address = next(node.ip for node in plan.nodes if node.name == name)
        assert done.returncode == 0 and f" {address}/32 " in done.stdout, done.stderr
        looked = subprocess.run(
            [SKYBED, "inspect", going.out, name, "--json"], capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert len(json.loads(looked.stdout)["links"]) == 4, looked.stderr
    assert (of["mesh-0-0"], of["mesh-3-0"]) == (0, 1)

    reached_s = going.played_s
    send(going.process.pid, "INT")
    assert going.ends() == 3 and "INVALID" in going.said
    run = load(going.out)
    assert not run.manifest.finished and run.played_s >= reached_s
    assert f"{run.played_s:g} s of 60000 s" in going.said
    last_s = run.probes.groupby("flow")["sent_s"].max()
    assert last_s.to_numpy() == pytest.approx(run.played_s, abs=0.5) and {*last_s.index} == {"probe", "there"}


@pytest.mark.parametrize("number", [0, 1])
def test_a_kernel_that_is_killed_ends_the_run_with_a_sentence(going, number):
    send(kernel(going, number), "KILL")
    assert going.ends() == 3
    (said,) = [line for line in going.said.splitlines() if line.startswith("skybed: ")]
    assert said == (
        "skybed: Kernel 2 of 2 ended before the run did." if number
        else "skybed: The lane ended before the run did."
    )  # fmt: skip


def test_a_skybed_that_is_killed_takes_all_kernels_along(going):
    assert len(lanes_of(going)) == 2
    send(going.process.pid, "KILL")
    assert going.ends() == -signal.SIGKILL
    assert finished("clean").returncode == 0
