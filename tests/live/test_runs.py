"""Whole runs as a user starts them: what they measure, how they end, and that they leave nothing behind."""

import json
import signal
import subprocess
import sys

import pandas as pd
import pytest

from support.places import ROOT, SKYBED

pytestmark = pytest.mark.live

ALL_PAIRS = """
import json, select, socket, struct, sys, time
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

plan = Plan.make(Scenario.load("sc-mini"))
sky = Sky(plan)
Player(sky, plan).open()
nodes = sky.sky_nodes
missing = {}
for family, reply, request, kind in ((socket.AF_INET, 0, 8, "ip"), (socket.AF_INET6, 129, 128, "ip6")):
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    for node in nodes:
        with node.socket(family, socket.SOCK_DGRAM, protocol) as probe:
            wanted = {getattr(other, kind) for other in nodes if other is not node}
            for ip in wanted:
                probe.sendto(struct.pack("!BBHHH", request, 0, 0, 0, 1), (ip, 0))
            end = time.monotonic() + 3
            while wanted and select.select([probe], [], [], max(0, end - time.monotonic()))[0]:
                data, (ip, *_) = probe.recvfrom(1500)
                if data[0] == reply:
                    wanted.discard(ip)
            if wanted:
                missing[f"{node.name} {kind}"] = sorted(wanted)
planned = plan.routes.whole()
reachable = (planned[planned["t_s"] == 0]["via"] >= 0).sum()
print("answer", json.dumps({"missing": missing, "pairs": int(reachable), "nodes": len(nodes)}), flush=True)
"""


def test_every_node_reaches_every_other(in_lane):
    """74 nodes, 5,402 ordered pairs, IPv4 and IPv6; the plan says that all are reachable."""
    told = in_lane(ALL_PAIRS, before="")
    assert told["nodes"] == 74 and told["pairs"] == 74 * 73
    assert told["missing"] == {}


def test_ctrl_c_ends_a_run_and_keeps_its_tables(machine, tmp_path):
    before = machine()
    process = start("run", "scenarios/sc-mini.yaml", "--out", tmp_path / "run")
    wait_for(process, "playing: 1")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    assert "INVALID" in output and "not finished" in output
    probes = pd.read_parquet(tmp_path / "run" / "probes.parquet")
    assert 100 < len(probes) < 10_000
    assert machine() == before


@pytest.mark.alone
def test_kill_9_and_clean_leave_nothing(machine, typed, tmp_path):
    before = machine()
    with start("run", "scenarios/sc-mini.yaml", "--out", tmp_path / "run") as process:
        wait_for(process, "playing: 1")
        assert len(machine()[1]) > 0
        process.kill()
    assert typed("clean").returncode == 0
    assert machine() == before


@pytest.mark.alone
def test_clean_leaves_a_run_that_goes_on(typed, tmp_path, monkeypatch):
    """Also one whose folders are elsewhere."""
    process = start("run", "scenarios/pair.yaml", "--duration", "8", "--out", tmp_path / "run")
    wait_for(process, "playing")
    assert "Ended 0 processes" in typed("clean").stdout
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert "Ended 0 processes" in typed("clean").stdout
    output, _ = process.communicate(timeout=120)
    assert "across" in output
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["finished"]


