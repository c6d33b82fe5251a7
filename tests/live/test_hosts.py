"""One sky on three hosts, namespaces of a guest that an underlay of 0.5 ms joins: as on one host."""

import json

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.manifest import Manifest
from skybed.analysis.run import load
from skybed.emulator.lanes import lanes
from skybed.scripts.running import handover
from skybed.scripts.running.run import hand_over
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import hosts
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.lane import ZERO_NS, Programs
from support.places import SKYBED
from support.underlay import MAKE, ONE_WAY_US

pytestmark = [pytest.mark.live, needs.virtual_time]

SCENARIO = """
name: over-hosts
about: A ring of twelve satellites over two stations, which change between them.
epoch: 2026-05-09T14:25:00Z
duration_s: 40
rate_scale: 0.01
layers:
  comp:
    walker: {planes: 1, per_plane: 12, inclination_deg: 97.535, altitude_km: 535}
    isl: {pattern: ring, link: laser-isl}
stations: [miyun, mohe]
access:
  - {from: ground, to: comp, link: x-down-dual, policy: keep}
traffic:
  - {kind: probe, name: ring, from: comp-0-0, to: comp-0-6, rate_hz: 20}
  - {kind: probe, name: down, from: comp-0-6, to: miyun, rate_hz: 20}
  - {kind: trace, name: path, from: comp-0-0, to: comp-0-6}
  - {kind: program, name: ping, node: comp-0-0, command: ping -c 5 mohe, start_s: 2}
"""
# Each of the six hops from comp-0-0 to comp-0-6, by way of comp-0-9, leads to another host.
THREE_HOSTS = f"""
hosts:
  - {{name: a, address: 10.99.0.1}}
  - {{name: b, address: 10.99.0.2, command: [ip, netns, exec, hb], skybed: {SKYBED},
     nodes: [comp-0-11, comp-0-9, comp-0-7, comp-0-1]}}
  - {{name: c, address: 10.99.0.3, command: [ip, netns, exec, hc], skybed: {SKYBED},
     nodes: [comp-0-10, comp-0-8, comp-0-2, comp-0-3, comp-0-4, comp-0-5, mohe]}}
"""
TWO_HOSTS = f"""
hosts:
  - {{name: a, address: 10.99.0.1}}
  - {{name: c, address: 10.99.0.3, command: [ip, netns, exec, hc, timeout, -s, KILL, '15'], skybed: {SKYBED}}}
"""
FILES = {"three": THREE_HOSTS, "dying": TWO_HOSTS}
PLAY = """
before = links()
time.sleep(5)  # until the underlay has its addresses of IPv6
watching = [
    subprocess.Popen(on(host, "ip", "monitor", "link", "address", "route"), stdout=subprocess.PIPE, text=True)
    for host in "abc"
]
for name, words in RUNS.items():
    with open(FOLDER / f"{name}.txt", "wb") as said:
        command = on("a", SKYBED, "run", FOLDER / "ring.yaml", *words, "--out", FOLDER / name)
        code = subprocess.run(
            [*INTERRUPT.get(name, []), *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ).returncode
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    answers[name] = {
        "code": code, "changed": links() != before, "files": os.listdir(os.environ["TMPDIR"]),
        "processes": [line for line in processes if "skybed" in line and "program.py" not in line],
    }
for watch in watching:
    watch.terminate()
answers["changes"] = [watch.communicate()[0] for watch in watching]
print("answer", json.dumps(answers))
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """(folder of runs, what each left): on one host, on three, interrupted there, and where a host dies."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "ring.yaml").write_text(SCENARIO)
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(text)
    three, dying = (["--hosts", str(folder / f"{name}.yaml")] for name in FILES)
    given = {
        "MTU": 1550, "SKYBED": str(SKYBED), "INTERRUPT": {"interrupted": ["timeout", "-s", "INT", "60"]},
        "RUNS": {
            "one": ["--lane", "native"], "three": three,
            "interrupted": [*three, "--set", "routing.protocol=ospf"], "dying": dying,
        },
        "answers": {},
    }  # fmt: skip
    said = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    program = Programs(folder, lanes.VirtualTime(ZERO_NS, seed=1))
    return folder, program(PLAY, before=said + MAKE, timeout_s=900, memory_mb=2048)


@pytest.fixture(scope="module")
def runs(played):
    """The runs on one host and on three."""
    folder, left = played
    for name in ("one", "three"):
        assert left[name]["code"] == 0, (folder / f"{name}.txt").read_text()
    return load(folder / "one"), load(folder / "three")


def test_probes_take_as_long_as_on_one_host(runs):
    one, three = (made.probes.set_index(["flow", "seq"]) for made in runs)
    assert (one["lost"] == three["lost"]).all() and len(one) > 1500
    more_us = (three["rtt_us"] - one["rtt_us"]).dropna()
    assert len(more_us) > 1000
    figures = {f"p{q}": round(float(np.percentile(more_us.abs(), q)), 3) for q in (50, 99)}
    print(f"added by two more hosts, us of a round trip: {figures}")
    assert figures["p50"] < 1
    assert figures["p99"] < 10


