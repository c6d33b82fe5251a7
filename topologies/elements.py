"""Satellites from published element sets, and the satellites of a whole scenario."""

from __future__ import annotations

from topologies import walker
from topologies.scenario import Scenario
from topologies.walker import Satellite


def layer_satellites(scenario: Scenario) -> list[Satellite]:
    """Satellites of all layers, in the order of the file."""
    return [
        satellite
        for name, layer in scenario.layers.items()
        for satellite in walker.satellites(name, layer, scenario.epoch)
    ]
