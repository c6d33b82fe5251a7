"""A contact plan for HDTN (NASA's High-rate Delay Tolerant Networking): its JSON of contacts."""

from __future__ import annotations

import json

import numpy as np

from skybed.topologies.plan.export.contacts import contact_table
from skybed.topologies.plan.plan import Plan


def text(plan: Plan) -> str:
    """Each contact in both directions, by its start, but those in which it carries nothing.

    Times are whole seconds after the scenario's begin: a contact begins at the next and ends at the last one
    within it, one within which none lies is left out, and one-way light time is rounded. Nodes count from 1.
    """
    contacts = list[dict[str, int]]()
    for row in contact_table(plan).itertuples():
        start_s, end_s = int(np.ceil(row.start_s)), int(np.floor(row.end_s))
        ends = plan.index[row.a] + 1, plan.index[row.b] + 1
        ways = (*ends, row.rate_mbps), (*ends[::-1], row.rate_back_mbps)
        for source, dest, mbps in ways:
            if end_s <= start_s or mbps == 0:
                continue
            contacts.append(
                {
                    "contact": len(contacts),
                    "source": source,
                    "dest": dest,
                    "startTime": start_s,
                    "endTime": end_s,
                    "rateBitsPerSec": round(mbps * 1e6),
                    "owlt": round((row.delay_min_ms + row.delay_max_ms) / 2000),
                }
            )
    return json.dumps({"contacts": contacts}, indent=1) + "\n"
