"""A contact plan for ION: commands of `ionadmin`, as its manual page ionrc(5) has them."""

from __future__ import annotations

import numpy as np

from skybed.topologies.plan.export.contacts import contact_table
from skybed.topologies.plan.plan import Plan

BYTES_S_PER_MBPS = 125_000


def text(plan: Plan) -> str:
    """Each contact in both directions, but those in which it carries nothing.

    ION counts in whole seconds, of time and of distance: a contact begins at the next and ends at the last
    whole second within it, and one-way light time is rounded, which makes it 0 up to half a second.
    """
    table = contact_table(plan)
    epoch = plan.scenario.begin
    ahead_s = epoch.microsecond / 1e6  # ION's reference time is a whole second
    start_s = np.ceil((table.start_s + ahead_s).round(6)).astype(int)
    end_s = np.floor((table.end_s + ahead_s).round(6)).astype(int)
    whole = end_s > start_s
    lines = [
        f"# Contact plan of {plan.scenario.name} by skybed, for ionadmin.",
        "# Times are seconds after the reference time, which is when ionadmin starts. For the times of the",
        f"# scenario put this before the first contact: @ {epoch:%Y/%m/%d-%H:%M:%S}",
        "# Rates are bytes/s, ranges light seconds. ION knows whole seconds only.",
    ]
    if not whole.all():
        lines.append(f"# Left out: {(~whole).sum()} contacts that no whole second lies in.")
    lines += [f"# node {n}: {node.name}" for n, node in enumerate(plan.nodes, start=1)]
    for at in np.flatnonzero(whole):
        row = table.iloc[at]
        ends = plan.index[row.a] + 1, plan.index[row.b] + 1
        rates = row.rate_mbps, row.rate_back_mbps
        owlt_s = round((row.delay_min_ms + row.delay_max_ms) / 2000)
        for (one, other), mbps in zip((ends, ends[::-1]), rates, strict=True):
            if mbps > 0:
                bytes_s = max(int(mbps * BYTES_S_PER_MBPS), 1)
                lines.append(f"a contact +{start_s[at]} +{end_s[at]} {one} {other} {bytes_s}")
        for one, other in (ends, ends[::-1]):
            lines.append(f"a range +{start_s[at]} +{end_s[at]} {one} {other} {owlt_s}")
    return "\n".join(lines) + "\n"
