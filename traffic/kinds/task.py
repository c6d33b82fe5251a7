"""Tasks: from what was asked for to its product, over nodes that observe, relay, compute and receive.

What they do in a lane is in `traffic.tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.model.tasks import Task
from skybed.topologies.tasks.responses import STAGES, ages_s, response, stages_s
from skybed.traffic.shared import Shared
from skybed.traffic.tasks import sending
from skybed.traffic.tasks.cloud import Cloud
from skybed.traffic.tasks.crossed import Crossed

MODEL, TABLE, UNIT, LOADS = Task, TASKS, "stages", False
MORE = (TRANSFERS, STORAGE, ENERGY)
METRICS = (
    "asked", "delivered", "delivered_pct", "in_time_pct", "response_mean_s", "response_p50_s",
    "response_p90_s", "response_max_s", "command_s", "view_s", "contact_s", "acquisition_s", "transfer_s",
    "queue_s", "compute_s", "delivery_s", "backhaul_s", "age_mean_s", "age_max_s", "space_ground_mb",
    "saved_pct", "product_wh",
)  # fmt: skip


def packets(task: Task, until_s: float) -> float:
    return 0.0  # only the orbits show


def ports(_traffic: Sequence[Flow]) -> Ports:
    port = range(sending.PORT, sending.PORT + 1)
    return Ports(udp=(port,), tcp=(port,))


def due(_task: Task, _until_s: float, _place: int, _of: int) -> float:
    """The verdict on tasks holds them to what was to be asked for, see analysis.verdict.tasks."""
    return 0.0


def sent(run: Played, task: Task) -> float:
    return float(len(run.rows(task)))


def start(shared: Shared, tasks: Sequence[Task]) -> Sequence[Crossed]:
    cloud = Cloud(shared, tasks)
    return [Crossed(cloud, number) for number in range(len(tasks))]


# -- of a run that was played --------------------------------------------------------------------------


def so_far(_task: Task, figures: Mapping[str, Any], _t_s: float) -> dict[str, float]:
    asked, delivered = figures["asked"], figures["delivered"]
    return {
        "asked": asked, "delivered": delivered, "delivered_pct": share_pct(delivered, asked),
        **{f"response_{which}_s": value_s for which, value_s in figures["responses_s"].items()},
    }  # fmt: skip


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
