"""The contacts of a node for uD3TN: commands for its configuration endpoint, as its document "Contacts Data
Format" has them.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from skybed.topologies.orbits.ephemeris import utc
from skybed.topologies.plan.export.contacts import of_node
from skybed.topologies.plan.plan import Plan

DTN_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
PORT = 4556  # TCPCL's
BYTES_S_PER_MBPS = 125_000


def text(plan: Plan, node: str) -> str:
    """A command for each neighbour, which adds it (1) with its address in a run and all contacts with it.

    Times are whole seconds since 2000 (UTC): a contact begins at the next and ends at the last one within it;
    one within which none lies is left out. Rates are bytes/s. Nodes are `ipn:n.0`, n from 1.
    """
    table = of_node(plan, node)
    begin_s = (utc(plan.scenario.begin) - DTN_EPOCH).total_seconds()
    starts = np.ceil((table["start_s"] + begin_s).round(6)).astype(int)
    ends = np.floor((table["end_s"] + begin_s).round(6)).astype(int)
    bytes_s = np.maximum((table["rate_mbps"] * BYTES_S_PER_MBPS).astype(int), 1)
    commands = []
    for n, rows in table[ends > starts].groupby("n", sort=True):
        contacts = ",".join(f"{{{starts[k]},{ends[k]},{bytes_s[k]}}}" for k in rows.index)
        ip = plan.nodes[int(n) - 1].ip
        commands.append(f"1(ipn:{n}.0):(tcpclv3:{ip}:{PORT})::[{contacts}];")
    return "".join(f"{command}\n" for command in commands)
