"""What was changed of links by hand, at the prompt or by a script: it belongs to what is true of a run.

Where a carrier was held down no packet had to come through, and the ways that packets took are in the tables
that were recorded. What another rate, loss or delay made of packets is measured, and not judged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from skybed.analysis.run import Run, kept
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans, spans, union
from skybed.topologies.model.tables import CHANGED

BEFORE_S, AFTER_S = 1.0, 2.0  # of a packet's sending: it is under way, or its queue not drained, no longer
UNJUDGED = (Property.RATE, Property.LOSS, Property.DELAY)


@kept
def changed(run: Run) -> pd.DataFrame:
    """The rows of the table, none where nobody changed anything."""
    if run.wrote(CHANGED):
        return run.table(CHANGED.name)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in CHANGED.dtypes.items()})


def held(run: Run, *properties: Property) -> Spans:
    """When any of these properties of links, in any direction, was held: by number of the link."""
    rows = changed(run)
    number = {link.name: i for i, link in enumerate(run.plan.links)}
    names = {what.name.lower() for what in properties}
    since: dict[tuple[str, str, str], float] = {}
    found = []
    for row in rows[rows["property"].isin(names)].itertuples():
        for side in ("there", "back") if row.direction == "both" else (row.direction,):
            key = row.link, side, row.property
            if not np.isnan(row.value):
                since.setdefault(key, row.t_s)
            elif key in since:
                found.append((number[row.link], since.pop(key), row.t_s))
    found += [(number[link], t_s, np.inf) for (link, *_), t_s in since.items()]
    return union(spans(*np.array(found).T)) if found else spans()


def meets(run: Run, sent_s: np.ndarray, path: np.ndarray, links: list[set[int]]) -> np.ndarray:
    """Whether each packet, sent at sent_s over links[path] (-1: it was lost), crossed a link whose rate, loss
    or delay was held: bool, shape of sent_s.
    """
    met = np.zeros(len(sent_s), bool)
    for link, start_s, end_s in zip(*held(run, *UNJUDGED), strict=True):
        over = np.array([link in crossed for crossed in links] + [False])
        met |= over[path] & (sent_s >= start_s - BEFORE_S) & (sent_s <= end_s + AFTER_S)
    return met


def lost_and_back(run: Run) -> list[tuple[float, str, int]]:
    """When a link in contact was taken down or silenced, or came back: run time, kind of event, link."""
    found = []
    for what in (Property.CARRIER, Property.SILENCE):
        back, lost = ("up", "down") if what is Property.CARRIER else ("heal", "silence")
        for link, start_s, end_s in zip(*held(run, what), strict=True):
            found += [(start_s, lost, int(link)), (end_s, back, int(link))]
    return [
        (t_s, kind, link) for t_s, kind, link in found
        if 0 < t_s <= run.played_s and link in run.plan.network.standing(t_s)
    ]  # fmt: skip


def told(run: Run) -> list[dict[str, object]]:
    """What was changed, for a person: t_s, link, direction, what, by."""
    rows = []
    for row in changed(run).itertuples():
        what = Property[row.property.upper()]
        if np.isnan(row.value):
            value = f"{row.property} as planned"
        else:
            value = f"{row.property} {row.value:g} {what.unit}" if what.unit else what.kinds[int(row.value)]
        direction = {"there": f"{row.a} to {row.b}", "back": f"{row.b} to {row.a}"}.get(row.direction, "both")
        rows.append({"t_s": row.t_s, "link": row.link, "direction": direction, "what": value, "by": row.by})
    return rows


def notes(run: Run) -> list[str]:
    counted = changed(run)["by"].value_counts()
    if counted.empty:
        return []
    whose = {"prompt": "at the prompt", "script": "by the script"}
    said = " and ".join(f"{n} {whose[by]}" for by, n in sorted(counted.items()))
    return [
        f"Properties of links were changed by hand, {said}; what was measured is held to what was then in "
        "force, and not judged where that was another rate, loss or delay."
    ]
