"""What the links of a sky carry, second by second: of a run in which more goes on than its scenario knows.

A process of its own reads the kernel's counters of all interfaces.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skybed.emulator.kernel.counters import Counters, Sent
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.topologies.model.tables import CARRIED
from skybed.topologies.routing import windowed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Row = tuple[float, str, str, int, int]  # t_s, node, peer, packets, bytes


def record(sky: Sky, run: Path, pipe: Connection) -> dict[str, Any]:
    """Write the table `carried`. Over the pipe: None is sent when all is ready; a Clock comes, and None is
    sent; what is counted from then on is noted, up to the run time that comes at last.
    """
    with ExitStack() as stack:
        append = stack.enter_context(windowed.growing(run / f"{CARRIED.name}.parquet", CARRIED.schema))
        names = {node.name for node in sky.sky_nodes}
        counters = {node.name: Counters(node.namespace) for node in sky.sky_nodes}
        for of_node in counters.values():
            stack.callback(of_node.close)
        pipe.send(None)
        clock: Clock = pipe.recv()
        pipe.send(None)
        rows: list[Row] = []
        for row in _counted(counters, names, clock, pipe):
            rows.append(row)
            if row[0] - rows[0][0] > windowed.WINDOW_S:
                append(_columns(rows))
                rows = []
        append(_columns(rows))
    return {}


def _counted(counters: dict[str, Counters], names: set[str], clock: Clock, pipe: Connection) -> Iterator[Row]:
    """A row for each second and direction of a link that carried something."""
    before: dict[tuple[str, str], Sent] = {}
    poll = select.poll()
    poll.register(pipe.fileno(), select.POLLIN)
    second, over = 0, False
    while not over:
        over = bool(poll.poll(max(0.0, second - clock.now_s()) * 1000))
        now = {
            (node, peer): sent
            for node, of_node in counters.items()
            for peer, sent in of_node.read().items()
            if peer in names
        }
        for (node, peer), sent in sorted(now.items()):
            had = before.get((node, peer), Sent(0, 0))
            had = had if had.packets <= sent.packets else Sent(0, 0)  # the link was made anew
            if second and sent.packets > had.packets:
                yield second - 1.0, node, peer, sent.packets - had.packets, sent.bytes - had.bytes
        before, second = now, second + 1


def _columns(rows: list[Row]) -> dict[str, pa.Array]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(CARRIED.columns)
    return {
        field.name: pa.array(values, field.type)
        for field, values in zip(CARRIED.columns, columns, strict=True)
    }
