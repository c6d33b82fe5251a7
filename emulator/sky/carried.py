"""What the links of a sky carry, second by second: of a run in which more goes on than its scenario knows.

A process of its own reads the kernel's counters of all interfaces.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
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
Tell = Callable[[float, list[Row]], None]


def record(sky: Sky, run: Path, tell: Tell, every_s: float, pipe: Connection) -> dict[str, Any]:
    """Write the table `carried`. tell: is given the rows of a second, and when that began, every_s of run
    time. Over the pipe: None is sent when all is ready; a Clock comes, and None is sent; what is counted from
    then on is noted, up to the run time that comes at last.
    """
    with ExitStack() as stack:
        append = stack.enter_context(windowed.growing(run / f"{CARRIED.name}.parquet", CARRIED.schema))
        names = {node.name for node in sky.sky_nodes}
        counters = {node.name: Counters(node.namespace) for node in sky.nodes_here}
        for of_node in counters.values():
            stack.callback(of_node.close)
        pipe.send(None)
        clock: Clock = pipe.recv()
        pipe.send(None)
        rows: list[Row] = []
        told_s = -every_s
        for t_s, of_second in _counted(counters, names, clock, pipe):
            if t_s - told_s >= every_s:
                told_s = t_s
                tell(t_s, of_second)
            rows += of_second
            if rows and t_s - rows[0][0] > windowed.WINDOW_S:
                append(_columns(rows))
                rows = []
        append(_columns(rows))
    return {}


def _counted(
    counters: dict[str, Counters], names: set[str], clock: Clock, pipe: Connection
) -> Iterator[tuple[float, list[Row]]]:
    """Of each second when it began, and a row for each direction of a link that carried something."""
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
        rows = []
        for (node, peer), sent in sorted(now.items()):
            had = before.get((node, peer), Sent(0, 0))
            had = had if had.packets <= sent.packets else Sent(0, 0)  # the link was made anew
            if sent.packets > had.packets:
                rows.append((second - 1.0, node, peer, sent.packets - had.packets, sent.bytes - had.bytes))
        if second:
            yield second - 1.0, rows
        before, second = now, second + 1


def _columns(rows: list[Row]) -> dict[str, pa.Array]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(CARRIED.columns)
    return {
        field.name: pa.array(values, field.type)
        for field, values in zip(CARRIED.columns, columns, strict=True)
    }
