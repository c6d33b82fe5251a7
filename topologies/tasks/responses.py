"""How long tasks took, and of what that is made up, from their rows of the table `tasks`.

Rows are a DataFrame of one task. Nothing here imports pandas: a lane does without it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SAME_S = 1e-6  # how well times agree that are the same
WAYS = ("transfer", "delivery", "uplink", "backhaul")
STAGES = (
    "command", "view", "await", "contact", "acquisition", "transfer", "queue", "compute", "delivery",
    "backhaul",
)  # fmt: skip


def response(rows: Any) -> Any:
    """Of each number of a task: a DataFrame by number with asked_s, ended_s (when all of its product had
    arrived; nan: it has not), response_s.
    """
    asked_s = rows.groupby("number")["queued_s"].min()
    arrived = rows[(rows["stage"] == "arrive") & (rows["outcome"] == "done")]
    ended_s = arrived.groupby("number")["ended_s"].max().reindex(asked_s.index)
    table = asked_s.rename("asked_s").to_frame()
    table["ended_s"] = ended_s
    table["response_s"] = table["ended_s"] - table["asked_s"]
    return table


def stages_s(rows: Any, numbers: Any) -> Any:
    """How the response of each of these numbers is made up: a DataFrame by number, a column a stage (STAGES).
    Of what went side by side that counts which was last.
    """
    rows = on_the_way(rows[rows["number"].isin(numbers)])
    length_s = rows["ended_s"] - rows["queued_s"]
    is_way, up = rows["stage"].isin(WAYS), rows["stage"] == "command"
    parts = {
        "command": length_s.where(up, 0.0),
        "view": length_s.where(rows["stage"] == "view", 0.0),
        "await": length_s.where(rows["stage"] == "await", 0.0),
        "contact": rows["no_way_s"].where(~up, 0.0),
        "acquisition": length_s.where(rows["stage"] == "acquire", 0.0),
        "transfer": rows["at_work_s"].where(rows["stage"].isin(["transfer", "uplink"]), 0.0),
        "compute": rows["at_work_s"].where(rows["stage"].isin(["compute", "observe"]), 0.0),
        "delivery": rows["at_work_s"].where(rows["stage"] == "delivery", 0.0),
        "backhaul": rows["at_work_s"].where(rows["stage"] == "backhaul", 0.0),
    }
    worked = is_way | rows["stage"].isin(["compute", "observe"])
    parts["queue"] = (length_s - rows["no_way_s"] - rows["at_work_s"]).where(worked, 0.0)
    table = rows[["number"]].assign(**parts).groupby("number").sum()
    return table[list(STAGES)]


def on_the_way(rows: Any) -> Any:
    """Of each number those rows that led to its end, one after the other: before each the one that ended
    as it was queued, of several the last.
    """
    kept = []
    for _, of in rows.sort_values("place", kind="stable").groupby("number"):
        queued_s, ended_s = of["queued_s"].to_numpy(), of["ended_s"].to_numpy()
        at = len(of) - 1
        while at >= 0:
            kept.append(of.index[at])
            before = np.flatnonzero(ended_s[:at] <= queued_s[at] + SAME_S)
            at = int(before[np.lexsort((before, ended_s[before]))[-1]]) if len(before) else -1
    return rows.loc[kept]


def ages_s(responses: Any, until_s: float) -> tuple[float, float]:
    """Mean and peak of the age of information at the receiver, from the arrival of the first product on: how
    long ago the newest of those that are there was asked for. nan: none arrived.
    """
    there = responses.dropna(subset="ended_s").sort_values("ended_s")
    if there.empty:
        return np.nan, np.nan
    at_s, newest_s = there["ended_s"].to_numpy(), np.maximum.accumulate(there["asked_s"].to_numpy())
    next_s = np.append(at_s[1:], max(until_s, at_s[-1]))
    area = ((next_s - newest_s) ** 2 - (at_s - newest_s) ** 2) / 2
    length_s = next_s[-1] - at_s[0]
    mean_s = area.sum() / length_s if length_s else float(at_s[-1] - newest_s[-1])
    return float(mean_s), float((next_s - newest_s).max())
