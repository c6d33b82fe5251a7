"""The contacts of a plan, as contact graph routing takes them: each way, with a rate and a light time."""

from __future__ import annotations

import numpy as np

from skybed.topologies.bundles.outlook import Outage, Outlook
from skybed.topologies.bundles.sabr import Contact
from skybed.topologies.contacts.faults import of_contacts
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import minus
from skybed.topologies.model.routing import Copy
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import schedule
from skybed.topologies.tasks import foreseen

BYTES_S_PER_MBPS = 125_000.0
LOOKS = 9  # at the delay of a contact, over its length


def of(plan: Plan) -> Outlook:
    """What agents know of a plan, each by the copy of the schedule that it holds (`routing.copies`)."""
    network = plan.network
    surprises = any(not fault.planned for fault in plan.scenario.faults)
    actual = contacts(network)
    copies, held = schedule.held(network)
    known, number = np.unique(held, return_inverse=True)
    believed = [
        actual if copies[k] == Copy() and not surprises else contacts(network.believed(copies[k]))
        for k in known.tolist()
    ]
    dead = [Outage(*row) for row in zip(*foreseen.dead(plan), strict=True)]
    return Outlook(actual, believed, number.tolist(), dead)


def contacts(network: Network, at_best: bool = False) -> list[Contact]:
    """When links stand and carry both ways, also where a fault silences them; by their start.

    Rates are means over a contact, light times the longest in it, fixed and extra delays included; at_best:
    rates the greatest that the link ever has, light times the shortest.
    """
    closed = network.values.closed
    link, start_s, end_s = minus(of_contacts(network.contacts), closed._replace(key=closed.key // 2))
    ends = np.stack(network.ends, axis=1)[link]
    looks_s = start_s[:, None] + (end_s - start_s)[:, None] * np.linspace(0, 1, LOOKS)
    found = []
    for side in (0, 1):
        light_s = network.one_way_s(link[:, None], side, looks_s)
        if at_best:
            rate_mbps, light_s = network.values.greatest(Property.RATE)[link, side], light_s.min(axis=1)
        else:
            rate_mbps = network.values.mean(Property.RATE, link, side, start_s, end_s)
            light_s = light_s.max(axis=1)
        columns = (ends[:, side], ends[:, 1 - side], start_s, end_s, rate_mbps * BYTES_S_PER_MBPS, light_s)
        found += [Contact(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return sorted(found, key=lambda contact: (contact.start_s, contact.node, contact.peer))