def test_what_was_done_is_what_is_done_on_one_host(runs):
    one, three = runs
    columns = [name for name in one.applied.columns if name not in ("applied_s", "late_us")]
    assert len(one.applied) > 20 and one.applied[columns].equals(three.applied[columns])
    assert (three.applied["late_us"] < 1000).all()
    key = ["t_s", "node", "dst", "family", "via"]
    routes = [made.routes[key].astype(str).sort_values(key).reset_index(drop=True) for made in runs]
    assert (one.routes["t_s"] > 0).any() and routes[0].equals(routes[1])


def test_what_links_carry_is_counted_on_all_hosts(runs):
    """Of a run with a program, whose packets nobody foresees: here they go to a node of another host."""
    programs, carried = (
        [pd.read_parquet(made.dir / f"{table}.parquet") for made in runs] for table in ("programs", "carried")
    )
    assert [ended["exit_code"].tolist() for ended in programs] == [[0], [0]]
    one, three = (rows.set_index(["t_s", "node", "peer"])["packets"] for rows in carried)
    assert one.index.get_level_values("node").nunique() > 8
    more = one.sub(three, fill_value=0)  # a link that carried nothing has no row
    assert more.abs().max() <= 1  # at the turn of a second


def test_packets_go_where_the_plan_says_over_all_hosts(runs):
    one, three = (made.paths.drop(columns="sent_s") for made in runs)
    assert one["node"].nunique() == 6 and one.equals(three)


def test_the_underlay_is_measured_and_so_are_clocks_that_are_one(runs):
    first, *others = runs[1].manifest.hosts
    assert [first.name, *(host.name for host in others)] == ["a", "b", "c"]
    assert [host.nodes for host in (first, *others)] == [3, 4, 7]
    for host in (first, *others):
        assert all(abs(us - 2 * ONE_WAY_US) < 5 for us in host.underlay_rtt_us.values())
    (note,) = json.loads((runs[1].dir / "verdict.json").read_text())["notes"]
    assert note.startswith("Played on 3 hosts. The underlay took up to 0.500 ms one way, ")
    for host in others:
        assert abs(host.offset_us) < 5 and abs(host.drift_us) < 5
        assert host.uncertainty_us == pytest.approx(ONE_WAY_US, abs=5)


def test_nothing_of_the_scenario_comes_into_a_host_s_own_namespace(played):
    assert played[1]["changes"] == ["", "", ""]


def test_an_interrupted_run_keeps_what_was_measured_on_all_hosts(played):
    run = load(played[0] / "interrupted")
    assert 5 < run.played_s < 40 and not run.manifest.finished
    due = run.events[run.events["t_s"] <= run.played_s]
    assert due["event"].isin(run.applied["event"]).all()


def test_a_host_that_dies_ends_the_run_with_a_sentence(played):
    folder, left = played
    said = (folder / "dying.txt").read_text().splitlines()[-1]
    assert left["dying"]["code"] == 3
    assert said == "skybed: Host c is gone, signal 9 ended its command."
    assert Manifest.read(folder / "dying").played_s > 1


def test_routing_daemons_of_all_hosts_find_each_other(played):
    folder, _ = played
    run = load(folder / "interrupted")
    names = {node.name for node in run.plan.nodes}
    assert {*run.routes["node"]} == names
    assert {*run.control["node"]} >= {"comp-0-0", "comp-0-1", "comp-0-2"}  # a node of each host
    before = run.routes[run.routes["applied_s"] <= 0]
    assert (before.groupby(["node", "family"]).size() == len(names) - 1).all()
    assert (run.control["protocol"] == "ospf").any() and run.control["t_s"].is_monotonic_increasing
    assert all(host.recorder.overruns == 0 for host in run.manifest.hosts[1:])
    logs = sorted(
        path.parent.name for path in (folder / "interrupted" / "elsewhere" / "c").rglob("routing/*/*.conf")
    )
    assert "comp-0-2" in logs and "comp-0-1" not in logs


@pytest.mark.parametrize("name", ["one", "three", "interrupted", "dying"])
def test_nothing_is_left_on_any_host(played, name):
    left = played[1][name]
    assert not left["changed"] and not left["processes"]
    if name != "dying":  # what is killed leaves directories for `skybed clean`
        assert not left["files"]


# -- what does not begin -------------------------------------------------------------------------------

