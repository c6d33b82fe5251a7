"""A plan's contacts as one table, which every format is made of."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from skybed.topologies.contacts.properties import Property
from skybed.topologies.orbits.ephemeris import utc_texts
from skybed.topologies.plan.plan import Plan

COARSE_S = 10.0  # between the instants at which the least and the greatest delay are first looked for
FINE = 101  # instants around each; between two of them a delay differs by nanoseconds


def contact_table(plan: Plan) -> pd.DataFrame:
    """A row for each contact, by its start; delay_ms, without what is added in a direction (of links whose
    delay is given: that from a to b), is at its start; rates are means. a and b are names.
    """
    a, b = (np.array([plan.nodes[n].name for n in end], object) for end in plan.network.ends)
    kind = np.array([link.kind for link in plan.links], object)
    contacts = plan.contacts.sort_values(["start_s", "link"], ignore_index=True)
    link, start_s, end_s = (contacts[name].to_numpy() for name in ("link", "start_s", "end_s"))
    delays_ms = np.array([_delays_ms(plan, *contact) for contact in zip(link, start_s, end_s, strict=True)])
    delays_ms = delays_ms.reshape(-1, 3).round(6)
    return pd.DataFrame(
        {
            "a": a[link],
            "b": b[link],
            "start_s": start_s.round(6),
            "end_s": end_s.round(6),
            "start_utc": utc_texts(plan.scenario.begin, start_s),
            "end_utc": utc_texts(plan.scenario.begin, end_s),
            "delay_ms": delays_ms[:, 0],
            "delay_min_ms": delays_ms[:, 1],
            "delay_max_ms": delays_ms[:, 2],
            "rate_mbps": plan.network.values.mean(Property.RATE, link, 0, start_s, end_s).round(6),
            "rate_back_mbps": plan.network.values.mean(Property.RATE, link, 1, start_s, end_s).round(6),
            "kind": kind[link],
        }
    )


def _delays_ms(plan: Plan, link: int, start_s: float, end_s: float) -> tuple[float, float, float]:
    """Delay at the start of a contact, least and greatest."""
    coarse_s = np.linspace(start_s, end_s, int((end_s - start_s) / COARSE_S) + 2)
    given = plan.links[link].given
    delay_s = partial(plan.network.one_way_s, link, 0) if given else partial(plan.delay_s, link)
    coarse = delay_s(coarse_s)
    near = []
    for at in (int(coarse.argmin()), int(coarse.argmax())):
        around_s = coarse_s[max(at - 1, 0) : at + 2]
        near.append(delay_s(np.linspace(around_s[0], around_s[-1], FINE)))
    return float(coarse[0]) * 1e3, float(near[0].min()) * 1e3, float(near[1].max()) * 1e3


def of_node(plan: Plan, node: str) -> pd.DataFrame:
    """Those of one node, in which it can send: its neighbour `peer`, the number `n` of that, from 1 in the
    order of nodes, start_s, end_s, rate_mbps to it, delay_ms: the middle of what it is. Raises ScenarioError
    for a node that is none.
    """
    plan.node(node)
    table = contact_table(plan)
    here = table[(table["a"] == node) | (table["b"] == node)]
    first = (here["a"] == node).to_numpy()
    peer = here["b"].where(first, here["a"])
    table = pd.DataFrame(
        {
            "peer": peer,
            "n": [plan.index[name] + 1 for name in peer],
            "start_s": here["start_s"],
            "end_s": here["end_s"],
            "rate_mbps": here["rate_mbps"].where(first, here["rate_back_mbps"]),
            "delay_ms": (here["delay_min_ms"] + here["delay_max_ms"]) / 2,
        }
    )
    return table[table["rate_mbps"] > 0].reset_index(drop=True)
