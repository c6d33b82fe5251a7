"""Benchmark, outside the lane: how large a sky with a routing daemon in every node virtual time carries."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from skybed.analysis.manifest import Manifest
from skybed.emulator.lanes import umlkernel
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.bench.live import LAST_LINES, SKYBED, follow, noted
from skybed.scripts.running.progress import Listener
from skybed.topologies.errors import InvalidRun, RunError
from skybed.topologies.scenario.file import Scenario

PLAYED_S = 30
ALTITUDE_KM = 1160


def daemons(shapes: Sequence[tuple[int, int]], budget_s: float, folder: Path, listener: Listener) -> Section:
    """Run skies of growing shapes with OSPF by BIRD, until one takes longer on the wall than the budget, or
    is not played to its end."""
    about = (
        f"OSPF by BIRD in every node, virtual time, {PLAYED_S} s played; the largest sky within "
        f"{budget_s / 60:g} minutes on the wall"
    )
    if umlkernel.built_kernel() is None:
        return {"about": about, "figures": [], "notes": ["Needs `skybed install --kernel`."]}
    largest: list[int] = []
    figures, notes = [], list[str]()
    for planes, per_plane in shapes:
        scenario = sky(planes, per_plane)
        listener.at("daemons", 0.0, f"{planes * per_plane + 2} nodes")
        try:
            measured = _run(scenario, budget_s, folder / scenario.name)
        except InvalidRun as why:
            notes.append(str(why))
            break
        figures += list(_figures(planes * per_plane + 2, measured))
        if measured["wall_s"] > budget_s:
            break
        largest = [planes * per_plane + 2]
    figures = [figure("nodes", "nodes of the largest sky", largest), *figures]
    return {"about": about, "figures": figures, "notes": notes}


def sky(planes: int, per_plane: int) -> Scenario:
    """A grid of relay satellites that always stands, two stations, and a probe between them."""
    walker = {"planes": planes, "per_plane": per_plane, "inclination_deg": 60, "altitude_km": ALTITUDE_KM}
    fields = {
        "name": f"ospf-{planes * per_plane + 2}",
        "epoch": "2026-05-09T00:00:00Z",
        "duration_s": PLAYED_S,
        "rate_scale": 0.01,
        "layers": {"relay": {"names": "r{n}", "walker": walker | {"phasing": 1}, "isl": {"pattern": "grid"}}},
        "stations": ["kashi", "sanya"],
        "access": [{"from": "ground", "to": "relay", "link": "ka-gateway"}],
        "routing": {"protocol": "ospf"},
        "traffic": [{"kind": "probe", "name": "probe", "from": "kashi", "to": "sanya"}],
    }
    return Scenario.model_validate(fields)


def _run(scenario: Scenario, budget_s: float, folder: Path) -> dict[str, Any]:
    """wall_s of the whole command; of the manifest converge_s and memory_mib of daemons."""
    folder.mkdir()
    file, out = folder / "scenario.yaml", folder / "out"
    file.write_text(scenario.dump())
    began_s = time.monotonic()
    limit = ["--wall-limit", f"{2 * budget_s:g}"]
    _, said = follow([*SKYBED, "run", str(file), "--clock", "virtual", *limit, "--out", str(out)])
    wall_s = time.monotonic() - began_s
    try:
        manifest = Manifest.read(out)
        routing = manifest.routing
        if routing is None:
            raise ValueError("the run broke off")
        return {
            "wall_s": wall_s,
            "converge_s": noted(manifest.converge_s),
            "memory_mib": noted(routing.memory_mib),
        }
    except (ValueError, RunError):
        lines = [f"The sky {scenario.name} was not played:", *said[-LAST_LINES:]]
        raise InvalidRun("\n  ".join(lines)) from None


def _figures(nodes: int, measured: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield figure(f"wall_{nodes}_s", f"{nodes} nodes, s on the wall", [measured["wall_s"]])
    yield figure(f"converge_{nodes}_s", "  converged after, s of virtual time", [measured["converge_s"]])
    yield figure(f"memory_{nodes}_mib", "  memory of a daemon, MiB", [measured["memory_mib"]])
