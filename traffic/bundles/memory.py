"""The memory that bundles take in the process of traffic, which holds those of all nodes."""

from __future__ import annotations

from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits import elements

IN_TRANSIT = (
    3  # times its size, what is under way: as it is sent, as it has come, and zeros for what is to come
)
SPARE = 1.5  # of what libc has ever had, as much again as half of what is held
MOST_MB = 2048.0  # twice what a process of a uml guest has mappings for, unless the machine allows more
MB = 2**20


def memory_mb(scenario: ScenarioModel, links: int) -> float:
    """What they may take. links: at once, each with one bundle under way in each direction.

    At worst nothing is delivered, and all is held that storages have room for. Of a payload there is one
    copy, however many nodes have it.
    """
    flows = [flow for flow in scenario.flows if isinstance(flow, BundleFlow)]
    if not flows:
        return 0.0
    rules = [scenario.layers[satellite.layer].carries for satellite in elements.layer_satellites(scenario)]
    rules += [station.carries for station in scenario.stations]
    rooms = [rule.storage.gb * 1e9 * scenario.rate_scale if rule.storage else float("inf") for rule in rules]
    made = [flow.size_bytes * len(flow.times_s(scenario.duration_s)) for flow in flows]
    copies = [len(rules) if flow.routing == "epidemic" else 1 for flow in flows]
    spread = sum(size * count for size, count in zip(made, copies, strict=True))
    moving = min(spread, 2 * links * max(flow.size_bytes for flow in flows))
    return min(SPARE * (min(sum(made), sum(rooms)) + IN_TRANSIT * moving) / MB, MOST_MB)
