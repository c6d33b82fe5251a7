"""When nodes of a plan are out of service, by faults that say so."""

from __future__ import annotations

import numpy as np

from skybed.topologies.contacts.spans import Spans, joined, spans, union
from skybed.topologies.model.faults import Fault
from skybed.topologies.orbits import elements
from skybed.topologies.plan.plan import Plan


def dead(plan: Plan) -> Spans:
    """By the number of the node; what it held is lost at the begin of each."""
    parts = list[Spans]()
    for fault in plan.scenario.faults:
        if fault.dead and fault.at_s is not None:
            until_s = np.inf if fault.for_s is None else fault.at_s + fault.for_s
            parts.append(spans(_nodes_of(plan, fault), fault.at_s, until_s))
    return union(joined(parts))


def _nodes_of(plan: Plan, fault: Fault) -> list[int]:
    if fault.node is not None:
        return [plan.node(fault.node)]
    if fault.layer is not None:
        return plan.network.layer(fault.layer).tolist()
    assert fault.plane is not None
    name, number = fault.plane
    scenario = plan.scenario
    satellites = elements.of_layer(name, scenario.layers[name], scenario.epoch, scenario.begin)
    return [plan.node(satellite.name) for satellite in satellites if satellite.plane == number]
