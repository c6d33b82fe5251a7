"""The contacts of a node for hardy, a BPv7 router: a contact plan of its agent `hardy-tvr`."""

from __future__ import annotations

import numpy as np

from skybed.topologies.orbits.ephemeris import utc_texts
from skybed.topologies.plan.export.contacts import of_node
from skybed.topologies.plan.plan import Plan


def text(plan: Plan, node: str) -> str:
    """A line for each contact: what is for a neighbour goes to it. Nodes are `ipn:n.0`, n from 1.

    Rates are bit/s, the delay is the middle of what it is over the contact, in us.
    """
    table = of_node(plan, node)
    lines = [f"# Contact plan of {node} in {plan.scenario.name} by skybed, for hardy-tvr."]
    start, end = (utc_texts(plan.scenario.begin, table[f"{at}_s"].to_numpy(float)) for at in ("start", "end"))
    bits_s = np.maximum((table["rate_mbps"] * 1e6).round().astype(int), 1)
    delay_us = (table["delay_ms"] * 1e3).round().astype(int)
    for k, n in enumerate(table["n"]):
        when = f"start {start[k]} end {end[k]}"
        lines.append(f"ipn:0.{n}.* via ipn:{n}.0 {when} bandwidth {bits_s[k]} delay {delay_us[k]}us")
    return "\n".join(lines) + "\n"
