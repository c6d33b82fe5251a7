"""Tasks as they went, held to what the plan allows: asked for as planned, no faster than light, rates,
contacts and computers let them be, and no byte lost from the books.

All bounds are worked out from the plan anew. In virtual time clocks agree to the rounding; in real time a
busy machine notes things late, and is late for a window, by as much as CLOCK_S.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.measures import custody, ledger
from skybed.analysis.measures.ledger import CLOCK_S, in_bundles, limits, prospect, tasks
from skybed.analysis.run import Run, kept
from skybed.analysis.verdict import balances, bundles
from skybed.analysis.verdict.model import Books, Tasks
from skybed.topologies.model.tables import CHANGED, TASKS, TRANSFERS
from skybed.topologies.model.tasks import Task
from skybed.topologies.plan import score
from skybed.topologies.tasks import bound, carriers
from skybed.topologies.tasks.responses import WAYS

# Columns of `transfers` and `tasks` as those of `hops` and `bundles` that tell the same.
CARRIED = {"bytes": "carried_bytes"}
CREATED = {
    "node": "src", "peer": "dst", "queued_s": "created_s", "ended_s": "delivered_s", "in_bytes": "bytes",
    "size": "fragments",
}  # fmt: skip
TAIL_S = 1.0  # what was under way when a connection was broken off may arrive so much later
MOST_HOPS = 16  # of a path: each has a delay that is within delay_bound_us of the true one
NEARLY = 0.99  # of the time that bytes take at a rate: packets have headers of more than one size


def figures(run: Run) -> Tasks | None:
    """None: it has no tasks."""
    of = tasks(run)
    if not of:
        return None
    return Tasks(
        books=[_booked(run, task) for task in of],
        storage_off_bytes=balances.storage_off_bytes(run),
        battery_off_wh=balances.battery_off_wh(run),
    )


def _booked(run: Run, task: Task) -> Books:
    table, mine = (
        ledger.responses(run, str(task.name)),
        [of for of in ledger.books(run) if of.flow == task.name],
    )
    return Books(
        flow=str(task.name),
        asked=len(table),
        observed_bytes=sum(of.observed for of in mine),
        made_less_bytes=sum(of.made_less for of in mine),
        **{f"{fate}_bytes": sum(of.fates[fate] for of in mine) for fate in ledger.FATES},
        slack_least_s=(table["response_s"] - table["bound_s"]).min(),
    )


def reasons(run: Run) -> list[str]:
    """Why tasks did not go as the plan has it."""
    if not tasks(run):
        return []
    checks = (
        _not_as_asked, _not_followed, _parts_off, _too_quick, _out_of_contact, _two_at_once,
        _not_by_contacts, _computed_too_soon, _too_many_jobs, _camera_too_quick,
    )  # fmt: skip
    found = [_some(check(run)) for check in checks]
    return [*(sentence for sentence in found if sentence), *filter(None, map(_some, balances.wrong(run)))]


def _some(sentences: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    first, *more = [*sentences] or [""]
    return f"{first} {len(more)} more like it." if more else first


# -- what was asked for ----------------------------------------------------------------------------------


def _not_as_asked(run: Run) -> Iterator[str]:
    """Each row of what is to be asked for until the end, with who observes, and when it has been seen."""
    clock_s, seen = CLOCK_S[run.manifest.clock], prospect(run)
    for at, task in enumerate(tasks(run)):
        rows = run.rows(task)
        first = rows.sort_values("place").groupby("number").first()
        mine = seen.asked["task"] == at
        due = np.flatnonzero(mine & (seen.asked["asked_s"] < run.played_s - clock_s))
        yield from (
            f"{task.name}, number {number}: was asked for, and the plan has no such number."
            for number in sorted({*first.index} - {*seen.asked["number"][mine].tolist()})
        )
        by_stage = {
            stage: of.set_index("number") for stage, of in rows[rows["step"] == -1].groupby("stage")
            if stage not in ("command", "copy")
        }  # fmt: skip
        for place in due.tolist():
            row = seen.asked[place]
            number = int(row["number"])
            said = f"{task.name}, number {number}"
            if number not in first.index:
                yield f"{said}: was to be asked for at {row['asked_s']:.6f} s, and was not."
                continue
            asked_s = first.loc[number, "queued_s"]
            if abs(asked_s - row["asked_s"]) > clock_s:
                yield f"{said}: was asked for at {asked_s:.6f} s, not at {row['asked_s']:.6f} s."
            if row["node"] < 0:
                continue
            name = run.plan.nodes[row["node"]].name
            yield from (
                f"{said}, {stage}: was at {of.loc[number, 'node']}, where {name} observes."
                for stage, of in by_stage.items()
                if number in of.index and of.loc[number, "node"] != name
            )
            yield from _unseen(task, number, by_stage, row, seen.views.of(place), clock_s)


def _unseen(
    task: Task, number: int, by_stage: dict[str, pd.DataFrame], row: Any, views: list[tuple[float, float]],
    clock_s: float,
) -> Iterator[str]:  # fmt: skip
    """Seen when nothing was in view, or a link acquired sooner or later than it takes."""
    for stage, of in by_stage.items():
        if number not in of.index or of.loc[number, "outcome"] != "done":
            continue
        began_s, ended_s = of.loc[number, "queued_s"], of.loc[number, "ended_s"]
        in_view = any(start_s - clock_s <= ended_s <= end_s + clock_s for start_s, end_s in views)
        said = f"{task.name}, number {number}, {stage}"
        if stage == "view" and task.target is not None and not in_view:
            yield f"{said}: ended at {ended_s:.6f} s, when its target was not in view."
        if stage == "acquire" and abs(ended_s - began_s - row["acquisition_s"]) > clock_s:
            yield f"{said}: took {ended_s - began_s:.6f} s, where {row['acquisition_s']:.6f} s are due."


def _not_followed(run: Run) -> Iterator[str]:
    """Rows that do not follow from those before them, and bytes of which nobody tells what became of them."""
    for of in ledger.books(run):
        if of.wrong:
            yield f"{of.flow}, number {of.number}: {of.wrong}."
        elif of.missing:
            yield f"{of.flow}, number {of.number}: {of.missing} of {of.observed} bytes are in no book."


# -- what was sent ---------------------------------------------------------------------------------------


@kept
def _sent(run: Run) -> pd.DataFrame:
    """The rows of `transfers` from end to end, so none of bundles, with what their stages say: stage, step,
    in_bytes, row_ended_s, outcome; and a, b: numbers of the nodes; over.
    """
    columns = ["flow", "number", "place", "stage", "step", "in_bytes", "ended_s", "outcome"]
    stages = run.table(TASKS.name)[columns].rename(columns={"ended_s": "row_ended_s"})
    table = run.table(TRANSFERS.name)
    table = table[~table["flow"].isin(in_bundles(run))].merge(
        stages, on=["flow", "number", "place"], how="left"
    )
    ends = [table[name].map(run.plan.network.index).fillna(-1).astype(int) for name in ("node", "peer")]
    by_name = {task.name: task for task in tasks(run)}
    over = [_over(run, by_name[row.flow], row) for row in table.itertuples()]
    return table.assign(a=ends[0], b=ends[1], over=over)


def _over(run: Run, task: Task, row: Any) -> str:
    if row.stage == "command":
        up = run.plan.nodes[run.plan.node(row.peer)].kind == "satellite"
        return "contact" if task.command and task.command.via and up else "path"
    if not row.step >= 0:
        return "path"
    return task.steps[int(row.step)].over if row.step < len(task.steps) else task.over


def _parts_off(run: Run) -> Iterator[str]:
    """Connections without a stage, and stages whose parts are not their bytes."""
    table = _sent(run)
    for row in table[table["stage"].isna()].itertuples():
        yield f"{row.flow}, number {row.number}, stage {row.place}: was sent, and is not in the table tasks."
    ways = run.table(TASKS.name).query("stage in @WAYS or stage == 'command'", local_dict={"WAYS": WAYS})
    ways = ways.drop(index=custody.stages(run).index)
    arrived = _arrived(run)
    for row in ways.itertuples():
        came = arrived.get((row.flow, row.number, row.place), 0)
        if (row.outcome == "done" and came != row.in_bytes) or came > row.in_bytes:
            yield f"{_said(row)}: {came} bytes arrived at {row.peer} of {row.in_bytes} that were sent."


def _arrived(run: Run) -> dict[Any, int]:
    """Bytes by send. What its receiver lost by going out of service does not count."""
    table = _sent(run)
    deaths_s: dict[int, list[float]] = {}
    for node, start_s, _ in zip(*(column.tolist() for column in prospect(run).dead), strict=True):
        deaths_s.setdefault(node, []).append(start_s)
    ended_s = table["row_ended_s"].fillna(np.inf)
    lost = [
        any(row.ended_s <= death_s < until_s for death_s in deaths_s.get(row.b, []))
        for row, until_s in zip(table.itertuples(), ended_s, strict=True)
    ]
    came = table[~np.array(lost, bool)]
    sums: dict[Any, int] = came.groupby(["flow", "number", "place"])["bytes"].sum().to_dict()
    return sums


def _too_quick(run: Run) -> Iterator[str]:
    """Bytes that came sooner than light and rates let them: TCP connects, a round trip, then they go."""
    clock_s, table = CLOCK_S[run.manifest.clock], _sent(run)
    table = table[(table["bytes"] > 0) & (table["a"] >= 0) & (table["b"] >= 0)]
    light_s = limits(run).light_s(*(table[name].to_numpy() for name in ("a", "b", "began_s")))
    ways = table[["a", "b", "over"]]
    rates = {way: limits(run).rate_mbps(*way) for way in set(ways.itertuples(index=False, name=None))}
    mbps = np.array([rates[way] for way in ways.itertuples(index=False, name=None)])
    with np.errstate(divide="ignore"):
        on_wire_s = NEARLY * 8e-6 * table["bytes"].to_numpy() * carriers.WIRE / mbps
    whole = (table["ended_s"] - table["row_ended_s"]).abs().to_numpy() <= clock_s
    hops = np.where(table["over"] == "contact", 1, MOST_HOPS)
    way_s = np.maximum(0.0, NEARLY * light_s - hops * run.scenario.bound_us * 1e-6)
    by_name = {str(task.name): task.carrier for task in tasks(run)}
    connecting = np.array([carriers.CONNECTING[by_name[name]] for name in table["flow"]])
    least_s = np.where(whole, (1 + connecting) * way_s, way_s - TAIL_S) + on_wire_s
    took_s = (table["arrived_s"] - table["began_s"]).to_numpy()
    for n in np.flatnonzero(~(took_s >= least_s - clock_s)):
        row = table.iloc[n]
        if took_s[n] >= least_s[n] - on_wire_s[n] / 2 - clock_s and _rerouted(run, row):
            continue
        yield (
            f"{_said(row)}: {row['bytes']} bytes went from {row['node']} to {row['peer']} in {took_s[n]:.6f} "
            f"s, where light and rates take {least_s[n]:.6f} s at least."
        )


def _rerouted(run: Run, row: pd.Series) -> bool:
    """Whether the way of a connection changed meanwhile: then what waits on the old one and what takes the
    new one come at the same time, each at its rate.
    """
    if row["over"] != "path":
        return False
    first, last = run.plan.trace(row["node"], row["peer"], [row["began_s"], row["arrived_s"]]).path_id
    return bool(first != last)


def _out_of_contact(run: Run) -> Iterator[str]:
    """Connections outside the times in which the plan has a way, or with a node that was out of service."""
    clock_s, dead = CLOCK_S[run.manifest.clock], prospect(run).dead
    for row in _sent(run).itertuples():
        windows = limits(run).windows(row.a, row.b, row.over)
        if not any(
            start_s - clock_s <= row.began_s and row.ended_s <= end_s + TAIL_S for start_s, end_s in windows
        ):
            yield (
                f"{_said(row)}: was sent from {row.node} to {row.peer} from {row.began_s:.6f} to "
                f"{row.ended_s:.6f} s, in which the plan has no {row.over} all the time."
            )
        for node in (row.a, row.b):
            name = run.plan.nodes[node].name
            if any(start_s + clock_s < row.began_s < end_s - clock_s for start_s, end_s in dead.of(node)):
                yield f"{_said(row)}: was sent at {row.began_s:.6f} s, when {name} was out of service."


def _not_by_contacts(run: Run) -> Iterator[str]:
    """What went as bundles, from neighbour to neighbour: over contacts that stood, no faster than these let
    it, and all of it; none there before the best way over all contacts.
    """
    hops, ways = custody.hops(run), custody.stages(run)
    came = hops[hops["bytes"] > 0]
    by_name = {task.name: task for task in tasks(run)}
    for row in came.itertuples():
        direct = (row.node, row.peer) == (row.source, row.target)
        if not direct and _over(run, by_name[row.flow], row) == "contact":
            yield f"{_said(row)}: went from {row.node} to {row.peer}, and was to take the contact only."
    last = came[came["peer"] == came["target"]].groupby(["flow", "number", "place"])["bytes"]
    ways = ways[ways["outcome"] == "done"].join(last.agg(["sum", "size"]), on=["flow", "number", "place"])
    for row in ways[~(ways["sum"] >= ways["in_bytes"])].itertuples():
        yield f"{_said(row)}: is done, and not all of it came to {row.peer} by a contact."
    if not run.wrote(CHANGED):
        yield from bundles.impossible(run, came.rename(columns=CARRIED))
        yield from bundles.early(run, ways.rename(columns=CREATED))


def _two_at_once(run: Run) -> Iterator[str]:
    clock_s = CLOCK_S[run.manifest.clock]
    for node, rows in _sent(run).sort_values("began_s").groupby("node"):
        until_s = rows["ended_s"].cummax().shift(fill_value=-np.inf)
        for row in rows[rows["began_s"] < until_s - clock_s].itertuples():
            yield f"{_said(row)}: {node} sent it from {row.began_s:.6f} s on, while it sent something else."


# -- what was computed and observed -----------------------------------------------------------------------


def _jobs(run: Run) -> pd.DataFrame:
    """Those that began; until_s: when they left their slot."""
    rows = run.table(TASKS.name)
    rows = rows[(rows["stage"] == "compute") & rows["began_s"].notna()]
    return rows.assign(until_s=rows["ended_s"].fillna(run.played_s))


def _computed_too_soon(run: Run) -> Iterator[str]:
    clock_s, by_name = CLOCK_S[run.manifest.clock], {task.name: task for task in tasks(run)}
    rows = _jobs(run)
    for row in rows[rows["outcome"] == "done"].itertuples():
        step = by_name[row.flow].steps[row.step]
        due_s = bound.seconds(run.plan, step, run.plan.node(row.node), row.in_bytes)
        took_s = min(row.ended_s - row.began_s, row.at_work_s)
        if took_s < due_s - clock_s:
            yield f"{_said(row)}: {row.node} computed it in {took_s:.6f} s, where it takes {due_s:.6f} s."


def _too_many_jobs(run: Run) -> Iterator[str]:
    clock_s = CLOCK_S[run.manifest.clock]
    for node, rows in _jobs(run).sort_values("began_s").groupby("node"):
        computing = score.carried(run.plan, run.plan.node(str(node))).computing
        if computing is None:
            continue  # told how long its jobs take, and without limit
        until_s = np.sort(rows["until_s"].to_numpy())
        at_work = np.arange(1, len(rows) + 1) - np.searchsorted(until_s, rows["began_s"] + clock_s)
        for row in rows[at_work > computing.slots].itertuples():
            yield (
                f"{_said(row)}: {node} began it at {row.began_s:.6f} s, when its slots, "
                f"{computing.slots}, were all taken."
            )


def _camera_too_quick(run: Run) -> Iterator[str]:
    clock_s, rows = CLOCK_S[run.manifest.clock], run.table(TASKS.name)
    for node, of in rows[(rows["stage"] == "observe") & rows["began_s"].notna()].groupby("node"):
        camera = score.carried(run.plan, run.plan.node(str(node))).camera
        if camera is None:
            continue
        of = of.sort_values("began_s")
        done = of["outcome"] == "done"
        for row in of[done & (of["ended_s"] - of["began_s"] < camera.capture_s - clock_s)].itertuples():
            yield f"{_said(row)}: {node} took it in less than {camera.capture_s:g} s."
        for row in of[of["began_s"].diff() < camera.capture_s - clock_s].itertuples():
            yield f"{_said(row)}: {node} began it at {row.began_s:.6f} s, before the last one was taken."


def _said(row: Any) -> str:
    return f"{row.flow}, number {row.number}, stage {row.place} ({row.stage})"
