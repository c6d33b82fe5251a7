"""Bundles, held to the contacts that stood: none may cross another, or faster than its rate and light time,
and none may be there before the best way that anybody could have found.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from skybed.analysis.run import Run, kept
from skybed.topologies.bundles import contacts, sabr
from skybed.topologies.bundles.sabr import Contact
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.tables import BUNDLES, CHANGED, HOPS

EDGE_S = 5e-3  # of a contact, and of light time: how well an instant of a run is known
MOST = 1000  # bundles of which the best way is looked for, evenly chosen
FATES = ("delivered", "held", "expired", "lost", "dropped")


def reasons(run: Run) -> list[str]:
    """Why what was measured of bundles cannot be."""
    if not any(isinstance(flow, BundleFlow) for flow in run.traffic):
        return []
    bundles, hops = run.table(BUNDLES.name), run.table(HOPS.name)
    physical = [] if run.wrote(CHANGED) else [*impossible(run, hops), *early(run, bundles)]
    return [*_unaccounted(bundles), *_unheard(bundles, hops), *physical]


@kept
def _at_best(run: Run) -> list[Contact]:
    return contacts.contacts(run.plan.network, at_best=True)


def _unaccounted(bundles: pd.DataFrame) -> Iterator[str]:
    """Created is delivered, held, expired and dropped."""
    unknown = ~bundles["outcome"].isin(FATES)
    wrong = unknown | (bundles["outcome"].eq("delivered") != bundles["delivered_s"].notna())
    for flow, count in wrong.groupby(bundles["flow"]).sum().items():
        if count:
            yield f"Of {count} bundles of {flow} it is not known what has become of them."


def _unheard(bundles: pd.DataFrame, hops: pd.DataFrame) -> Iterator[str]:
    """Delivered, and not all of it came over a contact."""
    last = hops[~hops["report"]].merge(bundles[["flow", "number", "dst"]], on=["flow", "number"])
    came = last[last["peer"] == last["dst"]].groupby(["flow", "number"])["bytes"].sum()
    there = bundles[bundles["outcome"] == "delivered"].set_index(["flow", "number"])
    short = there[came.reindex(there.index, fill_value=0) < there["bytes"]]
    for (flow, number), row in short.head(1).iterrows():
        yield f"Bundle {number} of {flow} is delivered, but not all of it came to {row['dst']} by a contact."


def impossible(run: Run, hops: pd.DataFrame) -> Iterator[str]:
    """What went over no contact, or faster than it can. hops: as the table of this name."""
    best = pd.DataFrame(_at_best(run), columns=list(Contact._fields))
    names = np.array([node.name for node in run.plan.nodes], object)
    best["node"], best["peer"] = names[best["node"].astype(int)], names[best["peer"].astype(int)]
    known = best.assign(from_s=best["start_s"] - EDGE_S).sort_values("from_s")
    rows = pd.merge_asof(
        hops.sort_values("began_s"), known, left_on="began_s", right_on="from_s", by=["node", "peer"]
    )
    ends_s = rows["end_s"] + rows["light_s"] + EDGE_S
    no_contact = rows["end_s"].isna() | (rows["arrived_s"] > ends_s)
    least_s = rows["light_s"] + rows["carried_bytes"] / rows["bytes_s"] - EDGE_S
    too_fast = ~no_contact & (rows["arrived_s"] - rows["began_s"] < least_s)
    for wrong, says in ((no_contact, "while there was no contact"), (too_fast, "faster than it can carry")):
        for row in rows[wrong].head(1).itertuples():
            yield (
                f"Bundle {row.number} of {row.flow} went from {row.node} to {row.peer} at "
                f"{row.began_s:.3f} s {says}; {wrong.sum()} did."
            )


def early(run: Run, bundles: pd.DataFrame) -> Iterator[str]:
    """Delivered before the best way over all contacts. What came in parts may have taken several ways at
    once, so it is held to light time and contacts alone. bundles: as the table of this name.
    """
    plan = sabr.Plan(_at_best(run))
    there = bundles[bundles["delivered_s"].notna()]
    looked = there.iloc[np.unique(np.linspace(0, len(there) - 1, min(MOST, len(there))).astype(int))]
    for row in looked.itertuples():
        ends = run.plan.node(row.src), run.plan.node(row.dst)
        size = row.bytes if row.fragments == 1 else 0
        route = sabr.best(plan, *ends, row.created_s, size)
        if route is None or row.delivered_s < route.arrival_s - EDGE_S:
            best = "there is no way" if route is None else f"the best way takes until {route.arrival_s:.3f} s"
            yield f"Bundle {row.number} of {row.flow} was there at {row.delivered_s:.3f} s, but {best}."
            return
