"""What the inside of a lane is given: the plan that is stored in the run directory and, in a folder `score`,
what would take long, or much to import, to be worked out in there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies.contacts.spans import Spans
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Score
from skybed.topologies.routing import windowed
from skybed.topologies.routing.changes import CHANGE

PLAN, FOLDER = "plan", "score"
GRACE, PACKETS, CHANGES, COSTS = "grace.json", "packets.json", "changes.parquet", "costs.parquet"
USABLE = "usable.parquet"


class Handover(NamedTuple):
    """packets, grace_s: see crossings.Crossings. costs: int[links] (emulator.daemons.routers)."""

    score: Score
    packets: dict[str, bytes]
    grace_s: float
    costs: np.ndarray


def give(run: Path, packets: Mapping[str, bytes], grace_s: float) -> None:
    (run / FOLDER).mkdir()
    (run / FOLDER / GRACE).write_text(f"{grace_s:.6f}\n")
    packets_hex = {name: packet.hex() for name, packet in packets.items()}
    (run / FOLDER / PACKETS).write_text(json.dumps(packets_hex, indent=2) + "\n")


def give_for_oracle(run: Path, usable: Spans) -> None:
    """Where the oracle routes: when it uses which link, to lead around what is lost against the plan."""
    score.save_usable(usable, run / FOLDER / USABLE)


def give_for_daemons(
    run: Path, changes: Iterable[np.ndarray], links: Sequence[str], costs: np.ndarray
) -> None:
    """Where daemons route: the changes of routes that the player makes all the same, and costs of links."""
    windowed.write(run / FOLDER / CHANGES, CHANGE, changes)
    pq.write_table(pa.table({"link": pa.array(links, pa.string()), "cost": costs}), run / FOLDER / COSTS)


def take(run: Path) -> Handover:
    """What was given."""
    packets = json.loads((run / FOLDER / PACKETS).read_text())
    by_daemons = (run / FOLDER / COSTS).exists()
    return Handover(
        score.load(run / PLAN, run / FOLDER / USABLE, run / FOLDER / CHANGES if by_daemons else None),
        {name: bytes.fromhex(packet) for name, packet in packets.items()},
        json.loads((run / FOLDER / GRACE).read_text()),
        pq.read_table(run / FOLDER / COSTS)["cost"].to_numpy() if by_daemons else np.empty(0, int),
    )
