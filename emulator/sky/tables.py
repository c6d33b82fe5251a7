"""What the player did, as tidy tables: `events` (meant), `applied` (done), `routes` (both).

They are made of Arrow's arrays, window by window: a table of text in Python's objects would keep the player
from running while it is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.emulator.kernel.control import PROTOCOLS
from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import KINDS, Direction, Property
from skybed.topologies.files import whole
from skybed.topologies.model.tables import APPLIED, CHANGED, CONTROL, EVENTS, ROUTES
from skybed.topologies.plan.score import Playable
from skybed.topologies.routing import windowed

if TYPE_CHECKING:  # outside, where no sky is, only what was to happen is written
    from skybed.emulator.sky.player import Changed, Played

KIND, PROPERTY = pa.array(KINDS), pa.array([what.name.lower() for what in Property])
DIRECTION = pa.array([None, *(name.lower() for name in Direction.__members__)])  # by its number
Columns = dict[str, pa.Array]


def write_events(plan: Playable, path: Path) -> None:
    """Write the table `events` of a plan."""
    columns = _event_columns(plan)
    with windowed.growing(path, EVENTS.schema) as append:
        for events in plan.events:
            append(columns(events))


@contextlib.contextmanager
def log(plan: Playable, run: Path) -> Iterator[Callable[[Played], None]]:
    """A function that adds what was played of a window to the tables `applied` and `routes`, which appear in
    `run` when the block ends.

    Where daemons make the routes, `routes` and `control` are the recorder's; else `control` has no rows.
    """
    event_columns, route_columns = _event_columns(plan), _route_columns(plan)
    with ExitStack() as stack:
        append_events = stack.enter_context(windowed.growing(run / "applied.parquet", APPLIED.schema))
        append_routes: windowed.Append = _forget
        if plan.scenario.routing.means.filled_by != "daemons":
            append_routes = stack.enter_context(windowed.growing(run / "routes.parquet", ROUTES.schema))
            stack.enter_context(windowed.growing(run / "control.parquet", CONTROL.schema))

        def append(played: Played) -> None:
            applied_s, late_us = played.applied_s, (played.applied_s - played.events["t_s"]) * 1e6
            append_events(
                event_columns(played.events, applied_s=applied_s, late_us=late_us, skipped=played.skipped)
            )
            for changes, made_s in [(played.changes, played.changes_applied_s), *played.unplanned]:
                append_routes(route_columns(changes) | {"applied_s": _values(made_s)})

        yield append


def write_changed(plan: Playable, changed: Sequence[Changed], run: Path) -> None:
    """Write the table `changed`, if anything was."""
    if not changed:
        return
    links = [plan.links[change.link] for change in changed]
    columns = {
        "t_s": pa.array([change.t_s for change in changed]),
        "link": pa.array([link.name for link in links]),
        "a": pa.array([plan.nodes[link.a].name for link in links]),
        "b": pa.array([plan.nodes[link.b].name for link in links]),
        "direction": DIRECTION.take(pa.array([int(change.direction) for change in changed])),
        "property": PROPERTY.take(pa.array([int(change.what) for change in changed])),
        "value": _values(np.array([change.value for change in changed], float)),
        "by": pa.array([change.by for change in changed]),
    }
    with whole(run / f"{CHANGED.name}.parquet") as file:
        pq.write_table(pa.table(columns, schema=CHANGED.schema), file)


def _event_columns(plan: Playable) -> Callable[..., Columns]:
    """What gives the columns of `events` for one window after another; the number of events runs on."""
    names = _names(plan)
    links = pa.array([link.name for link in plan.links], pa.string())
    a, b = (names.take(pa.array([getattr(link, end) for link in plan.links], pa.int64())) for end in "ab")
    first = 0

    def columns(events: np.ndarray, **more: np.ndarray) -> Columns:
        """more: further columns, of every event."""
        nonlocal first
        are_rows, more["delay_us"], more["slope_us_s"] = properties.rows(events)
        events = events[are_rows]
        numbers, first = np.arange(first, first + len(events)), first + len(events)
        link = _values(events["link"])
        return {name: _values(column[are_rows]) for name, column in more.items()} | {
            "event": pa.array(numbers),
            "t_s": _values(events["t_s"]),
            "kind": KIND.take(pa.array(properties.kind(events))),
            "link": links.take(link),
            "a": a.take(link),
            "b": b.take(link),
            "direction": DIRECTION.take(_values(events["direction"])),
            "property": PROPERTY.take(_values(events["property"])),
            "value": _values(events["value"]),
        }

    return columns


def _route_columns(plan: Playable) -> Callable[[np.ndarray], Columns]:
    """What gives the columns of `routes` but applied_s."""
    names = _names(plan)

    def columns(changes: np.ndarray) -> Columns:
        node, dst, via = (np.ascontiguousarray(changes[end]) for end in ("node", "dst", "via"))
        return {
            "t_s": _values(changes["t_s"]),
            "node": names.take(pa.array(node)),
            "dst": names.take(pa.array(dst)),
            "via": names.take(pa.array(via, mask=via < 0)),
            "family": pa.repeat("both", len(changes)),
        }

    return columns


def recorded_routes(rows: Sequence[tuple[float, str, str, str | None, str]]) -> Columns:
    """The columns of `routes` of changes that nobody planned: (applied_s, node, dst, via, family)."""
    names = ("applied_s", "node", "dst", "via", "family")
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    recorded = {
        name: pa.array(column, ROUTES.schema.field(name).type)
        for name, column in zip(names, columns, strict=True)
    }
    return recorded | {"t_s": pa.nulls(len(rows), pa.float64())}


def control(keys: Sequence[tuple[int, str, str, int]], counts: Sequence[Sequence[int]]) -> Columns:
    """The columns of `control`. keys: second, node, peer, number of the protocol; counts: packets, bytes."""
    rows = [(second, node, peer, PROTOCOLS[protocol - 1], *count)
            for (second, node, peer, protocol), count in zip(keys, counts, strict=True)]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else ((),) * len(CONTROL.columns)
    return {
        field.name: pa.array(values, field.type)
        for field, values in zip(CONTROL.columns, columns, strict=True)
    }


def _forget(columns: Mapping[str, pa.Array]) -> None:
    """Routes that the player does not make."""


def _names(plan: Playable) -> pa.Array:
    return pa.array([node.name for node in plan.nodes], pa.string())


def _values(values: np.ndarray) -> pa.Array:
    """nan is null."""
    return pa.array(np.ascontiguousarray(values), from_pandas=True)
