"""What a probe flow saw: when each probe left, when its answer came, what was lost or reordered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from skybed.topologies.model.flows import ProbingFlow
from skybed.traffic.nodes import Clock
from skybed.traffic.rows import HELD_ROWS, Rows
from skybed.traffic.tables import GROUP_ROWS

Send = Callable[[int], None]  # sends a flow's next probe; the argument is the loop's time

# Of a probe T1, T4, T2 and T3 (STAMP only), one of the answers below, and the number of the node at which its
# hop limit, or that of its answer, ran out; 0: none did.
PROBE = {"sent_ns": "q", "back_ns": "q", "reached_ns": "q", "turned_ns": "q", "answer": "i", "expired": "i"}
HELD_S = 1.0  # of probes, at least: most answers are back by then, and a change in a file takes 30 us
NO_ANSWER, IN_ORDER, REORDERED = range(3)


class ProbeLog:
    """The probes of one flow, numbered from 0 in the order of sending; times in CLOCK_REALTIME ns.

    make_file: see Rows.
    """

    def __init__(self, flow: ProbingFlow, make_file: Callable[[], BinaryIO]) -> None:
        self.flow = flow
        self._rows = Rows(PROBE, make_file, max(HELD_ROWS, round(HELD_S * flow.rate_hz)))
        self._nodes: dict[str | None, int] = {None: 0}  # at which hop limits ran out, numbered
        self._next_expected = 0  # one more than the highest number that was answered
        self._answered = self._lost = 0
        self._settled = 0  # probes up to which one has looked for losses
        # Since figures were asked for: of what was answered last when it was sent, its round trip, the least
        # and the greatest.
        self._newest: tuple[int, float, float, float] | None = None

    @property
    def sent(self) -> int:
        """How many: the number of the next."""
        return len(self._rows)

    def add(self, sent_ns: int) -> None:
        """Note a probe. To be called after it was sent: this may take as long as a write to a file."""
        self._rows.append(sent_ns, 0, 0, 0, NO_ANSWER, 0)

    def add_answer(self, seq: int, back_ns: int, reached_ns: int = 0, turned_ns: int = 0) -> None:
        """Note an answer, of which the first counts; a sequence number that was never sent is not one.

        It is reordered where one to a later probe came before it: RFC 4737 section 3.3.
        """
        if seq >= len(self._rows):
            return
        sent_ns, _, _, _, answer, expired = self._rows[seq]
        if answer != NO_ANSWER:
            return
        answer = REORDERED if seq < self._next_expected else IN_ORDER
        self._rows[seq] = sent_ns, back_ns, reached_ns, turned_ns, answer, expired
        self._next_expected = max(self._next_expected, seq + 1)
        self._answered += 1
        self._lost -= seq < self._settled
        rtt_us = (back_ns - sent_ns - (turned_ns - reached_ns)) / 1e3
        _, _, least_us, greatest_us = self._newest or (0, 0, rtt_us, rtt_us)
        self._newest = sent_ns, rtt_us, min(least_us, rtt_us), max(greatest_us, rtt_us)

    def add_expiry(self, seq: int, node: str) -> None:
        """Note at which node the hop limit of a probe, or of its answer, ran out."""
        if seq < len(self._rows):
            *row, _ = self._rows[seq]
            self._rows[seq] = (*row, self._nodes.setdefault(node, len(self._nodes)))

    def figures(self, t_s: float, clock: Clock, grace_s: float) -> dict[str, Any]:
        """So far: `sent`, `answered`, `lost` (no answer for grace_s); since it was asked last: of the probe
        that was answered last `sent_s` and `rtt_us`, and the `least_us` and `greatest_us` round trip; None
        where none was answered.
        """
        ahead = self._rows.array(self._settled, self.sent)
        settled = np.searchsorted(ahead["sent_ns"], clock.to_realtime_ns(t_s - grace_s))
        self._lost += int(np.sum(ahead["answer"][:settled] == NO_ANSWER))
        self._settled += int(settled)
        sent_ns, rtt_us, least_us, greatest_us = self._newest or (None, None, None, None)
        self._newest = None
        return {
            "sent": self.sent,
            "answered": self._answered,
            "lost": self._lost,
            "sent_s": None if sent_ns is None else float(clock.from_realtime_ns(sent_ns)),
            "rtt_us": rtt_us,
            "least_us": least_us,
            "greatest_us": greatest_us,
        }

    def columns(self, clock: Clock) -> Iterator[dict[str, Any]]:
        """The flow's rows of the probes table, a row a probe; those of a row group at a time."""
        flow, nodes = self.flow, np.array([*self._nodes], object)
        for first, rows in self._rows.pieces(GROUP_ROWS):
            answered = rows["answer"] != NO_ANSWER
            t1, t2, t3, t4 = (rows[name] for name in ("sent_ns", "reached_ns", "turned_ns", "back_ns"))
            one_way = answered & (flow.protocol == "stamp")
            yield {
                "flow": str(flow.name),
                "protocol": flow.protocol,
                "src": flow.source,
                "dst": flow.target,
                "seq": np.arange(first, first + len(rows)),
                "sent_s": clock.from_realtime_ns(t1),
                "rtt_us": np.where(answered, ((t4 - t1) - (t3 - t2)) / 1000, np.nan),
                "owd_us": np.where(one_way, (t2 - t1) / 1000, np.nan),
                "owd_back_us": np.where(one_way, (t4 - t3) / 1000, np.nan),
                "lost": ~answered,
                "expired_at": nodes[rows["expired"]],
                "reordered": rows["answer"] == REORDERED,
            }
