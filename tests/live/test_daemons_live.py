"""FRR's protocols, and a daemon of the user's (babeld), on a small sky in virtual time."""

import functools
import json

import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from support import needs

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
    needs.program("zebra", "frr"),
    needs.program("babeld", "babeld"),
]

SILENT_S = 5
SIX = """
name: six
epoch: 2026-05-09T00:00:00Z
duration_s: 12
rate_scale: 0.01
links:
  long: {rate_mbps: 1000}
layers:
  mesh:
    role: relay
    walker: {planes: 1, per_plane: 6, inclination_deg: 50, altitude_km: 8000}
    isl: {pattern: ring, link: long}
routing: ROUTING
traffic:
  - {kind: probe, name: four, from: mesh-0-0, to: mesh-0-2, rate_hz: 50}
  - {kind: probe, name: six, from: mesh-0-0, to: mesh-0-2, rate_hz: 50, family: 6}
faults:
  - {kind: silent, link: [mesh-0-0, mesh-0-1], at_s: 5, for_s: 60}
"""
BABEL = """
  protocol: custom
  custom:
    command: babeld -c {{ config }} -I {{ home }}/pid -S {{ home }}/state
    ready: test -S {{ home }}/control
    config: |
      local-path {{ home }}/control
      {% for link in links %}
      interface {{ link.interface }} type wired rxcost {{ link.cost }} hello-interval 1 update-interval 4
      {% endfor %}
      redistribute local ip {{ ip }}/32 allow
      redistribute local ip {{ ip6 }}/128 allow
      redistribute local deny
"""  # docs/routing.md has it too
TALKS = BABEL.replace("command: ", """command: sh -c 'echo "@ {" > /proc/$PPID/fd/1; exec """).replace(
    "/state", "/state'"
)
REPEATED = {
    "ospf": "{protocol: ospf, hello_s: 1, dead_s: 4, ahead_s: 20}",  # BIRD
    "isis+bfd": "{protocol: isis+bfd, hello_s: 1, dead_s: 4, ahead_s: 45}",  # FRR
}
PROTOCOLS = {
    "ospf+bfd": "{protocol: ospf+bfd, daemon: frr, hello_s: 1, dead_s: 4, ahead_s: 25}",
    "isis+bfd": REPEATED["isis+bfd"],
    "bgp+bfd": "{protocol: bgp+bfd, ahead_s: 15}",
    "custom": BABEL,
}


@pytest.fixture(scope="module")
def play(skybed, tmp_path_factory):
    """play(protocol): a new run directory in which the small sky was played."""

    def run(protocol):
        folder = tmp_path_factory.mktemp("six")
        path, out = folder / "six.yaml", folder / "run"
        path.write_text(SIX.replace("ROUTING", (PROTOCOLS | REPEATED | {"talks": TALKS})[protocol]))
        done = skybed("run", path, "--clock", "virtual", "--out", out)
        assert done.returncode == 0, done.stdout + done.stderr
        return out

    return run


@pytest.fixture(scope="module")
def played(play):
    """played(protocol): the run directory of its first run."""
    return functools.cache(play)


@pytest.fixture(scope="module", params=PROTOCOLS)
def run(request, played):
    return played(request.param)


def test_both_families_are_routed_and_leave_a_silent_link_in_time(run):
    loaded = load(run)
    # babeld has no BFD: it misses hellos of a second, and the other way may come with an update, 4 s later.
    within_s = (1.5, 9) if loaded.scenario.routing.protocol == "custom" else (0.2, 1)
    for flow in ("four", "six"):
        found = metrics.outages(loaded, flow)
        assert len(found) == 1
        assert SILENT_S - 0.5 < found["start_s"][0] <= SILENT_S
        assert within_s[0] < found["end_s"][0] - SILENT_S < within_s[1]


def test_daemons_start_ahead_s_before_run_time_0(run):
    """And are recorded from the next whole second on, once they have found each other."""
    loaded = load(run)
    found_all_s = loaded.manifest.converge_s - loaded.scenario.routing.ahead_s
    assert found_all_s < loaded.routes["applied_s"].min() < found_all_s + 2 < 0


def test_no_process_refused_a_line_of_its_configuration(run):
    logs = sorted((run / "routing").glob("*/*.log"))
    assert len(logs) >= 6
    assert not [log for log in logs if "on config line" in log.read_text()]


def test_the_manifest_tells_the_software_and_the_memory_of_a_node(run):
    told = json.loads((run / "manifest.json").read_text())["routing"]
    if told["protocol"] == "custom":
        assert told["daemon"] == "babeld" and 1 < told["memory_mib"] < 10
    else:
        assert told["daemon"].startswith("FRRouting ") and 15 < told["memory_mib"] < 60


def test_what_a_daemon_prints_is_kept_as_it_is(play):
    """Also what once was taken for a message of the lane's."""
    lines = (play("talks") / "log.txt").read_text().splitlines()
    assert lines.count("@ {") == 6


@pytest.mark.parametrize("protocol", REPEATED)
def test_runs_with_daemons_repeat_to_the_byte(played, play, skybed, protocol):
    done = skybed("compare", "--exact", played(protocol), play(protocol))
    assert done.returncode == 0, done.stdout


def test_routing_that_does_not_converge_ends_the_run_with_last_words(skybed, tmp_path):
    slow = "{protocol: ospf, hello_s: 100, dead_s: 400}"  # neighbours need up to two hellos
    (tmp_path / "six.yaml").write_text(SIX.replace("ROUTING", slow))
    done = skybed("run", tmp_path / "six.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Routing did not converge in the 5" in done.stderr
    assert "6 nodes lack routes, mesh-0-0 10 of them. The last lines of its log" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_that_ends_in_the_run_is_named(in_lane, tmp_path):
    (tmp_path / "six.yaml").write_text(SIX.replace("ROUTING", "{protocol: isis, hello_s: 1, dead_s: 4}"))
    program = """
    daemons.await_convergence(90, lambda: None)
    sound = daemons.fallen()
    victim = next(x for x in daemons.running.values() if x.node.name == "mesh-0-4" and "isisd" in x.title)
    victim.process.terminate()
    time.sleep(5)
    said = daemons.fallen()
    daemons.stop()
    print("answer", json.dumps({"sound": sound, "said": said}), flush=True)
    """
    before = f"""
import json, time
from pathlib import Path
from skybed.emulator.daemons import routers
from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

plan = Plan.make(Scenario.load({str(tmp_path / "six.yaml")!r}))
sky = Sky(plan)
Player(sky, plan).open()
daemons = Daemons(sky, plan, Path({str(tmp_path / "routing")!r}), routers.link_costs(plan))
daemons.start()
"""
    answer = in_lane(program, before=before)
    assert answer["sound"] is None
    assert answer["said"].startswith(
        "FRR's isisd on mesh-0-4 ended with exit code 0. The last lines of its log, "
    )
    assert "Terminating on signal" in answer["said"]
