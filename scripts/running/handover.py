"""What the inside of a lane is given: the plan that is stored in the run directory and, in a folder `score`,
what would take long, or much to import, to be worked out in there.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies import parquet
from skybed.topologies.arrays import Index
from skybed.topologies.bundles import outlook
from skybed.topologies.bundles.outlook import Outlook
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Playable, Score
from skybed.topologies.routing import windowed
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.tasks import prospect
from skybed.topologies.tasks.prospect import Prospect

if TYPE_CHECKING:
    from skybed.topologies.model.hosts import Hosts

PLAN, FOLDER = "plan", "score"
TASKS, BUNDLES = "tasks", "bundles"
SCENARIO, GRACE, PACKETS = "scenario.pickle", "grace.json", "packets.json"
CHANGES, COSTS = "changes.parquet", "costs.parquet"
HOSTS = "hosts.json"
KERNELS = "kernels.json"
ROUTING = "routing"  # a folder beside: what daemons are told and say, a folder for each node
ELSEWHERE = "elsewhere"  # a folder beside: what other hosts, or kernels, wrote, and what they said


class Handover(NamedTuple):
    """packets, grace_s: see crossings.Crossings. costs: int[links, side], see daemons.routers. tasks,
    bundles: None: there are none.
    """

    score: Score
    packets: dict[str, bytes]
    grace_s: float
    costs: np.ndarray
    tasks: Prospect | None
    bundles: Outlook | None


def give(run: Path, scenario: ScenarioModel, packets: Mapping[str, bytes], grace_s: float) -> None:
    """scenario: goes as objects. To read its file, and to check that once more, takes building all models of
    pydantic's, which is dear in a guest.
    """
    (run / FOLDER).mkdir()
    plain = ScenarioModel.model_construct(scenario.model_fields_set, **dict(scenario))
    (run / FOLDER / SCENARIO).write_bytes(pickle.dumps(plain))
    (run / FOLDER / GRACE).write_text(f"{grace_s:.6f}\n")
    packets_hex = {name: packet.hex() for name, packet in packets.items()}
    (run / FOLDER / PACKETS).write_text(json.dumps(packets_hex, indent=2) + "\n")


def take_grace_s(run: Path) -> float:
    """What was given."""
    grace_s: float = json.loads((run / FOLDER / GRACE).read_text())
    return grace_s


def give_for_oracle(run: Path, plan: Playable) -> None:
    """Where the oracle routes: what leads around what is lost against the plan."""
    score.save_for_oracle(plan, run / FOLDER)


def give_for_daemons(
    run: Path, changes: Iterable[np.ndarray], links: Sequence[str], costs: np.ndarray
) -> None:
    """Where daemons route: the changes of routes that the player makes all the same, and costs of links."""
    windowed.write(run / FOLDER / CHANGES, CHANGE, changes)
    pq.write_table(
        pa.table({"link": pa.array(links, pa.string()), "there": costs[:, 0], "back": costs[:, 1]}),
        run / FOLDER / COSTS,
    )


def give_for_hosts(run: Path, hosts: Hosts, place: Index) -> None:
    """place: int[nodes], the number of each node's host."""
    (run / FOLDER / HOSTS).write_text(json.dumps([hosts.model_dump(), place.tolist()]))


def take_hosts(run: Path) -> tuple[Hosts, Index]:
    """What was given."""
    from skybed.topologies.model.hosts import Hosts  # which most runs need not

    hosts, place = json.loads((run / FOLDER / HOSTS).read_text())
    return Hosts.model_validate(hosts), np.array(place)


def kernel(number: int) -> Path:
    """Where in the run directory another kernel than the first writes."""
    return Path(ELSEWHERE, f"kernel-{number}")


def give_for_kernels(run: Path, place: Index, one_way_us: float) -> None:
    """Where several kernels play. place: int[nodes], the number of each node's; one_way_us: of wires."""
    (run / FOLDER / KERNELS).write_text(json.dumps([place.tolist(), one_way_us]))


def take_kernels(run: Path) -> tuple[Index, float]:
    """What was given."""
    place, one_way_us = json.loads((run / FOLDER / KERNELS).read_text())
    return np.array(place), one_way_us


def files_for_host(run: Path) -> list[Path]:
    """What another host is given of it."""
    return sorted(path for folder in (PLAN, FOLDER) for path in (run / folder).rglob("*") if path.is_file())


def give_for_tasks(run: Path, foreseen: Prospect) -> None:
    prospect.save(foreseen, run / FOLDER / TASKS)


def give_for_bundles(run: Path, known: Outlook) -> None:
    outlook.save(known, run / FOLDER / BUNDLES)


def take(run: Path) -> Handover:
    """What was given."""
    packets = json.loads((run / FOLDER / PACKETS).read_text())
    by_daemons, costs = (run / FOLDER / COSTS).exists(), np.empty((0, 2), int)
    if by_daemons:
        table = parquet.read(run / FOLDER / COSTS)
        costs = np.stack([table[name].to_numpy() for name in ("there", "back")], axis=1)
    return Handover(
        score.load(
            run / PLAN,
            pickle.loads((run / FOLDER / SCENARIO).read_bytes()),
            run / FOLDER,
            run / FOLDER / CHANGES if by_daemons else None,
        ),
        {name: bytes.fromhex(packet) for name, packet in packets.items()},
        take_grace_s(run),
        costs,
        prospect.load(run / FOLDER / TASKS) if (run / FOLDER / TASKS).exists() else None,
        outlook.load(run / FOLDER / BUNDLES) if (run / FOLDER / BUNDLES).exists() else None,
    )
