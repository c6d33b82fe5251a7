"""Runs that are looked at while they are played are the same, to the byte, as those that are not."""

import http.client
import json
import sys
import threading
import time

import pytest

from skybed.analysis.run import load
from skybed.emulator.lanes import lanes
from skybed.scripts.running.live import View
from skybed.scripts.running.progress import Listener
from skybed.scripts.running.run import Options, execute
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.lane import HERE, MEMORY_MB, ZERO_NS
from support.tiny_sky import TINY
from support.tiny_tasks import ASKED_S, FIELDS

pytestmark = [pytest.mark.live, needs.virtual_time]

DURATION_S = 10


def viewer(address, heard, reads=True):
    """Looks on until nothing comes any more; keeps what was heard of each kind."""
    _, _, host, token, _ = address.split("/")
    connection = http.client.HTTPConnection(host, timeout=300)
    connection.request("GET", f"/{token}/events")
    stream, kind = connection.getresponse(), ""
    while reads and (line := stream.readline().decode()):
        name, _, text = line.rstrip().partition(": ")
        if name == "event":
            kind = text
        elif name == "data":
            heard.setdefault(kind, []).append(json.loads(text))
    return connection


class Slow(Listener):
    """Keeps who follows the lane from hearing it for a while."""

    def at(self, stage, share, note=""):
        pass

    def heard(self, message):
        time.sleep(0.1)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """played(beside): the hashes of the tables of sc-mini, or another one, so played in virtual time."""
    mini = Scenario.load("sc-mini").with_({"duration_s": DURATION_S})

    def play(beside=None, scenario=mini):
        folder = tmp_path_factory.mktemp("run")
        execute(scenario, Options(clock="virtual"), folder, beside=beside)
        return load(folder).manifest.tables_sha256

    return play


def test_a_run_is_the_same_whoever_looks_on(played, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    alone = played()
    assert len(alone) > 5 and played(Slow()) == alone
    heard = [{} for _ in range(3)]
    with View() as view:
        silent = viewer(view.address, {}, reads=False)
        threads = [threading.Thread(target=viewer, args=(view.address, of)) for of in heard]
        for thread in threads:
            thread.start()
        assert played(view) == alone
    for thread in threads:
        thread.join()
    silent.close()
    for of in heard:
        times_s = [told["t_s"] for told in of["network"]]
        assert times_s == sorted(times_s) and times_s[-1] > DURATION_S - 1
        assert of["network"][-1]["late"] == 0
        errors_us = [told["flows"]["command"].get("error_us") for told in of["traffic"]]
        errors_us = [error_us for error_us in errors_us if error_us is not None]
        assert errors_us and max(map(abs, errors_us)) < 10
        assert of["traffic"][-1]["flows"]["command"]["lost"] == 0


def test_so_is_one_with_tasks_limits_and_links_that_are_counted(played, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    stream = {"kind": "udp", "name": "u", "from": "Miyun", "to": "Sanya", "rate_mbps": 1, "stop_s": 4}
    accept = [{"task": "fire", "metric": "delivered", "min": 2}, {"flow": "u", "metric": "lost", "max": 0}]
    scenario = Scenario.model_validate(TINY | FIELDS | {"traffic": [stream], "accept": accept})
    alone, heard = played(scenario=scenario), {}
    assert {"tasks", "storage", "energy", "carried"} <= alone.keys()
    with View() as view:
        thread = threading.Thread(target=viewer, args=(view.address, heard))
        thread.start()
        assert played(view, scenario) == alone
    thread.join()
    fire = heard["traffic"][-1]["flows"]["fire"]
    assert fire["asked"] == fire["delivered"] == len(ASKED_S) and fire["responses_s"]["max"] > 3
    nodes = {node["node"]: node for node in fire["nodes"]}
    assert nodes["s1"]["battery_pct"] > 50 and nodes["s1"]["room_bytes"] == 3_000_000
    carried = [
        mbps
        for told in heard["carried"]
        for node, peer, mbps in told["links"]
        if (node, peer, told["t_s"] < 4) == ("Miyun", "s1", True)
    ]
    assert carried and max(carried) == pytest.approx(1.03, abs=0.03)  # with headers
    limits = [{limit["flow"]: limit["met"] for limit in told["limits"]} for told in heard["verdict"]]
    assert {"fire": False, "u": True} in limits and limits[-1] == {"fire": True, "u": True}
    assert heard["verdict"][-1]["reasons"] == []


def test_in_a_guest_nobody_waits_for_who_does_not_listen(tmp_path):
    """Lines that are offered take no time though the serial line is full. The last one is sent, and comes."""
    program = tmp_path / "program.py"
    program.write_text(f"""{HERE}
import time
from skybed.emulator.lanes.channel import DESCRIPTOR, Channel
os.set_blocking(DESCRIPTOR, False)
channel, before_ns = Channel(DESCRIPTOR, listens=True), time.time_ns()
for _ in range(3000):
    channel.offer(b"x" * 1000)
print("took", time.time_ns() - before_ns, flush=True)
channel.send(b"end")
""")
    command, virtual = [sys.executable, str(program)], lanes.VirtualTime(ZERO_NS, seed=1)
    with lanes.running("uml", command, tmp_path, MEMORY_MB, virtual=virtual) as lane:
        log = tmp_path / lanes.LOG
        deadline_s = time.monotonic() + 120
        while not (log.exists() and b"took" in log.read_bytes()) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        *lines, last = lane.channel.lines()
        lane.process.wait()
    (took_ns,) = (int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("took"))
    assert last == b"end" and set(lines) == {b"x" * 1000} and len(lines) < 3000
    assert took_ns < 5e7  # who reads the clock again and again, as a terminal does, has it go on a little
