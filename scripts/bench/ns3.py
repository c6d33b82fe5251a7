"""Benchmark, outside the lane: CPU seconds of chains of links in virtual time, beside ns-3's of the same.

ns-3 has models of a network in place of the Linux stack, so the two do the same work in different depth. Its
program is chain.cc; libns3-dev and libgsl-dev of Debian build it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from skybed.analysis.run import load
from skybed.emulator.lanes import umlkernel
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.bench.start import NEEDS_KERNEL, ended_cpu_s, spent
from skybed.scripts.bench.virtual import LINE
from skybed.scripts.running.progress import Listener
from skybed.topologies.errors import InvalidRun, MachineError
from skybed.topologies.model import ready
from skybed.topologies.scenario.file import Scenario

PARTS = ("core", "network", "internet", "point-to-point", "applications", "traffic-control")
NEEDS = "Needs ns-3, with headers: `apt-get install g++ pkg-config libns3-dev libgsl-dev`."
PATIENCE_S = 1800.0
RATE_MBPS, DELAY_MS, QUEUE_PACKETS = 100, 2, 300  # of each link
SIZE_BYTES, INTERVAL_US = 1000, 100  # of UDP
ALIKE = 0.25  # by how much more or less may arrive by TCP, of which each has its own
PING = {"kind": "probe", "name": "ping", "from": "Manila", "to": "Dalian", "protocol": "echo", "rate_hz": 100}


def ns3(
    hops: Sequence[int], length_s: float, kuiper_s: float, rounds: int, folder: Path, listener: Listener
) -> Section:
    """Chains of so many hops, UDP and TCP, for length_s; both in turn, so many times. And what a ping over
    Kuiper's shell costs skybed.
    """
    about = (
        f"Chains of links, {length_s:g} s in virtual time: UDP at {8 * SIZE_BYTES / INTERVAL_US:g} Mbit/s, "
        f"TCP on {RATE_MBPS} Mbit/s; CPU s of playing, beside those of a run of ns-3"
    )
    if umlkernel.built_kernel() is None:
        return {"about": about, "figures": [], "notes": [NEEDS_KERNEL]}
    program, notes = _built(folder)
    figures = []
    for kind, chain in ((kind, chain) for kind in ("udp", "tcp") for chain in hops):
        ours: list[float | None] = []
        theirs: list[float | None] = []
        for turn in range(rounds):
            listener.at("ns-3", 0.0, f"{kind} over {chain} hops, {turn + 1} of {rounds}")
            out = folder / f"{kind}-{chain}-{turn}"
            ours.append(spent(_chain(kind, chain, length_s), out)["playing"][0])
            if program:
                cpu_s, their_bytes = _simulated(program, kind, chain, length_s)
                theirs.append(cpu_s)
                _alike(kind, _arrived_bytes(out / "out"), their_bytes)
        figures.append(
            figure(f"{kind}_{chain}_cpu_s", f"{kind.upper()}, {chain} hops, CPU s", ours, theirs, "ns-3")
        )
    shell = Scenario.load(ready.SCENARIOS / "kuiper-630.yaml").with_(
        traffic=[PING], accept=[], duration_s=kuiper_s
    )
    pinged = [spent(shell, folder / f"kuiper-{turn}")["playing"][0] for turn in range(rounds)]
    figures.append(figure("kuiper_cpu_s", f"Kuiper, {kuiper_s:g} s, a ping of 100/s, CPU s", pinged))
    return {"about": about, "figures": figures, "notes": notes}


def _built(folder: Path) -> tuple[Path | None, list[str]]:
    """The program of ns-3; None, and a sentence, where it cannot be made."""
    program, packages = folder / "chain", [f"ns3-{part}" for part in PARTS]
    if not all(map(shutil.which, ("g++", "pkg-config"))):
        return None, [NEEDS]
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True)
    if flags.returncode:
        return None, [NEEDS]
    source = Path(__file__).with_name("chain.cc")
    command = ["g++", "-O3", "-DNDEBUG", "-std=c++17", "-o", str(program), str(source), *flags.stdout.split()]
    made = subprocess.run(command, capture_output=True, text=True)
    return (None, [NEEDS]) if made.returncode else (program, [])


def _simulated(program: Path, kind: str, hops: int, length_s: float) -> tuple[float, int]:
    """CPU s, and bytes that arrived."""
    before_s = ended_cpu_s()
    words = [kind, hops, length_s, RATE_MBPS, DELAY_MS, QUEUE_PACKETS, SIZE_BYTES, INTERVAL_US]
    try:
        done = subprocess.run(
            [program, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
    except subprocess.SubprocessError as error:
        raise MachineError(f"The program of ns-3 came to no end: {error}.") from None
    return ended_cpu_s() - before_s, int(done.stdout)


def _chain(kind: str, hops: int, length_s: float) -> Scenario:
    """Stations in a row, each with a line to the next."""
    names = [f"n{n}" for n in range(hops + 1)]
    link = {"rate_mbps": RATE_MBPS, "fixed_delay_ms": DELAY_MS, "queue_packets": QUEUE_PACKETS}
    flow: dict[str, Any] = {"kind": kind, "name": kind, "from": names[0], "to": names[-1]}
    if kind == "udp":
        flow |= {"rate_mbps": 8 * SIZE_BYTES / INTERVAL_US, "size_bytes": SIZE_BYTES}
    return Scenario.model_validate(
        {
            "name": "chain",
            "epoch": "2026-05-09T00:00:00Z",
            "duration_s": length_s,
            "layers": LINE["layers"],  # a sky has one at least
            "routing": LINE["routing"],
            "stations": [{"name": name, "lat_deg": 40, "lon_deg": 100 + n} for n, name in enumerate(names)],
            "links": {"line": link},
            "fibre": [{"a": a, "b": b, "link": "line"} for a, b in pairwise(names)],
            "traffic": [flow],
        }
    )


def _arrived_bytes(out: Path) -> int:
    return int(load(out).flows["received_bytes"].sum())


def _alike(kind: str, ours: int, theirs: int) -> None:
    """Both carried the same. Raises InvalidRun."""
    if abs(ours - theirs) > ALIKE * theirs:
        raise InvalidRun(
            f"{kind.upper()}: {ours} bytes arrived, and {theirs} in ns-3: these are not the same work."
        )
