"""A run with tasks on the tiny sky, its tables written by hand as s1 would have made them, without queues.

s1 sees Miyun until 30 s. It takes a scene of 1 MB in a second, computes 2 s, and sends the tenth that is
left over its radio at 10 Mbit/s.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.tasks import carriers
from support.tiny_sky import S1_MIYUN, TINY, Builder, one_way_s, plan_of

ASKED_S = [5.0, 12.0, 20.0]
SCENE, PRODUCT = 1_000_000, 100_000  # bytes
CAPTURE_S, COMPUTE_S = 1.0, 2.0
ON_WIRE_S = PRODUCT * 8 / 10e6 * 1514 / 1448
POWER = dict(panel_w=10, battery_wh=10, start_pct=50, idle_w=1, transmit_w=3)
FIELDS = {
    "layers": {
        "leo": TINY["layers"]["leo"]
        | {
            "carries": {
                "storage": {"gb": 0.003},
                "camera": {"scene_mb": 1, "capture_s": CAPTURE_S, "watts": 2},
                "computing": {"slots": 1, "mb_s": 0.5, "watts": 5},
                "power": POWER,
            }
        }
    },
    "traffic": [],
    "tasks": [
        {
            "name": "fire", "by": "s1", "at_s": ASKED_S, "to": "Miyun", "over": "contact",
            "steps": [{"job": "detect", "keep_pct": 10}],
        }
    ],
}  # fmt: skip


def build(folder, at_s=ASKED_S, **changes) -> Builder:
    """A Builder of a good run; keyword arguments change its scenario."""
    asked = {"tasks": [task | {"at_s": at_s} for task in FIELDS["tasks"]]}
    made = Builder(folder, plan_of(TINY | FIELDS | asked | changes))
    made.manifest["clock"] = "virtual"
    stages, parts, held, draws = [], [], [], []
    for number, asked_s in enumerate(at_s):
        seen_s, made_s = asked_s + CAPTURE_S, asked_s + CAPTURE_S + COMPUTE_S
        light_s = float(one_way_s(made.plan, made_s, S1_MIYUN))
        there_s = made_s + 3 * light_s + carriers.sending_s("tcp", PRODUCT, 10.0, 2 * light_s)
        stages += [
            (number, 0, "view", -1, "s1", None, asked_s, asked_s, asked_s, 0.0, 0, 0),
            (number, 1, "observe", -1, "s1", None, asked_s, asked_s, seen_s, CAPTURE_S, SCENE, SCENE),
            (number, 2, "compute", 0, "s1", None, seen_s, seen_s, made_s, COMPUTE_S, SCENE, PRODUCT),
            (
                number,
                3,
                "delivery",
                1,
                "s1",
                "Miyun",
                made_s,
                made_s,
                there_s,
                there_s - made_s,
                PRODUCT,
                PRODUCT,
            ),
            (number, 4, "arrive", 1, "Miyun", None, there_s, there_s, there_s, 0.0, PRODUCT, PRODUCT),
        ]
        parts.append(("fire", number, 3, 0, "s1", "Miyun", made_s, there_s, PRODUCT, 0))
        held += [
            ("s1", asked_s, SCENE, 3e6), ("s1", made_s, PRODUCT, 3e6), ("s1", there_s + light_s, 0, 3e6),
            ("Miyun", made_s, PRODUCT, np.nan), ("Miyun", there_s, 0, np.nan),
        ]  # fmt: skip
        draws += [
            (asked_s, 2, 0, 0), (seen_s, 0, 5, 0), (made_s, 0, 0, 3), (there_s + light_s, 0, 0, 0),
        ]  # fmt: skip
    columns = [
        "number",
        "place",
        "stage",
        "step",
        "node",
        "peer",
        "queued_s",
        "began_s",
        "ended_s",
        "at_work_s",
        "in_bytes",
        "out_bytes",
    ]
    rows = pd.DataFrame(stages, columns=columns)
    rows = rows.assign(flow="fire", tile=0, no_way_s=0.0, wh=0.0, outcome="done")
    made.tables |= {
        "tasks": rows[list(TASKS.dtypes)],
        "transfers": _connections(parts),
        "storage": pd.DataFrame(held, columns=list(STORAGE.dtypes)).sort_values(["node", "t_s"]),
        "energy": _energy([(0.0, 0, 0, 0), *draws, (made.plan.duration_s, 0, 0, 0)]),
    }
    return made


# Of number 0, as two fragments: one comes down at once, the other is carried over Sanya and s2.
HOPS = [
    ("s1", "Sanya", 8.0, 8.5, 40_000), ("s1", "Miyun", 8.5, 9.0, 60_000),
    ("Sanya", "s2", 33.0, 33.5, 40_000), ("s2", "Miyun", 34.0, 34.5, 40_000),
]  # fmt: skip


def in_bundles(folder, over="path", **changes) -> Builder:
    """The same where products go as bundles and nothing is routed; number 0 by HOPS."""
    (task,) = FIELDS["tasks"]
    by_bundles = [task | {"carrier": "bundles", "over": over}]
    made = build(folder, tasks=by_bundles, routing={"destinations": []}, **changes)
    stages, sent = made.tables["tasks"], made.tables["transfers"]
    delivered, arrived = (
        (stages["number"] == 0) & (stages["stage"] == name) for name in ("delivery", "arrive")
    )
    stages.loc[delivered | arrived, "ended_s"] = HOPS[-1][3]
    stages.loc[arrived, ["queued_s", "began_s"]] = HOPS[-1][3]
    hops = [("fire", 0, 3, part, *hop, 0) for part, hop in enumerate(HOPS)]
    made.tables["transfers"] = pd.concat([_connections(hops), sent[sent["number"] > 0]], ignore_index=True)
    return made


def _connections(rows) -> pd.DataFrame:
    """None is broken off, so all of each was there when it ended."""
    names = [name for name in TRANSFERS.dtypes if name != "arrived_s"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(arrived_s=table["ended_s"])[list(TRANSFERS.dtypes)]


def _energy(draws) -> pd.DataFrame:
    """In sunlight all the time, as s1 is."""
    level_wh, rows = POWER["battery_wh"] / 2, []
    for (t_s, camera_w, compute_w, transmit_w), (next_s, *_) in zip(
        draws, [*draws[1:], draws[-1]], strict=True
    ):
        load_w = POWER["idle_w"] + camera_w + compute_w + transmit_w
        rows.append(("s1", t_s, 10.0, load_w, transmit_w, compute_w, camera_w, level_wh, False))
        level_wh += (10.0 - load_w) * (next_s - t_s) / 3600
    return pd.DataFrame(rows, columns=list(ENERGY.dtypes)).astype(ENERGY.dtypes)
