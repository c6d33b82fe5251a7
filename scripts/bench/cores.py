"""Benchmark, outside the lane: what a second core gains for one sky in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skybed.emulator.lanes import umlkernel
from skybed.scripts.bench import daemons
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.bench.start import NEEDS_KERNEL, spent
from skybed.scripts.running.progress import Listener
from skybed.topologies.scenario.file import Scenario

CORES = 2
PER_PLANE, HOPS = 10, 5


def cores(
    planes: int, flows_s: float, routed: tuple[int, int], rounds: int, folder: Path, listener: Listener
) -> Section:
    """Run two skies on one core and on two, in turn: one with as many TCP flows in each plane as they have
    hops, for flows_s, and one of shape `routed` with OSPF in every node.
    """
    about = "One sky on one core and on two, virtual time; s on the wall from the command to its end"
    if umlkernel.built_kernel() is None:
        return {"about": about, "figures": [], "notes": [NEEDS_KERNEL]}
    nodes = routed[0] * routed[1] + 2
    skies = {
        "flows_s": (flows(planes, flows_s), f"{HOPS * planes} TCP flows over {HOPS} hops, {flows_s:g} s"),
        "routed_s": (daemons.sky(*routed), f"OSPF in {nodes} nodes, {daemons.PLAYED_S} s"),
    }
    figures = []
    for key, (scenario, what) in skies.items():
        on_one, on_more = list[float](), list[float]()
        for turn in range(rounds):
            for count, wall_s in ((1, on_one), (CORES, on_more)):
                listener.at("cores", 0.0, f"{what}, on {count} of {CORES} cores, {turn + 1} of {rounds}")
                options = folder / f"{key}-{turn}-{count}", "--cores", str(count)
                wall_s.append(spent(scenario, *options)["whole"][1])
        figures.append(figure(key, what, on_more, on_one, "one core"))
    return {"about": about, "figures": figures}


def flows(planes: int, duration_s: float) -> Scenario:
    """A grid of satellites, and in each plane TCP flows side by side."""
    walker = {"planes": planes, "per_plane": PER_PLANE, "inclination_deg": 60, "altitude_km": 1160}
    isl = {"pattern": "grid", "seam": False, "link": "narrow"}
    traffic: list[dict[str, Any]] = [
        {"kind": "tcp", "name": f"tcp-{plane}-{flow}", "from": f"r{first + flow}", "to": f"r{first + end}"}
        for plane, first in enumerate(range(0, planes * PER_PLANE, PER_PLANE))
        for flow in range(HOPS)
        for end in [(flow + HOPS) % PER_PLANE]
    ]
    return Scenario.model_validate({
        "name": f"flows-{len(traffic)}",
        "epoch": "2026-05-09T00:00:00Z",
        "duration_s": duration_s,
        "links": {"narrow": {"rate_mbps": 10}},
        "layers": {"relay": {"names": "r{n}", "walker": walker | {"phasing": 1}, "isl": isl}},
        "traffic": traffic,
    })  # fmt: skip
