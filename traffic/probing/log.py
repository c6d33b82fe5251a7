"""What a probe flow saw: when each probe left, when its answer came, what was lost or reordered."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np

from skybed.topologies.model.flows import ProbingFlow
from skybed.traffic.nodes import Clock
from skybed.traffic.wire.reordering import reordered

Send = Callable[[int], None]  # sends a flow's next probe; the argument is the loop's time


class ProbeLog:
    """The probes of one flow, numbered from 0 in the order of sending; times in CLOCK_REALTIME ns."""

    def __init__(self, flow: ProbingFlow) -> None:
        self.flow = flow
        self.sent_ns = array("q")
        self.answered = array("q")  # sequence numbers in order of arrival, duplicates included
        self.back_ns = array("q")  # T4, when that answer arrived
        self.reached_ns = array(
            "q"
        )  # T2 and T3, when the probe reached the reflector and left it; STAMP only
        self.turned_ns = array("q")
        self.expired_at: dict[int, str] = {}  # by sequence number: the node at which its hop limit ran out
        self._came = bytearray()  # of each probe, whether its answer was looked at
        self._answered = self._lost = 0
        self._looked = self._settled = 0  # answers, and probes, up to which one has looked

    def add_answer(self, seq: int, back_ns: int, reached_ns: int = 0, turned_ns: int = 0) -> None:
        """Note an answer; a sequence number that was never sent is not one."""
        if seq < len(self.sent_ns):
            self.answered.append(seq)
            self.back_ns.append(back_ns)
            self.reached_ns.append(reached_ns)
            self.turned_ns.append(turned_ns)

    def figures(self, t_s: float, clock: Clock, grace_s: float) -> dict[str, Any]:
        """So far: `sent`, `answered`, `lost` (no answer for grace_s); since it was asked last: of the probe
        that was answered last `sent_s` and `rtt_us`, and the `least_us` and `greatest_us` round trip; None
        where none was answered.
        """
        sent, came = self.sent_ns, self._came
        came.extend(bytes(len(sent) - len(came)))
        rtt_us, last = [], None
        for n in range(self._looked, len(self.answered)):
            seq = self.answered[n]
            if came[seq]:
                continue
            came[seq] = 1
            self._answered += 1
            self._lost -= seq < self._settled
            turning_ns = self.turned_ns[n] - self.reached_ns[n]
            rtt_us.append((self.back_ns[n] - sent[seq] - turning_ns) / 1e3)
            last = seq
        self._looked = len(self.answered)
        settled = bisect_left(sent, clock.to_realtime_ns(t_s - grace_s))
        self._lost += settled - self._settled - sum(came[self._settled : settled])
        self._settled = settled
        return {
            "sent": len(sent),
            "answered": self._answered,
            "lost": self._lost,
            "sent_s": None if last is None else float(clock.from_realtime_ns(sent[last])),
            "rtt_us": rtt_us[-1] if rtt_us else None,
            "least_us": min(rtt_us, default=None),
            "greatest_us": max(rtt_us, default=None),
        }

    def columns(self, clock: Clock) -> dict[str, Any]:
        """The flow's rows of the probes table, a row a probe. The first of duplicate answers counts."""
        flow, sent = self.flow, np.array(self.sent_ns, np.int64)
        count = len(sent)
        seq, first = np.unique(np.array(self.answered, np.int64), return_index=True)
        first_in_time = np.sort(first)
        late = np.zeros(count, bool)
        arrivals = np.array(self.answered, np.int64)[first_in_time]
        late[arrivals] = reordered(arrivals)
        lost = np.ones(count, bool)
        lost[seq] = False

        def spread(values: np.ndarray) -> np.ndarray:
            column = np.full(count, np.nan)
            column[seq] = values
            return column

        t1, t4 = sent[seq], np.array(self.back_ns, np.int64)[first]
        t2, t3 = np.array(self.reached_ns, np.int64)[first], np.array(self.turned_ns, np.int64)[first]
        stamp = flow.protocol == "stamp"
        nothing = np.full(count, np.nan)
        return {
            "flow": str(flow.name),
            "protocol": flow.protocol,
            "src": flow.source,
            "dst": flow.target,
            "seq": np.arange(count),
            "sent_s": clock.from_realtime_ns(sent),
            "rtt_us": spread(((t4 - t1) - (t3 - t2)) / 1000),
            "owd_us": spread((t2 - t1) / 1000) if stamp else nothing,
            "owd_back_us": spread((t4 - t3) / 1000) if stamp else nothing,
            "lost": lost,
            "expired_at": [self.expired_at.get(i) for i in range(count)],
            "reordered": late,
        }