PROMPT = """
import json, os, pty, select, sys, time

def read_until(text, timeout_s=60):
    seen, end = "", time.monotonic() + timeout_s
    while text not in seen:
        ready = select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            raise SystemExit(f"{text!r} did not come; seen: {seen}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen

def type_in(line):
    os.write(terminal, line.encode())

lane, out = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    arguments = ["skybed", "run", "pair", "--cli", "--lane", lane, "--out", out]
    command = "from skybed.scripts.cli.main import main; main()"
    os.execv(sys.executable, [sys.executable, "-c", command, *arguments[1:]])
read_until("mininet>")
type_in("nodes\\n")
told = {"nodes": read_until("mininet>")}
type_in("sanya ping -c 12 -i 0.3 eo-0-0\\n")
told["ping"] = read_until("mininet>")
type_in("eo-0-0 ping -c 1 sanya\\n")
told["hyphens"] = read_until("mininet>")
type_in("sanya ping -i 0.2 eo-0-0\\n")
read_until("icmp_seq=3")
type_in("\\x03")
told["stopped"] = read_until("mininet>")
type_in("exit\\n")
end = time.monotonic() + 60
while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            os.read(terminal, 4096)
        except OSError:  # the other end is closed
            pass
told["code"] = os.waitstatus_to_exitcode(ended[1]) if ended[0] else "it did not end"
import pandas
told["probes"] = len(pandas.read_parquet(out + "/probes.parquet"))
print("answer", json.dumps(told), flush=True)
"""


def assert_prompt_worked(told):
    assert "eo-0-0" in told["nodes"] and "sanya" in told["nodes"]
    assert "12 received" in told["ping"] and "1 received" in told["hyphens"]
    assert "packets transmitted" in told["stopped"]  # Ctrl-C ended the ping, not the run
    assert told["code"] == 0 and told["probes"] > 0


def test_the_prompt_on_a_moving_sky(tmp_path):
    """`mininet>` in a terminal: a node list, a ping, Ctrl-C of a command, and exit."""
    command = [sys.executable, "-c", PROMPT, "auto", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert "answer" in done.stdout, done.stdout + done.stderr
    assert_prompt_worked(json.loads(done.stdout.split("answer ")[1]))


def test_the_prompt_in_the_native_lane(in_lane):
    before = "import sys; sys.argv[1:] = ['native', '/run/pair']\n"
    assert_prompt_worked(in_lane(PROMPT, before=before, timeout_s=180))


NATIVE = """
import json, subprocess, sys

def state():
    looks = (["ip", "-o", "address"], ["ip", "route", "show", "table", "all"])
    return [subprocess.run(look, capture_output=True, text=True).stdout for look in looks]

before = state()
skybed = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]
options = ["run", "pair", "--lane", "native", "--out", "/run/pair"]
done = subprocess.run(skybed + options, capture_output=True, text=True)
manifest, verdict = (json.load(open(f"/run/pair/{name}.json")) for name in ("manifest", "verdict"))
told = {
    "code": done.returncode, "said": done.stdout + done.stderr, "lane": manifest["lane"],
    "finished": manifest["finished"], "probes": verdict["rtt_error"]["n"], "same": state() == before,
}
print("answer", json.dumps(told), flush=True)
"""


def test_the_native_lane_in_a_kernel_that_has_netem(in_lane):
    """The uml guest is such a kernel: root, namespaces, netem. The same run there, in the native lane."""
    told = in_lane(NATIVE, before="", timeout_s=200)
    assert told["lane"] == "native" and told["finished"], told["said"]
    assert told["probes"] > 300 and told["code"] in (0, 3)  # a kernel inside a kernel may be late
    assert told["same"]


def test_mn_custom_sees_our_topologies(in_lane):
    told = in_lane(
        """
        import json, subprocess, sys, pathlib
        buffers = pathlib.Path("/proc/sys/net/ipv4/tcp_rmem")  # which Mininet would change
        before = buffers.read_text()
        done = subprocess.run(
            [pathlib.Path(sys.executable).with_name("mn"), "--custom", "emulator/mn.py", "--topo",
             "sky,pair,12", "--controller", "none", "--test", "pingall"],
            capture_output=True, text=True)
        told = dict(said=done.stdout + done.stderr, same=buffers.read_text() == before)
        print("answer", json.dumps(told), flush=True)
        """,
        before="",
    )
    assert "0% dropped (6/6 received)" in told["said"], told["said"]
    assert told["same"]


def start(*arguments):
    command = [str(SKYBED), *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def wait_for(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the run ended before it said {text!r}")