REFUSED = """
from skybed.emulator.kernel import netns
from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.sky import exchanges
from skybed.scripts.running import messages
from skybed.scripts.running.others import Other
from skybed.topologies.errors import SkybedError
from skybed.topologies.model.hosts import Host

spaces = {name: Namespace.of(os.open(f"/run/netns/h{name}", os.O_RDONLY)) for name in "abc"}

def said(work):
    try:
        work()
    except SkybedError as error:
        return str(error).replace(str(FOLDER), "FOLDER")

def greets(name, *command):
    def work():
        host = Host(name=name, address="10.99.0.2", command=["sh", "-c", *command])
        with spaces["a"].entered(), netns.inherited() as here:
            other = Other(host, 1, FOLDER / name, Namespace.of(here))
        try:
            other.give(FOLDER)
        finally:
            other.close()
    return said(work)

def measures(peer, port):
    return said(lambda: exchanges.measure(spaces["a"], "10.99.0.1", peer, port))

nowhere = Host(name="x", address="10.0.0.1", command=["/nowhere"])
greeting = messages.encoded(messages.Greeting("0.0", "6.1")).decode()
answering = exchanges.Answering(spaces["b"], "10.99.0.2", 4790, {"10.99.0.1"})
print("answer", json.dumps({
    "no way": greets("far", "echo ssh: no route to host >&2; exit 255"),
    "greets in words": greets("loud", "echo Welcome; sleep 60"),
    "another version": greets("old", f"echo '{greeting}'; cat > /dev/null"),
    "no command": said(lambda: Other(nowhere, 1, FOLDER / "x", spaces["a"])),
    "too small": measures("10.99.0.2", 4790), "nobody": measures("10.99.0.3", 4790),
    "another address": said(lambda: exchanges.Answering(spaces["b"], "10.99.0.9", 4790, ())),
    "a stranger asks": said(lambda: exchanges.measure(spaces["c"], "10.99.0.3", "10.99.0.2", 4790)),
}))
"""


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Sentences about hosts that do not answer as they should; the underlay carries 1,500 bytes."""
    program = Programs(tmp_path_factory.mktemp("refused"), lanes.VirtualTime(ZERO_NS, seed=1))
    return program(REFUSED, before="MTU = 1500\n" + MAKE)


@pytest.mark.parametrize(
    "what, says",
    [
        ("no way", "Host far is gone, its command ended with code 255: ssh: no route to host."),
        ("no command", "Host x: /nowhere cannot be run here (No such file or directory)."),
        (
            "another address",
            "This host cannot use its address of the underlay: 10.99.0.9, UDP port 4790, says Cannot assign "
            "requested address.",
        ),
        (
            "too small",
            "10.99.0.2 does not answer 10.99.0.1 on UDP port 4790 where a packet has 1550 bytes, and a "
            "link's of 1500 need as many; give the underlay an MTU of 1550 or more.",
        ),
        (
            "nobody",
            "10.99.0.3 does not answer 10.99.0.1 on UDP port 4790; see that the underlay carries UDP between "
            "the hosts, on this port and the one before it.",
        ),
    ],
)
def test_what_a_host_cannot_do_is_said_in_a_sentence(refused, what, says):
    assert refused[what] == says


def test_a_host_that_says_something_else_is_quoted(refused):
    assert "Host loud: " in refused["greets in words"] and "'Welcome'" in refused["greets in words"]


def test_a_host_of_another_version_is_refused(refused):
    assert refused["another version"].startswith("Host old has skybed 0.0, and here is ")


def test_only_hosts_of_the_run_are_answered(refused):
    assert refused["a stranger asks"].startswith("10.99.0.2 does not answer 10.99.0.3 on UDP port 4790; ")


# -- the first host is gone ----------------------------------------------------------------------------

LEFT = """
from skybed.emulator.lanes.channel import Channel
from skybed.scripts.running import handover, messages, pieces

def left_alone():
    ours, theirs = socket.socketpair()
    host = subprocess.Popen(on("b", SKYBED, "host"), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    theirs.close()
    channel = Channel(ours.fileno(), listens=True)
    said = messages.said(channel)
    heard = [type(next(said)).__name__]
    for file in handover.files_for_host(FOLDER / "run"):
        for piece in pieces.pieces(FOLDER / "run", file):
            messages.say(channel, piece)
    messages.say(channel, messages.Stand(1))
    heard.append(type(next(said)).__name__)
    ours.close()
    host.communicate(timeout=60)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return {"heard": heard, "code": host.returncode, "files": os.listdir(os.environ["TMPDIR"]),
            "processes": [line for line in processes if "skybed" in line and "program.py" not in line]}

print("answer", json.dumps(left_alone()))
"""


def test_a_host_ends_all_of_its_own_when_the_first_is_gone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "three.yaml").write_text(THREE_HOSTS)
    (tmp_path / "ring.yaml").write_text(SCENARIO)
    plan = Plan.make(Scenario.load(tmp_path / "ring.yaml"), duration_s=5)
    hand_over(plan, tmp_path / "run")
    file = hosts.load(tmp_path / "three.yaml")
    handover.give_for_hosts(tmp_path / "run", file.given, file.place(plan.scenario, plan.nodes))
    before = f"import socket\nMTU, SKYBED = 1550, {str(SKYBED)!r}\n"
    left = Programs(tmp_path, lanes.VirtualTime(ZERO_NS, seed=1))(LEFT, before=before + MAKE)
    assert left == {"heard": ["Greeting", "Answers"], "code": 0, "files": [], "processes": []}
