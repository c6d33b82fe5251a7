"""Storage and power, drawn up anew from what tasks did, and held to the tables `storage` and `energy`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures import custody, ledger
from skybed.analysis.measures.custody import Custody
from skybed.analysis.measures.ledger import CLOCK_S, Change, limits, prospect
from skybed.analysis.run import Run, kept
from skybed.topologies.arrays import Array
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.carried import Power
from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.plan import score

AT_ONCE = 3  # of what is freed: so many of a node may be one row, or all
RECEIPT_S = 0.25  # a sender draws power until it knows: by so much longer than light takes back, at most
CLOSE_WH = 1e-6  # of rounding


def wrong(run: Run) -> list[Iterator[str]]:
    return [_overfull(run), _not_in_the_books(run), _watts(run), _levels(run), _pauses(run)]


# -- storage ---------------------------------------------------------------------------------------------


class Off(NamedTuple):
    """A row of `storage` that what tasks did does not explain. expected: bytes."""

    node: str
    t_s: float
    held: int
    expected: int


def storage_off_bytes(run: Run) -> int:
    return max((abs(off.held - off.expected) for off in _off(run)), default=0)


def _overfull(run: Run) -> Iterator[str]:
    rows = run.table(STORAGE.name)
    for row in rows[(rows["held_bytes"] > rows["room_bytes"]) | (rows["held_bytes"] < 0)].itertuples():
        yield f"{row.node} held {row.held_bytes} bytes at {row.t_s:.6f} s of {row.room_bytes:.0f} it can."
    for node, of in rows.groupby("node"):
        storage = score.carried(run.plan, run.plan.node(str(node))).storage
        room = np.nan if storage is None else run.scenario.scaled_bytes(storage.gb * 1e3)
        told = of["room_bytes"].to_numpy(float)
        if not np.array_equal(told, np.full(len(of), room), equal_nan=True):
            yield f"{node} had room for {told[0]:.0f} bytes, where the scenario gives it {room:.0f}."


def _not_in_the_books(run: Run) -> Iterator[str]:
    for off in _off(run):
        yield f"{off.node} held {off.held} bytes at {off.t_s:.6f} s, and by its tasks {off.expected}."


@kept
def _off(run: Run) -> list[Off]:
    changes: dict[str, list[Change]] = {}
    for of in ledger.books(run):
        for change in of.changes:
            changes.setdefault(change.node, []).append(change)
    rows = run.table(STORAGE.name).sort_values("t_s", kind="stable")
    held = {str(node): of[["t_s", "held_bytes"]].to_numpy() for node, of in rows.groupby("node")}
    found = []
    for node in sorted({*changes, *held, *custody.by_node(run)}):
        deaths_s = [start_s for start_s, _ in prospect(run).dead.of(run.plan.node(node))]
        of_node, mine = held.get(node, np.zeros((0, 2))), changes.get(node, [])
        bounds = custody.by_node(run).get(node)
        if bounds or _others(run):
            off = _first_outside(run, node, of_node, mine, deaths_s, bounds)
        else:
            off = _first_off(run, node, of_node, mine, deaths_s)
        if off:
            found.append(off)
    return found


def _first_off(
    run: Run, node: str, rows: np.ndarray, changes: list[Change], deaths_s: list[float]
) -> Off | None:
    """The first of a node's rows (t_s, held bytes) that is off. Freed bytes may leave at any time from then
    on, each as a whole. Rows so near to another that the clock does not tell which came first say nothing.
    """
    clock_s = CLOCK_S[run.manifest.clock]
    sure = sorted((of for of in changes if of.sure), key=lambda of: of.t_s)
    freed = sorted((of for of in changes if not of.sure), key=lambda of: of.t_s)
    expected, next_sure, next_freed, waiting = 0, 0, 0, list[int]()
    deaths_s, last_s = sorted(deaths_s), run.played_s
    for n, (t_s, held) in enumerate([*rows, (last_s, rows[-1][1] if len(rows) else 0)]):
        if deaths_s and deaths_s[0] <= t_s + clock_s:
            death_s = deaths_s.pop(0)
            next_sure = sum(of.t_s <= death_s + clock_s for of in sure)
            next_freed = sum(of.t_s <= death_s + clock_s for of in freed)
            expected, waiting = 0, []
        while next_sure < len(sure) and sure[next_sure].t_s <= t_s + clock_s:
            expected += sure[next_sure].size
            next_sure += 1
        while next_freed < len(freed) and freed[next_freed].t_s <= t_s + clock_s:
            waiting.append(-freed[next_freed].size)
            next_freed += 1
        near = n + 1 < len(rows) and rows[n + 1][0] <= t_s + 2 * clock_s
        if near:
            continue
        left = _leaving(waiting, expected - int(held))
        if left is None:
            return Off(node, float(t_s), int(held), expected)
        expected = int(held)
        for size in left:
            waiting.remove(size)
    return None


def _first_outside(
    run: Run,
    node: str,
    rows: np.ndarray,
    changes: list[Change],
    deaths_s: list[float],
    bounds: Custody | None,
) -> Off | None:
    """The same of a node that held bundles: the first row that is less than it held at least, or more than
    at most, where no flow of bundles held more.
    """
    clock_s = CLOCK_S[run.manifest.clock]
    t_s, size, sure = np.array([of[1:] for of in changes], float).reshape(-1, 3).T
    gained, freed = np.maximum(size, 0.0), np.minimum(size, 0.0)
    for at_s, held in rows.tolist():
        since_s = max((death_s for death_s in deaths_s if death_s <= at_s), default=-np.inf)
        soon, late = ((since_s + clock_s < t_s) & (t_s <= at_s + off_s) for off_s in (clock_s, -clock_s))
        least = gained[late].sum() + freed[soon].sum()
        most = gained[soon].sum() + (freed * sure)[late].sum()
        if bounds:
            least, most = least + bounds.least.at(at_s), most + bounds.most.at(at_s)
        if held < least or (held > most and not _others(run)):
            return Off(node, at_s, int(held), int(least if held < least else most))
    return None


def _others(run: Run) -> bool:
    """Whether flows of bundles share what nodes have room for."""
    return any(isinstance(flow, BundleFlow) for flow in run.traffic)


def _leaving(waiting: list[int], size: int) -> tuple[int, ...] | None:
    """Which of what waits to leave makes so many bytes; None: nothing does."""
    for count in (*range(AT_ONCE + 1), len(waiting)):
        for some in combinations(waiting, count):
            if sum(some) == size:
                return some
    return None


# -- power ---------------------------------------------------------------------------------------------------


class _Supply(NamedTuple):
    """A node's power as its rows of `energy` tell it (columns as arrays), and as what it did has it at the
    same times. sure: at which of these, with the time to the next row, the clocks leave no doubt.
    """

    node: str
    power: Power
    t_s: Array
    told: dict[str, Array]
    meant: dict[str, Array]  # watts
    sure: np.ndarray
    battery_wh: Array  # integrated anew
    allowed_wh: Array


@kept
def _supplies(run: Run) -> list[_Supply]:
    rows = run.table(ENERGY.name)
    return [_supply(run, str(node), of.sort_values("t_s")) for node, of in rows.groupby("node")]


def battery_off_wh(run: Run) -> float:
    return max(
        (float(np.abs(of.battery_wh - of.told["battery_wh"]).max()) for of in _supplies(run)), default=0.0
    )


def _supply(run: Run, node: str, rows: pd.DataFrame) -> _Supply:
    carried, number, clock_s = (
        score.carried(run.plan, run.plan.node(node)),
        run.plan.node(node),
        CLOCK_S[run.manifest.clock],
    )
    power, computing, camera = carried.power, carried.computing, carried.camera
    assert power is not None
    t_s = rows["t_s"].to_numpy()
    told = {name: rows[name].to_numpy(float) for name in ENERGY.schema.names if name not in ("node", "t_s")}
    stages = run.table(TASKS.name)
    stages = stages[(stages["node"] == node) & stages["began_s"].notna()]
    jobs = stages[stages["stage"] == "compute"]
    scenes = stages[stages["stage"] == "observe"]
    sent = run.table(TRANSFERS.name).query("node == @node", local_dict={"node": node})
    peers = sent["peer"].map(run.plan.network.index).fillna(number).to_numpy(int)  # no node: no light
    back_s = limits(run).light_s(number, peers, sent["ended_s"].to_numpy())
    sunlit = prospect(run).sunlit
    lit = sunlit.where(sunlit.key == number)
    watts_of = {
        "solar_w": (power.panel_w, lit.start_s, lit.end_s),
        "compute_w": (computing.watts if computing else 0.0, jobs["began_s"], jobs["ended_s"].fillna(np.inf)),
        "camera_w": (
            camera.watts if camera else 0.0, scenes["began_s"],
            scenes["began_s"] + (camera.capture_s if camera else 0.0),
        ),
        "transmit_w": (
            power.transmit_w, sent["began_s"].to_numpy(), sent["ended_s"].to_numpy() + back_s,
        ),
    }  # fmt: skip
    edges_s = np.unique(
        np.concatenate([t_s, *(np.asarray(x, float) for _, *spans in watts_of.values() for x in spans)])
    )
    edges_s = edges_s[(edges_s >= t_s[0]) & (edges_s <= t_s[-1])]
    middle_s = np.append((edges_s[:-1] + edges_s[1:]) / 2, edges_s[-1])  # the last one lasts for no time
    watts = {name: each * _open(begin, end, middle_s) for name, (each, begin, end) in watts_of.items()}
    watts["transmit_w"] = np.minimum(watts["transmit_w"], power.transmit_w)  # over however many ways
    paused = told["paused"][np.searchsorted(t_s, middle_s, side="right") - 1] > 0
    watts["compute_w"] = np.where(paused, 0.0, watts["compute_w"])
    idle_w = power.idle_w + (computing.idle_w if computing else 0.0)
    load_w = idle_w + watts["compute_w"] + watts["camera_w"] + watts["transmit_w"]
    level_wh = _integrated(power, edges_s, watts["solar_w"] - load_w)
    parts = np.searchsorted(np.sort(sent["began_s"].to_numpy()), t_s, side="right")
    lengths_s = np.append(np.diff(t_s), 0.0)
    at_s = t_s + lengths_s / 2
    near_s = np.min([np.abs(edge - at_s) for edge in edges_s], axis=0)
    place = np.searchsorted(edges_s, at_s, side="right") - 1
    swing_w = power.panel_w + load_w.max()
    late_s = np.arange(1, len(t_s) + 1) * clock_s  # of each change so far
    return _Supply(
        node, power, t_s, told, {name: of[place] for name, of in watts.items()},
        (lengths_s > 4 * clock_s) & (near_s > clock_s), level_wh[np.searchsorted(edges_s, t_s)],
        CLOSE_WH * (1 + power.battery_wh) + (parts * RECEIPT_S * power.transmit_w + late_s * swing_w) / 3600,
    )  # fmt: skip


def _open(begin_s: Array, end_s: Array, at_s: Array) -> Array:
    """How many spans are open at each time."""
    begun, over = (
        np.searchsorted(np.sort(np.asarray(edge, float)), at_s, side="right") for edge in (begin_s, end_s)
    )
    count: Array = (begun - over).astype(float)
    return count


def _integrated(power: Power, edges_s: Array, net_w: Array) -> Array:
    """The level at each edge, which stays at full or empty. net_w: from each on."""
    level_wh = [power.battery_wh * power.start_pct / 100]
    for wh in (net_w[:-1] * np.diff(edges_s) / 3600).tolist():
        level_wh.append(min(max(level_wh[-1] + wh, 0.0), power.battery_wh))
    return np.array(level_wh)


def _watts(run: Run) -> Iterator[str]:
    """What the Sun gives, jobs and cameras draw; and whether the load is the sum of its parts."""
    for of in _supplies(run):
        for name in ("solar_w", "compute_w", "camera_w"):
            off = of.sure & (np.abs(of.told[name] - of.meant[name]) > 1e-6)
            for n in np.flatnonzero(off):
                yield (
                    f"{of.node} had a {name} of {of.told[name][n]:g} from {of.t_s[n]:.6f} s on, where the "
                    f"Sun and its tasks make {of.meant[name][n]:g}."
                )
        computing = score.carried(run.plan, run.plan.node(of.node)).computing
        idle_w = of.power.idle_w + (computing.idle_w if computing else 0.0)
        load_w = idle_w + of.told["transmit_w"] + of.told["compute_w"] + of.told["camera_w"]
        for n in np.flatnonzero(np.abs(load_w - of.told["load_w"]) > 1e-6):
            yield (
                f"{of.node} drew {of.told['load_w'][n]:g} W at {of.t_s[n]:.6f} s, and what draws it makes "
                f"{load_w[n]:g} W."
            )


def _levels(run: Run) -> Iterator[str]:
    for of in _supplies(run):
        off = np.abs(of.battery_wh - of.told["battery_wh"]) > of.allowed_wh
        for n in np.flatnonzero(off):
            yield (
                f"{of.node} had {of.told['battery_wh'][n]:.6f} Wh at {of.t_s[n]:.6f} s, and by the Sun and "
                f"its tasks {of.battery_wh[n]:.6f}; {of.allowed_wh[n]:.6f} Wh off are allowed."
            )


def _pauses(run: Run) -> Iterator[str]:
    """Computing while the battery is too low, and pauses while it is not."""
    for of in _supplies(run):
        paused, level_wh = of.told["paused"] > 0, of.told["battery_wh"]
        for n in np.flatnonzero(paused & (of.told["compute_w"] > 0)):
            yield f"{of.node} computed at {of.t_s[n]:.6f} s, when its battery was to rest."
        floor_wh, resume_wh = (
            of.power.battery_wh * pct / 100 for pct in (of.power.floor_pct, of.power.resumes_pct)
        )
        end_wh = np.append(level_wh[1:], level_wh[-1:])
        over_wh = of.allowed_wh + 1e-3
        low = ~paused & (level_wh < floor_wh - over_wh) & (end_wh < floor_wh - over_wh) & of.sure
        for n in np.flatnonzero(low):
            yield (
                f"{of.node} did not pause at {of.t_s[n]:.6f} s, with {level_wh[n]:.4f} Wh in its battery, "
                f"under its floor of {floor_wh:g}."
            )
        high = paused & (level_wh > resume_wh + over_wh) & (end_wh > resume_wh + over_wh) & of.sure
        for n in np.flatnonzero(high):
            yield (
                f"{of.node} paused at {of.t_s[n]:.6f} s, with {level_wh[n]:.4f} Wh in its battery, and may "
                f"go on with {resume_wh:g}."
            )
