"""The books of tasks: from the rows of the table `tasks`, what became of every byte that was observed, and
what each node held when.

The way of a task is gone through once more, stage by stage, as the scenario has it. Where a row does not
follow from those before it, that is said in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from skybed.analysis.run import Run, kept
from skybed.topologies.arrays import Array
from skybed.topologies.model.tables import TRANSFERS
from skybed.topologies.model.tasks import SCENE, Step, Task
from skybed.topologies.plan.plan import Plan
from skybed.topologies.tasks import bound, foreseen
from skybed.topologies.tasks.prospect import OBSERVER, Prospect
from skybed.topologies.tasks.responses import WAYS, response

CLOCK_S = {"virtual": 1e-5, "real": 0.25}  # how well times agree that are the same; real: of a busy machine
FATES = ("delivered", "held", "failed", "refused", "dropped", "lost")


class Change(NamedTuple):
    """Of what a node holds. sure: at that time; else from then on, when its sender has learnt of it."""

    node: str
    t_s: float
    size: int
    sure: bool = True


@dataclass
class Books:
    """Of one of the times that a task was asked for. bytes, on the wire: observed = the fates + made less by
    steps, which may be negative. wrong: what is wrong with its rows first, "" where nothing is.
    """

    flow: str
    number: int
    observed: int = 0
    made_less: int = 0
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    changes: list[Change] = field(default_factory=list)
    wrong: str = ""

    @property
    def missing(self) -> int:
        return self.observed - self.made_less - sum(self.fates.values())


class _Wrong(Exception):
    """A row that does not follow from those before it."""


class _Open(Exception):
    """It came no further."""


@dataclass
class _Piece:
    size: int
    node: str
    at_s: float  # since when it is there
    fate: str = "held"


Lot = list[_Piece]


@kept
def prospect(run: Run) -> Prospect:
    """What tasks can know beforehand, worked out anew from the plan."""
    return foreseen.of(run.plan)


@kept
def limits(run: Run) -> bound.Limits:
    return bound.Limits(run.plan, prospect(run))


def tasks(run: Run) -> list[Task]:
    return [flow for flow in run.traffic if isinstance(flow, Task)]


def in_bundles(run: Run) -> list[str]:
    """Names of the tasks whose data goes as bundles: rows of `transfers` are hops, each over one link."""
    return [str(task.name) for task in tasks(run) if not task.routed]


@kept
def responses(run: Run, name: str) -> pd.DataFrame:
    """Of a task, by number: asked_s, ended_s, response_s (nan: not delivered), and bound_s, the shortest that
    the plan allows (inf: none by its end).
    """
    (at,) = [n for n, task in enumerate(tasks(run)) if task.name == name]
    table, asked = response(run.rows(tasks(run)[at])), prospect(run).asked
    mine = asked["task"] == at
    bounds = pd.Series(_bounds_s(run)[mine], asked["number"][mine], dtype=float)
    return table.assign(bound_s=bounds.reindex(table.index).to_numpy())


@kept
def _bounds_s(run: Run) -> Array:
    return bound.responses_s(limits(run))


@kept
def books(run: Run) -> list[Books]:
    """Of all tasks, by task and number."""
    began, others = _began(run), _arrived(run)
    asked = prospect(run).asked
    kept_books = []
    for at, task in enumerate(tasks(run)):
        observers = {int(row["number"]): int(row["node"]) for row in asked[asked["task"] == at]}
        for number, rows in run.rows(task).groupby("number"):
            observer = observers.get(int(number), -1)
            if observer >= 0:
                account = _Account(run, at, task, int(number), observer, rows, began, others)
                kept_books.append(account.kept())
    return kept_books


def _began(run: Run) -> dict[tuple[str, int, int], list[float]]:
    """When the connections of each send began, by flow, number and place."""
    parts = run.table(TRANSFERS.name)
    return {key: sorted(of) for key, of in parts.groupby(["flow", "number", "place"])["began_s"]}


Arrived = dict[str, dict[int, Any]]  # rows of `arrive`, by task and number


def _arrived(run: Run) -> Arrived:
    rows = {str(task.name): run.rows(task) for task in tasks(run)}
    return {
        name: {row.number: row for row in of[of["stage"] == "arrive"].itertuples()}
        for name, of in rows.items()
    }


class _Account:
    """Goes through the rows of a number, and writes its Books."""

    def __init__(
        self, run: Run, at: int, task: Task, number: int, observer: int, rows: pd.DataFrame, began: Any,
        others: Arrived,
    ) -> None:  # fmt: skip
        self.plan: Plan = run.plan
        self.task, self.number, self.began = task, number, began
        self.hops = task.carrier == "bundles"  # what nodes hold meanwhile is in analysis.measures.custody
        self.rows = list(rows.sort_values("place").itertuples())
        self.observer = self.plan.nodes[observer].name
        self.scene = bound.scene_bytes(self.plan, task, observer)
        self.clock_s = CLOCK_S[run.manifest.clock]
        self.places, self.others = prospect(run).at[at], others
        self.needed = any(task.name in other.uses for other in tasks(run))
        self.dead = prospect(run).dead
        self.books = Books(str(task.name), number)
        self.pieces = Lot()  # all that there is
        self.scene_lot = Lot()

    def kept(self) -> Books:
        try:
            self._through()
        except _Open:
            pass
        except _Wrong as why:
            self.books.wrong = str(why)
        for piece in self.pieces:
            self.books.fates[piece.fate] += piece.size
        return self.books

    def _through(self) -> None:
        at_s = min(row.queued_s for row in self.rows)
        for n, row in enumerate(self._of("command")):
            at_s = self._commanded(row, n, at_s)
        at_s = self._one("view", at_s)
        self._observed(at_s)
        if self.task.acquisition_s:
            self._acquired()
        uses = self.task.uses
        lots = {SCENE: self._copied(SCENE, self.pieces, uses[SCENE])}
        for number in self.task.in_order:
            made = self._step(number, self.task.steps[number], lots)
            lots[number] = self._copied(number, made, uses[number])
        self._delivered([lots[place].pop() if lots[place] else None for place in self.task.gives])

    # -- stages ------------------------------------------------------------------------------------------

    def _of(self, *stages: str, step: int = -1) -> list[Any]:
        return [row for row in self.rows if row.stage in stages and row.step == step]

    def _commanded(self, row: Any, n: int, at_s: float) -> float:
        self._follows(row, at_s)
        self._takes(row)
        if row.outcome == "done":
            if n:
                self._left(row)
            if row.peer == self.observer:
                self._change(row.peer, row.ended_s, -row.in_bytes)
        elif n:
            self._gone(row, at_s)
        return self._ended(row)

    def _one(self, stage: str, at_s: float) -> float:
        """A stage that holds nothing. Returns when it ended."""
        rows = self._of(stage)
        if not rows:
            raise _Wrong(f"has no stage {stage}")
        self._follows(rows[0], at_s)
        return self._ended(rows[0])

    def _observed(self, at_s: float) -> None:
        rows = self._of("observe")
        if not rows:
            raise _Wrong("has no stage observe")
        (row,) = rows
        self._follows(row, at_s)
        self._sized(row, self.scene, self.observer)
        self.books.observed = self.scene
        piece = _Piece(self.scene, self.observer, row.ended_s)
        self.pieces = self.scene_lot = [piece]
        at_once = row.ended_s == row.queued_s
        if row.outcome == "refused" or (row.outcome == "lost" and at_once):
            piece.fate = row.outcome
            raise _Open
        self._change(row.node, row.queued_s, self.scene)
        if row.outcome != "done":
            self._fails(row, piece, row.queued_s)

    def _acquired(self) -> None:
        (piece,) = self.pieces
        rows = self._of("acquire")
        if not rows:
            raise _Wrong("has no stage acquire")
        self._follows(rows[0], piece.at_s)
        self._sized(rows[0], piece.size, piece.node)
        if rows[0].outcome != "done":
            self._fails(rows[0], piece, piece.at_s)
        piece.at_s = rows[0].ended_s

    def _copied(self, step: int, pieces: Lot | None, uses: int) -> list[Lot]:
        """A lot for each that takes it, or for the product; none where it came no further."""
        if pieces is None:
            return []
        lots, rows = [pieces], self._of("copy", step=step)
        for _ in range(uses - 1):
            lot = Lot()
            for piece in pieces:
                if not rows:
                    raise _Wrong(f"has no stage copy of what {uses} steps take")
                row = rows.pop(0)
                self._follows(row, piece.at_s)
                self._sized(row, piece.size, piece.node)
                if row.outcome != "done":
                    return []
                lot.append(_Piece(piece.size, piece.node, piece.at_s))
                self._change(piece.node, piece.at_s, piece.size)
                self.books.made_less -= piece.size
            lots.append(lot)
            self.pieces = [*self.pieces, *lot]
        return lots

    def _taken(self, name: str, step: int, tile: int, at_s: float) -> Lot | None:
        """The product of another task, where it was received: from here on it is in these books."""
        rows = [row for row in self._of("await", step=step) if row.tile == tile]
        if not rows:
            raise _Wrong(f"has no stage await of {name}, from {at_s:.6f} s on")
        (row,) = rows
        self._follows(row, at_s)
        if row.outcome != "done":
            return None
        arrived = self.others[name].get(self.number)
        if arrived is None or abs(max(arrived.ended_s, at_s) - row.ended_s) > self.clock_s:
            raise _Wrong(f"has {_stage(row)} done at {row.ended_s:.6f} s, when {name} had not arrived")
        self._sized(row, arrived.in_bytes, arrived.node)
        piece = _Piece(row.in_bytes, row.node, row.ended_s)
        self.books.observed += piece.size
        self.pieces = [*self.pieces, piece]
        return [piece]

    def _step(self, number: int, step: Step, lots: dict[int, list[Lot]]) -> Lot | None:
        """What a step makes of what it takes; None: it came no further."""
        pieces = Lot()
        for place in self.task.takes[number]:
            if isinstance(place, int):
                given = lots[place].pop() if lots[place] else None
            else:
                at_s = max(piece.at_s for piece in (pieces or self.scene_lot))
                given = self._taken(place, number, len(pieces), at_s)
            if given is None:
                return None
            pieces += given
        if step.tiles > 1 and len(pieces) == 1:
            (whole,) = pieces
            each, more = divmod(whole.size, step.tiles)
            pieces = [_Piece(max(1, each + (n < more)), whole.node, whole.at_s) for n in range(step.tiles)]
            self._replace([whole], pieces)
            self._unequal(whole, pieces)
        ready = self._brought(number, pieces, step.tiles > 1)
        if step.tiles == 1:
            if not all(ready):
                return None
            joined = _Piece(
                sum(piece.size for piece in pieces), pieces[0].node, max(piece.at_s for piece in pieces)
            )
            self._replace(pieces, [joined])
            pieces = [joined]
        for tile, piece in enumerate(pieces):
            if ready[tile]:
                ready[tile] = self._made(number, step, tile, piece)
        return pieces if all(ready) else None

    def _replace(self, old: Lot, new: Lot) -> None:
        gone = {id(piece) for piece in old}
        self.pieces = [*(piece for piece in self.pieces if id(piece) not in gone), *new]

    def _made(self, number: int, step: Step, tile: int, piece: _Piece) -> bool:
        """What a step makes of a piece. Whether it did."""
        allowed = [self.observer if n == OBSERVER else self.plan.nodes[n].name for n in self.places[number]]
        if piece.node not in allowed:
            raise _Wrong(f"has step {number} at {piece.node}, where it cannot be done")
        size = bound.kept_bytes(step, piece.size)
        if step.job is not None:
            rows = [row for row in self._of("compute", step=number) if row.tile == tile]
            if not rows:
                raise _Wrong(
                    f"has no stage compute for step {number}, whose input came at {piece.at_s:.6g} s"
                )
            (row,) = rows
            self._follows(row, piece.at_s)
            self._sized(row, piece.size, piece.node)
            if step.program:
                size = row.out_bytes  # whatever it has written
            elif row.out_bytes != size:
                raise _Wrong(f"made {row.out_bytes} bytes of {piece.size} in step {number}, not {size}")
            if row.outcome != "done":
                self._fails(row, piece, piece.at_s, stops=False)
                return False
            piece.at_s = row.ended_s
        self.books.made_less += piece.size - size
        self._change(piece.node, piece.at_s, size - piece.size)
        piece.size = size
        return True

    def _brought(self, number: int, pieces: Lot, tiled: bool = False) -> list[bool]:
        """Each piece to where a step is done, or to the receiver. Whether they arrived."""
        by_tile = {row.tile: row for row in self._of(*WAYS, step=number)}
        begun_s, arrived = max(piece.at_s for piece in pieces), []
        reach = {row.tile: row for row in self._of("reach", step=number)}
        for tile, piece in enumerate(pieces):
            row, at_s = by_tile.get(tile), begun_s
            if reached := reach.get(tile if tiled else 0):
                self._follows(reached, begun_s)
                at_s = reached.ended_s
                if reached.outcome != "done":
                    piece.fate = reached.outcome
                    if tiled or len(pieces) == 1:
                        self._gone(reached, begun_s)
                    arrived.append(False)
                    continue
            if row is None:
                piece.at_s = at_s
                arrived.append(True)
                continue
            self._follows(row, at_s)
            self._sized(row, piece.size, piece.node)
            self._takes(row)
            if row.outcome == "done":
                self._left(row)
                piece.node, piece.at_s = row.peer, row.ended_s
            else:
                self._fails(row, piece, at_s, stops=False)
            arrived.append(row.outcome == "done")
        return arrived

    def _delivered(self, given: list[Lot | None]) -> None:
        if any(lot is None for lot in given):
            raise _Open
        last, pieces = len(self.task.steps), [piece for lot in given for piece in lot or ()]
        if not all(self._brought(last, pieces)):
            raise _Open
        at_s = max(piece.at_s for piece in pieces)
        for piece in pieces:
            if piece.node != self.task.to:
                raise _Wrong(f"ended at {piece.node}, where {self.task.to} was to get it")
            piece.fate = "delivered"
        rows, size = self._of("arrive", step=last), sum(piece.size for piece in pieces)
        copied = sum(row.outcome == "done" for row in self._of("copy", step=last))
        self._change(self.task.to, at_s, size * (copied if self.needed else -1))
        if not rows:
            raise _Wrong(f"has no stage arrive, and all of its product was there at {at_s:.6f} s")
        self._follows(rows[0], at_s)
        self._sized(rows[0], size, self.task.to)

    # -- what they have in common --------------------------------------------------------------------------

    def _change(self, node: str, t_s: float, size: int, sure: bool = True) -> None:
        if size:
            self.books.changes.append(Change(node, t_s, size, sure))

    def _follows(self, row: Any, at_s: float) -> None:
        if not abs(row.queued_s - at_s) <= self.clock_s:
            raise _Wrong(
                f"has {_stage(row)} queued at {row.queued_s:.6f} s, where what came before it ended at "
                f"{at_s:.6f} s"
            )

    def _sized(self, row: Any, size: int, node: str) -> None:
        if row.in_bytes != size:
            raise _Wrong(f"has {row.in_bytes} bytes in {_stage(row)}, where {size} had come to it")
        if row.node != node:
            raise _Wrong(f"has {_stage(row)} at {row.node}, where its data was at {node}")

    def _ended(self, row: Any) -> float:
        """When it ended; it goes on only where it was done."""
        if row.outcome != "done":
            raise _Open
        return float(row.ended_s)

    def _takes(self, row: Any) -> None:
        """Its receiver keeps room for all of it from the first connection on; anew if it lost what it had.
        Of bundles what has come is one again, when all has.
        """
        if self.hops:
            if row.outcome == "done":
                self._change(row.peer, row.ended_s, row.in_bytes)
            return
        begun = self.began.get((self.books.flow, self.number, row.place), [])
        for t_s in _afresh(begun, [start_s for start_s, _ in self.dead.of(self.plan.node(row.peer))]):
            self._change(row.peer, t_s, row.in_bytes)

    def _left(self, row: Any) -> None:
        """Its sender has let go of it."""
        if self.hops:
            self._change(row.node, row.queued_s, -row.in_bytes)
        else:
            self._change(row.node, row.ended_s, -row.in_bytes, sure=False)

    def _fails(self, row: Any, piece: _Piece, since_s: float, stops: bool = True) -> None:
        piece.fate = row.outcome
        self._gone(row, since_s)
        if stops:
            raise _Open

    def _gone(self, row: Any, since_s: float) -> None:
        """What a node no longer holds; it may have been gone before somebody asked for it."""
        if self.hops and row.stage in (*WAYS, "command"):
            self._left(row)
            return
        if row.outcome == "held":
            return
        asked_late = row.ended_s == row.queued_s
        self._change(row.node, since_s if asked_late else row.ended_s, -row.in_bytes, sure=not asked_late)
        if row.peer is not None and row.peer == row.peer and row.began_s == row.began_s:
            self._change(row.peer, row.ended_s, -row.in_bytes)

    def _unequal(self, whole: _Piece, pieces: list[_Piece]) -> None:
        """Tiles of less than a byte are one byte each."""
        more = sum(piece.size for piece in pieces) - whole.size
        self.books.made_less -= more
        self._change(whole.node, whole.at_s, more)


def _afresh(begun: Iterable[float], deaths: Iterable[float]) -> Iterator[float]:
    """The first of some times, and the first after each death that came after one."""
    last_s, deaths_s = None, list(deaths)
    for t_s in begun:
        if last_s is None or any(last_s <= death_s <= t_s for death_s in deaths_s):
            yield t_s
        last_s = t_s


def _stage(row: Any) -> str:
    return f"its stage {row.place}, {row.stage},"
