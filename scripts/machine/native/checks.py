"""The checks of scripts/check-native, as they run in the machine that it boots.

    python -m skybed.scripts.machine.native.checks FOLDER

FOLDER is shared with the machine outside: from there comes wanted.json, there go results.jsonl and what was
printed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from skybed.emulator.lanes import lanes
from skybed.scripts.machine.native import results
from skybed.scripts.machine.native.results import Result

SKYBED = Path(sys.executable).with_name("skybed")
RUNS = Path("/var/tmp/runs")
# In the place of faults of which some are later than these seconds.
SHORTER = (
    "--duration=30",
    "--set=faults=[{kind: carrier, link: [relay-1-1, relay-2-1], at_s: 10, for_s: 1, reacquire_s: 12}]",
)
FREED_S = 30.0  # in which the kernel is to free the namespaces of a run
# The machine's own network: without one a run would have nothing to spoil.
NETWORK = (
    "ip link add own0 type dummy",
    "ip address add 192.0.2.2/24 dev own0",
    "ip address add 2001:db8::2/64 dev own0 nodad",
    "ip link set own0 up",
    "ip route add default via 192.0.2.1",
)
LOOKS = (
    "ip -o link", "ip -o address", "ip route show table all", "ip -6 route show table all", "ip rule",
    "ip netns", "tc qdisc show",
)  # fmt: skip
# Who may hold network namespaces that are not freed.
HOLDERS = ("ps -eLo pid,ppid,state,wchan:30,pidns,netns,comm,args", "lsns", "cat /proc/mounts")
COUNTERS = re.compile(r"/(random/|ns_last_pid|pty/nr|sched_domain|perf_|nf_conntrack_count)")
FAULTS = re.compile(r"BUG:|Oops|WARNING: CPU|blocked for more than|Call Trace|Out of memory|segfault")

Answer = tuple[bool, str]  # whether it holds, and what was seen


class Failed(Exception):
    """A check cannot go on; the reason is what was seen."""


class Machine:
    """The machine that the checks run in. emulated: its processor is. folder: shared with the one outside."""

    def __init__(self, folder: Path, emulated: bool) -> None:
        self.folder, self.emulated = folder, emulated
        # No asking for routers, which it would do again and again: what it sends is counted.
        Path("/proc/sys/net/ipv6/conf/default/router_solicitations").write_text("0")
        for command in NETWORK:
            subprocess.run(command.split(), check=True)
        time.sleep(30)  # until the kernel has announced it
        self.before = looks()

    # -- does it work --

    def doctor(self) -> Answer:
        loaded = "sch_netem" in Path("/proc/modules").read_text()
        said, code = self.called("doctor", [str(SKYBED), "doctor"], 300)
        lane = re.search(r"lane +(auto takes \w+)", said)
        loads = not loaded and "sch_netem" in Path("/proc/modules").read_text()
        ok = code == 0 and loads and lane is not None and lane[1] == "auto takes native"
        netem = f"netem {'loads by itself' if loads else 'does not load'}"
        return ok, f"{lane[1] if lane else said[-300:]}; {netem}"

    def played(self, scenario: str, *options: str) -> Answer:
        """A scenario in the native lane, to its end and with all that the verdict asks for."""
        out = RUNS / scenario
        wider = results.WIDER if self.emulated else {}
        options = (*options, *(f"--set=fidelity.{name}={limit}" for name, limit in wider.items()))
        said, _ = self.called(scenario, native(scenario, out, *options), 900)
        if not (out / "verdict.json").exists():
            raise Failed(said[-300:])
        verdict = json.loads((out / "verdict.json").read_text())
        error, late = verdict["rtt_error"], verdict["routes"]["late_max_us"]
        seen = [f"{verdict['status'].upper()}, {verdict['played_s']:g} s", *verdict["reasons"]]
        if error["n"]:
            p50, p99 = (f"{error[name]:.0f}" for name in ("p50_us", "p99_us"))
            seen.append(f"RTT error p50 {p50}, p99 {p99} us of {error['n']} probes")
        if late is not None:
            seen.append(f"routes at most {late / 1000:.1f} ms late")
        return verdict["status"] == "pass", "; ".join(seen)

    def virtual(self) -> Answer:
        """The other lane, in the same machine: virtual time, twice."""
        hashes = []
        for number in (1, 2):
            out = RUNS / f"virtual-{number}"
            command = [str(SKYBED), "run", "pair", "--clock", "virtual", "--out", str(out)]
            said, code = self.called("virtual", command, 900)
            if code:
                raise Failed(said[-300:])
            hashes.append(json.loads((out / "manifest.json").read_text())["tables_sha256"])
        same = hashes[0] == hashes[1]
        return same, f"PASS, twice; tables {'the same to the byte' if same else 'differ'}"

    def prompt(self) -> Answer:
        typed = "nodes\nsanya ping -c 3 eo-0-0\neo-0-0 ip route\nexit\n"
        said, code = self.called("prompt", native("pair", RUNS / "prompt", "--cli"), 300, typed)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", said)  # newer ones of `ip` print in colours
        there = [text for text in ("miyun", "3 received", "dev sanya") if text in plain]
        return code == 0 and len(there) == 3, f"{', '.join(there)}; exit code {code}"

    def mn(self) -> Answer:
        mn = str(SKYBED.with_name("mn"))
        topology = ["--custom", "emulator/mn.py", "--topo", "sky,pair,12", "--controller", "none"]
        said, code = self.called("mn", [mn, *topology, "--test", "pingall"], 300)
        result = re.search(r"Results: .*", said)
        return "0% dropped (6/6 received)" in said and code == 0, result[0] if result else said[-300:]

    # -- does it leave nothing --

    def killed(self) -> Answer:
        before = namespaces()
        process = self.begun("kill", "sc-mini")
        there = namespaces() - before
        process.kill()
        process.wait()
        begun_s = time.monotonic()
        _, code = self.called("clean", [str(SKYBED), "clean"], 120)
        clean_s = time.monotonic() - begun_s
        left = leftovers()
        while namespaces() > before and time.monotonic() - begun_s - clean_s < FREED_S:
            time.sleep(0.1)
        freed_s, still = time.monotonic() - begun_s - clean_s, namespaces() - before
        if still > 0:
            left.append(f"{still} namespaces")
            for look in HOLDERS:
                _, _ = self.called("holders", look.split(), 60)
        ok = there > 0 and code == 0 and not left
        return ok, (f"{there} namespaces; clean took {clean_s:.1f} s, the kernel {freed_s:.1f} s more; "
                    f"left: {', '.join(left) or 'nothing'}")  # fmt: skip

    def interrupted(self) -> Answer:
        process = self.begun("interrupted", "pair")
        process.send_signal(signal.SIGINT)
        begun_s = time.monotonic()
        try:
            code = process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failed("it went on for 120 s") from None
        ended_s, left = time.monotonic() - begun_s, leftovers()
        kept = (RUNS / "interrupted" / "probes.parquet").exists()
        return code == 3 and kept and not left, (
            f"ended in {ended_s:.1f} s with exit code {code}; tables {'kept' if kept else 'lost'}; "
            f"left: {', '.join(left) or 'nothing'}"
        )

    # -- does it touch nothing --

    def isolation(self) -> Answer:
        now = looks()
        # A module that was loaded brings settings of its own; those that were there are to stay.
        changed = [name for name, value in self.before.items() if now.get(name) != value]
        for name in changed:
            self.keep("isolation", f"{name}\n- {self.before[name]}\n+ {now.get(name)}\n")
        return not changed, f"{len(self.before)} looks; changed: {', '.join(changed) or 'nothing'}"

    def kernel_log(self) -> Answer:
        said = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
        self.keep("dmesg", said)
        faults = [text for text in said.splitlines() if FAULTS.search(text)]
        throttled = said.count("RT throttling activated")
        first = f": {faults[0]}" if faults else ""
        return not faults, f"{len(faults)} faults{first}; RT throttled {throttled} times"

    # -- how --

    def called(self, name: str, command: Sequence[str], limit_s: float, typed: str = "") -> tuple[str, int]:
        """What it printed, and its exit code."""
        try:
            done = subprocess.run(
                command, input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=limit_s, check=False, env=os.environ | {"COLUMNS": "200"},
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            self.keep(name, (late.stdout or b"").decode(errors="replace"))
            raise Failed(f"it did not end within {limit_s:g} s") from None
        self.keep(name, done.stdout)
        return done.stdout, done.returncode

    def begun(self, name: str, scenario: str) -> subprocess.Popen[bytes]:
        """A run that is played since a moment."""
        out = RUNS / name
        command = native(scenario, out, "--duration", "600")
        with open(self.folder / f"{name}.txt", "wb") as said:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        until_s = time.monotonic() + 300
        while played_s(out) < 2:
            if process.poll() is not None or time.monotonic() > until_s:
                process.kill()
                raise Failed(f"{scenario} did not come to play")
            time.sleep(0.2)
        return process

    def keep(self, name: str, text: str) -> None:
        with open(self.folder / f"{name}.txt", "a") as file:
            file.write(text)


def native(scenario: str, out: Path, *options: str) -> list[str]:
    return [str(SKYBED), "run", scenario, "--lane", "native", "--out", str(out), *options]


def played_s(out: Path) -> float:
    try:
        return float(json.loads((out / "manifest.json").read_text())["played_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def namespaces() -> int:
    """Network namespaces that the kernel has: also those that nobody is in, until it has freed them.

    Newer kernels keep the memory of those that are gone until others go; so one comes and goes.
    """
    subprocess.run(["unshare", "--net", "true"], check=True)
    slab = Path("/sys/kernel/slab/net_namespace")
    (slab / "shrink").write_text("1")  # else some that are free count as used
    return int((slab / "objects").read_text().split()[0])


def leftovers() -> list[str]:
    """Of runs that have ended."""
    marked = [f"process {pid}" for pid in processes() if lanes.MARK.encode() in environment(pid)]
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    names = [name for name in re.findall(r"^\d+: ([^:@]+)", links, re.M) if name not in ("lo", "own0")]
    return [*marked, *(f"interface {name}" for name in names),
            *(str(folder) for folder in Path("/tmp").glob(f"{lanes.TEMPORARY}*"))]  # fmt: skip


def processes() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def environment(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def looks() -> dict[str, str]:
    """What a run may not change: by command, by setting of the kernel, and what the interfaces have sent."""
    seen = {look: subprocess.run(look.split(), capture_output=True, text=True).stdout for look in LOOKS}
    settings = (path for room in ("net", "kernel") for path in Path("/proc/sys", room).rglob("*"))
    for path in settings:
        if path.is_file() and not COUNTERS.search(str(path)):
            try:
                seen[str(path)] = path.read_text()
            except (OSError, UnicodeDecodeError):
                continue  # written only
    for path in Path("/sys/class/net").glob("*/statistics/?x_packets"):
        seen[str(path)] = path.read_text()
    return seen


def checked(name: str, of: str, check: Callable[[], Answer]) -> Result:
    begun_s = time.monotonic()
    try:
        ok, said = check()
    except Exception as error:  # what one check stumbles over is no reason to leave out the others
        ok, said = False, f"{type(error).__name__}: {error}"
    return Result(name, of, ok, " ".join(said.split()), time.monotonic() - begun_s)


def main() -> None:
    folder = Path(sys.argv[1])
    wanted = json.loads((folder / "wanted.json").read_text())
    machine = Machine(folder, wanted["emulated"])
    RUNS.mkdir()
    checks: dict[str, tuple[str, Callable[[], Answer]]] = {
        "doctor": ("function", machine.doctor),
        "pair": ("function", partial(machine.played, "pair")),
        "prompt": ("function", machine.prompt),
        "mn": ("function", machine.mn),
        "kill -9": ("cleanliness", machine.killed),
        "Ctrl-C": ("cleanliness", machine.interrupted),
        "sc-mini": ("function", partial(machine.played, "sc-mini")),
        "reroute-ospf": ("function", partial(machine.played, "reroute-ospf", *SHORTER)),
        "reroute-isis": ("function", partial(machine.played, "reroute-isis", *SHORTER)),
        "reroute-bfd": ("function", partial(machine.played, "reroute-bfd", *SHORTER)),
        "bgp-links": ("function", partial(machine.played, "bgp-links", "--duration=20")),
        "starlink-550": ("function", partial(machine.played, "starlink-550", "--duration=20")),
        "virtual": ("function", machine.virtual),
        "isolation": ("isolation", machine.isolation),
        "kernel log": ("cleanliness", machine.kernel_log),
    }
    for name in wanted["names"]:
        with open(folder / "results.jsonl", "a") as file:
            file.write(results.line(checked(name, *checks[name])))


if __name__ == "__main__":
    main()
