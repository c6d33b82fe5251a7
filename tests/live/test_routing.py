"""Routing daemons under a moving sky, in virtual time: how long each kind of routing loses packets."""

import json

import pytest
from pytest import approx

from skybed.analysis.measures import forwarding, metrics, paths
from skybed.analysis.routing import convergence
from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import needs, reroute
from support.browser import shown
from support.places import ROOT
from support.reroute import (
    CARRIER_S,
    DEAD_S,
    DOWN_FOR_S,
    END_S,
    HANDOVER_S,
    HELLO_S,
    SILENT_FOR_S,
    SILENT_S,
)

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
    needs.program("bird", "bird2"),
    needs.program("isisd", "frr"),
]

KINDS = ("oracle", "schedule", "ospf", "bfd", "isis")
AHEAD_S = {"ospf": 20, "bfd": 20, "isis": 45}  # IS-IS takes 39 s to find all


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """The run directory of each kind; all are played once."""
    return {kind: played(skybed, tmp_path_factory.mktemp("runs"), kind) for kind in KINDS}


def played(skybed, folder, kind):
    path, out = folder / f"{kind}.yaml", folder / kind
    changes = reroute.CHANGES | {"routing.ahead_s": AHEAD_S.get(kind, 60)}
    path.write_text(Scenario.load(ROOT / "scenarios" / f"reroute-{kind}.yaml").with_(changes).dump())
    done = skybed("run", path, "--clock", "virtual", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def outage_s(out, since_s, until_s):
    """For how long probes were lost of those sent from shortly before one time up to another."""
    found = metrics.outages(load(out), "probe")
    found = found[(found["start_s"] > since_s - 1) & (found["start_s"] < until_s)]
    return float((found["end_s"] - found["start_s"]).sum())


def test_they_differ_in_their_routing_only():
    loaded = [Scenario.load(ROOT / "scenarios" / f"reroute-{kind}.yaml") for kind in KINDS]
    plain = [x.model_dump(exclude={"name", "about", "routing"}) for x in loaded]
    assert all(x == plain[0] for x in plain)
    assert [x.routing.protocol for x in loaded] == ["oracle", "schedule", "ospf", "ospf+bfd", "isis"]


def test_silence_costs_the_dead_interval_or_less_than_a_second_or_as_long_as_it_lasts(runs):
    oracle, schedule, ospf, bfd, isis = (outage_s(runs[kind], SILENT_S, CARRIER_S - 1) for kind in KINDS)
    assert 0.1 < oracle < 0.3
    assert oracle < bfd < 1
    assert SILENT_FOR_S <= schedule < SILENT_FOR_S + 0.3
    for hello in (ospf, isis):  # the last hello came up to one interval before; and a second for new routes
        assert DEAD_S - HELLO_S - 0.1 < hello < DEAD_S + 1.2


def test_a_lost_carrier_costs_a_second_at_most_who_looks_for_another_way(runs):
    cost_s = {kind: outage_s(runs[kind], CARRIER_S, HANDOVER_S - 1) for kind in KINDS}
    assert DOWN_FOR_S <= cost_s.pop("schedule") < DOWN_FOR_S + 0.3
    assert all(0.05 < s < 1.2 for s in cost_s.values())  # BIRD works routes out once a second


def test_a_planned_handover_costs_who_knows_it_nothing_and_the_protocol_its_hellos(runs):
    oracle, schedule, ospf, bfd, isis = (outage_s(runs[kind], HANDOVER_S, END_S) for kind in KINDS)
    assert oracle == schedule == 0
    # What a neighbour sends before it is heard is lost, and sent again after 5 s (RxmtInterval, RFC 2328).
    assert all(0.1 < hello < 2 * HELLO_S + 5 + 1.1 for hello in (ospf, bfd))
    assert 0.1 < isis < 5  # FRR answers a hello on a new link at once


@pytest.mark.parametrize("kind", KINDS)
def test_every_probe_is_lost_or_comes_back_as_geometry_says_along_the_tables(runs, kind):
    verdict = json.loads((runs[kind] / "verdict.json").read_text())
    assert verdict["status"] == "pass" and verdict["reasons"] == []
    assert verdict["rtt_error"]["n"] > 1000 and verdict["rtt_error"]["p50_us"] < 3
    assert verdict["rtt_error"]["p99_us"] < 200  # some wait for a packet of the protocol
    (probe,) = (flow for flow in verdict["flows"] if flow["kind"] == "probe")
    assert probe["sent"] == 100 * END_S and probe["unexpected_lost"] == probe["unexpected_back"] == 0
    assert verdict["proofs"]["n"] == verdict["proofs"]["agreeing"] == END_S


def test_the_manifest_tells_the_daemon_and_its_memory(runs):
    told = {kind: json.loads((runs[kind] / "manifest.json").read_text())["routing"] for kind in KINDS}
    assert told["oracle"] == {"protocol": "oracle"}
    assert told["bfd"]["protocol"] == "ospf+bfd" and told["bfd"]["daemon"].startswith("BIRD 2")
    assert 1 < told["bfd"]["memory_mib"] < 20


def test_the_table_of_what_routing_cost_says_the_same(runs):
    found = {kind: convergence.table(load(runs[kind])).set_index("kind") for kind in KINDS}
    silent_s = [found[kind].loc["silence", "loss_derived_s"] for kind in KINDS]
    assert silent_s == approx([outage_s(runs[kind], SILENT_S, CARRIER_S - 1) for kind in KINDS], abs=0.02)
    for kind in KINDS:
        rows = found[kind].loc[["silence", "down", "planned"]]
        assert rows["on_path"].all() and rows["recovered_s"].notna().tolist() == (rows["lost"] > 0).tolist()
        assert (abs(rows["rate_derived_s"] - rows["loss_derived_s"]) <= 2 * rows["sampling_s"]).all()
        assert found[kind]["lost"].sum() == load(runs[kind]).probes["lost"].sum()


def test_recorded_tables_begin_whole_and_lead_where_path_proofs_went(runs):
    run = load(runs["ospf"])
    first = run.routes[run.routes["applied_s"] < 0]
    assert (first.groupby("family", observed=True).size() == 52 * 51).all() and first["via"].notna().all()
    assert run.routes["t_s"].isna().all()
    ways = forwarding.Ways(forwarding.changes(run, 4), "sanya")
    proven = paths.proofs(run, "path").query("reached")
    # A proof is of the instants at which its packets came by, so one that saw a change agrees with neither.
    agreeing = [
        path in (" > ".join(ways.path("kashi", t_s)), " > ".join(ways.path("kashi", t_s + 0.2)))
        for t_s, path in zip(proven["sent_s"], proven["path"], strict=True)
    ]
    assert len(proven) > 10 and sum(agreeing) >= len(proven) - 2


def test_control_traffic_is_counted_where_there_is_some(runs):
    sent = {kind: load(runs[kind]).control for kind in KINDS}
    assert sent["oracle"].empty
    assert set(sent["ospf"]["protocol"]) == {"ospf"} and set(sent["bfd"]["protocol"]) == {"ospf", "bfd"}
    # A packet in 100 ms each way, of IPv4 and of IPv6, less BFD's jitter of up to 25 % (RFC 5880).
    one = sent["bfd"].query(
        "node == 'relay-0-0' and peer == 'relay-0-1' and protocol == 'bfd' and 2 <= t_s < 20"
    )
    assert 2 * 10 <= one["packets"].mean() <= 2 * 10 / 0.75
    assert one["bytes"].sum() / one["packets"].sum() == approx((66 + 86) / 2, abs=1)
    told = json.loads((runs["bfd"] / "manifest.json").read_text())["recorder"]
    assert told["missed_packets"] == told["overruns"] == 0


def test_all_runs_compared_show_the_difference(runs, skybed, tmp_path):
    page = tmp_path / "page.html"
    done = skybed("compare", *runs.values(), "--html", page)
    assert done.returncode == 0, done.stderr
    silence = next(line.split() for line in done.stdout.splitlines() if " silence " in line)
    oracle, schedule, ospf, bfd, isis = map(float, silence[-len(KINDS) :])
    assert oracle < bfd < 1 < DEAD_S - HELLO_S - 0.1 < min(ospf, isis)
    assert max(ospf, isis) < DEAD_S + 1.2 < schedule
    assert shown(page, tmp_path).count("<img") == 4


HEAD = """
import json, os, signal, socket, time
from pathlib import Path
from skybed.emulator.daemons import routers
from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.errors import MachineError
from skybed.topologies.plan import score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

scenario = Scenario.load("NAME")
routing = scenario.routing.model_copy(update={"protocol": "ospf"})
plan = Plan.make(scenario.model_copy(update={"routing": routing}), duration_s=20)
sky = Sky(plan)
Player(sky, plan).open()
daemons = Daemons(sky, plan, Path("FOLDER"), routers.link_costs(plan))
daemons.start()
"""


def head(name, tmp_path):
    """The beginning of a program: a sky stands, and its daemons have just started."""
    return HEAD.replace("NAME", name).replace("FOLDER", str(tmp_path / "routing"))


def test_a_daemon_that_ends_is_named_with_its_last_words(in_lane, tmp_path):
    program = """
    sound = daemons.fallen()
    os.kill(next(pid for pid, x in daemons.running.items() if x.node.name == "kashi"), signal.SIGTERM)
    try:
        daemons.await_convergence(30, lambda: None)
        said = None
    except MachineError as error:
        said = str(error)
    daemons.stop()
    print("answer", json.dumps({"sound": sound, "said": said}), flush=True)
    """
    answer = in_lane(program, before=head("ring12", tmp_path))
    assert answer["sound"] is None
    assert answer["said"].startswith("BIRD on kashi ended with exit code 0. The last lines of its log, ")
    assert "Shutdown completed" in answer["said"]


def test_tcpdump_and_a_tap_count_the_same_packets_and_tables_are_the_kernel_s(in_lane, tmp_path):
    """Over a link that breaks: what leaves comp-0-1 for comp-0-2, and all tables at the end."""
    program = """
    import subprocess
    from skybed.emulator.kernel import control
    from skybed.emulator.kernel.fib import Fib
    from skybed.emulator.kernel.addresses import packed

    places = {packed(ip): n for n, ip in enumerate(ip for x in sky.sky_nodes for ip in (x.ip, x.ip6))}
    fibs = [Fib(node.namespace, places, {x.index: x.name for x in node.intfList()}) for node in sky.sky_nodes]
    node, peer = sky["comp-0-1"], sky["comp-0-2"]
    tap = control.Tap(node.namespace, peer.name, control.program((), ()))
    command = ["tcpdump", "-U", "-Q", "out", "-ni", peer.name, "-w", "FOLDER/cap", "proto 89 or ip6 proto 89"]
    capture = node.popen(command, stderr=subprocess.PIPE)
    capture.stderr.readline()
    tap.take()
    daemons.await_convergence(90, lambda: None)
    taken = tap.take()["kept"].tolist()
    for fib in fibs:
        fib.read()
    before = [list(fib.table) for fib in fibs]
    intf = node.nameToIntf["comp-0-0"]
    for end in (intf, intf.peer):
        end.node.netlink.apply([end.carrier(False)])
    for _ in range(5):
        time.sleep(1)
        for fib in fibs:
            fib.read()
    capture.terminate()
    capture.wait()
    taken += tap.take()["kept"].tolist()
    followed = [list(fib.table) for fib in fibs]
    for fib in fibs:
        fib.ask()
        fib.read()
    asked = [fib.table for fib in fibs]
    read = subprocess.run(["tcpdump", "-nr", "FOLDER/cap"], capture_output=True, text=True).stdout
    daemons.stop()
    found = {
        "taken": len(taken), "kinds": sorted(set(taken)), "captured": len(read.splitlines()),
        "missed": tap.missed(), "changed": sum(a != b for a, b in zip(before, followed)),
        "same": followed == asked, "overruns": sum(fib.overruns for fib in fibs),
    }
    print("answer", json.dumps(found), flush=True)
    """
    answer = in_lane(program.replace("FOLDER", str(tmp_path)), before=head("ring12", tmp_path))
    assert answer["taken"] == answer["captured"] > 10 and answer["kinds"] == [1]
    assert answer["changed"] > 5 and answer["same"] and answer["overruns"] == answer["missed"] == 0


def test_tables_that_changed_are_named_once_however_much_of_them_did(in_lane):
    program = """
    import subprocess
    from skybed.emulator.kernel.fib import Changes
    from skybed.emulator.kernel.netns import Namespace

    spaces = [Namespace() for _ in range(4)]
    changes = Changes(spaces)

    def add(number, *routes):
        lines = "".join(f"route add blackhole {route}\\n" for route in routes)
        with spaces[number].entered():
            subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)
        return changes.take()

    found = {
        "before": changes.take(),
        "one": add(1, "192.0.2.1"),
        "six": add(3, "2001:db8::1"),
        "many": add(0, *(f"198.51.100.{i}" for i in range(1, 255))),
        "none": changes.take(),
        "again": add(0, "192.0.2.1"),
    }
    changes.close()
    print("answer", json.dumps(found), flush=True)
    """
    answer = in_lane(program, before="import json")
    assert answer == {"before": [], "one": [1], "six": [3], "many": [0], "none": [], "again": [0]}


def test_every_pair_of_74_nodes_pings_over_both_families(in_lane, tmp_path):
    """Every node asks all others at once."""
    program = """
    began_s = time.monotonic()
    daemons.await_convergence(90, lambda: None)
    converged_s = time.monotonic() - began_s
    four = socket.AF_INET, socket.IPPROTO_ICMP, 8, "ip"
    six = socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, "ip6"
    reachable = score.reachable(plan, 0.0)
    wanted = answered = 0
    for number, node in enumerate(sky.sky_nodes):
        for family, protocol, request, field in (four, six):
            others = {getattr(sky.sky_nodes[i], field) for i in reachable[number].nonzero()[0]}
            wanted += len(others)
            with node.socket(family, socket.SOCK_DGRAM, protocol) as ping:
                ping.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                ping.settimeout(2)
                for ip in others:
                    ping.sendto(bytes([request, 0, 0, 0, 0, 1, 0, 1]), (ip, 0))
                got = set()
                try:
                    while got != others:
                        got.add(ping.recvfrom(64)[1][0])
                except TimeoutError:
                    pass
                answered += len(got & others)
    facts = daemons.facts()["routing"]
    daemons.stop()
    found = {"wanted": wanted, "answered": answered, "converged_s": converged_s, **facts}
    print("answer", json.dumps(found), flush=True)
    """
    answer = in_lane(program, before=head("sc-mini", tmp_path), timeout_s=240)
    assert answer["wanted"] == answer["answered"] == 2 * 74 * 73
    assert answer["memory_mib"] < 10
