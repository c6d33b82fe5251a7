"""Tasks: from what was asked for to its product, over nodes that observe, relay, compute and receive.

What they do in a lane is in `traffic.tasks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.model.tasks import Task
from skybed.traffic.shared import Shared
from skybed.traffic.tasks import sending
from skybed.traffic.tasks.cloud import Cloud, Crossed

MODEL, TABLE, UNIT, LOADS = Task, TASKS, "stages", False
MORE = (TRANSFERS, STORAGE, ENERGY)
WAYS = ("transfer", "delivery", "uplink", "backhaul")
METRICS = (
    "asked", "delivered", "delivered_pct", "in_time_pct", "response_mean_s", "response_p50_s",
    "response_p90_s", "response_max_s", "command_s", "view_s", "contact_s", "acquisition_s", "transfer_s",
    "queue_s", "compute_s", "delivery_s", "backhaul_s", "age_mean_s", "age_max_s", "space_ground_mb",
    "saved_pct", "product_wh",
)  # fmt: skip


def packets(task: Task, until_s: float) -> float:
    return 0.0  # only the orbits show


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports(tcp=(range(sending.PORT, sending.PORT + 1),))


def due(_task: Task, _until_s: float, _place: int, _of: int) -> float:
    """The verdict on tasks holds them to what was to be asked for, see analysis.verdict.tasks."""
    return 0.0


def sent(run: Played, task: Task) -> float:
    return float(len(run.rows(task)))


def start(shared: Shared, tasks: Sequence[Task]) -> Sequence[Crossed]:
    return Cloud(shared, tasks).crossings


# -- of a run that was played --------------------------------------------------------------------------


def measure(run: Played, task: Task) -> dict[str, float]:
    rows = run.rows(task)
    responses = response(rows)
    response_s = responses["response_s"].dropna()
    stages = stages_s(rows, response_s.index).mean()
    commands = rows[rows["stage"] == "command"].groupby("number").tail(1)  # those before went to a station
    down = rows[rows["stage"] == "delivery"]
    crossed = sum(part.loc[part["outcome"] == "done", "in_bytes"].sum() for part in (commands, down))
    arrived = rows[rows["number"].isin(response_s.index)]
    scenes, products = (
        arrived.loc[arrived["stage"] == stage, "in_bytes"].sum() for stage in ("observe", "delivery")
    )
    age_s = ages_s(responses, run.played_s)
    in_time = (response_s <= (task.deadline_s or np.inf)).sum()
    return {
        "asked": len(responses),
        "delivered": len(response_s),
        "delivered_pct": share_pct(len(response_s), len(responses)),
        "in_time_pct": share_pct(in_time, len(responses)),
        "response_mean_s": response_s.mean(),
        "response_p50_s": response_s.quantile(0.5),
        "response_p90_s": response_s.quantile(0.9),
        "response_max_s": response_s.max(),
        **{f"{stage}_s": stages.get(stage, np.nan) for stage in STAGES},
        "age_mean_s": age_s[0],
        "age_max_s": age_s[1],
        "space_ground_mb": crossed / 1e6,
        "saved_pct": 100 * (1 - products / scenes) if scenes else np.nan,
        "product_wh": rows["wh"].sum() / len(response_s) if len(response_s) else np.nan,
    }


STAGES = (
    "command", "view", "contact", "acquisition", "transfer", "queue", "compute", "delivery", "backhaul",
)  # fmt: skip


def response(rows: Any) -> Any:
    """Of each number of a task, of its rows of the table `tasks`: a DataFrame by number with asked_s,
    ended_s (when all of its product had arrived; nan: it has not), response_s.
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
    Of tiles that went side by side the one counts that was last.
    """
    rows = on_the_way(rows[rows["number"].isin(numbers)])
    length_s = rows["ended_s"] - rows["queued_s"]
    is_way, up = rows["stage"].isin(WAYS), rows["stage"] == "command"
    parts = {
        "command": length_s.where(up, 0.0),
        "view": length_s.where(rows["stage"] == "view", 0.0),
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
    """Of each number those rows that led to its end, one after the other: of several that were done at a step
    side by side the last."""
    ordered = rows.sort_values(["number", "step", "place"], kind="stable")
    last = ordered.groupby(["number", "step"])["ended_s"].transform("max")
    of_last = ordered[ordered["ended_s"] == last][["number", "step", "tile"]]
    return ordered.merge(of_last.drop_duplicates(["number", "step"]), on=["number", "step", "tile"])


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
