"""A node's battery: what its panels give, what is drawn, and when it runs to a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from skybed.topologies.model.carried import Computing, Power

Spans = Sequence[tuple[float, float]]


class Work(NamedTuple):
    """seconds: of a computer that is not paused. watts: that it draws meanwhile."""

    seconds: float
    watts: float


class _State(NamedTuple):
    t_s: float
    wh: float
    paused: bool


class Battery:
    """Between changes of what is given and drawn its level is linear in time, and stays at full or empty."""

    def __init__(self, power: Power, computing: Computing | None, t_s: float) -> None:
        self.power = power
        self._idle_w = power.idle_w + (computing.idle_w if computing else 0.0)
        self._drawn_w = {"transmit": 0.0, "compute": 0.0, "camera": 0.0}
        self._t_s, self._wh = t_s, power.battery_wh * power.start_pct / 100
        self.sunlit = self.paused = False
        self.rows: list[tuple[float, float, float, float, float, float, float, bool]] = []
        self._note(t_s)

    @property
    def solar_w(self) -> float:
        return self.power.panel_w if self.sunlit else 0.0

    @property
    def load_w(self) -> float:
        return self._idle_w + sum(self._drawn_w.values())

    def level_wh(self, t_s: float) -> float:
        """At a time, if nothing changes until then."""
        wh = self._wh + (self.solar_w - self.load_w) * (t_s - self._t_s) / 3600
        return min(max(wh, 0.0), self.power.battery_wh)

    def shines(self, t_s: float, sunlit: bool) -> None:
        self._advance(t_s)
        self.sunlit = sunlit
        self._note(t_s)

    def draws(self, t_s: float, what: str, watts: float) -> None:
        """So much more than before, of `transmit`, `compute` or `camera`."""
        self._advance(t_s)
        self._drawn_w[what] += watts
        self._note(t_s)

    def pauses(self, t_s: float, paused: bool) -> None:
        self._advance(t_s)
        self.paused = paused
        self._note(t_s)

    def next_s(self) -> float | None:
        """When it reaches the level at which computing pauses, or may go on again; None: it does not so."""
        pct = self.power.resumes_pct if self.paused else self.power.floor_pct
        gap_wh = self.power.battery_wh * pct / 100 - self._wh
        if gap_wh <= 0 if self.paused else gap_wh >= 0:
            return self._t_s
        flow_w = self.solar_w - self.load_w
        wait_s = gap_wh / flow_w * 3600 if gap_wh * flow_w > 0 else math.inf
        return self._t_s + wait_s if math.isfinite(wait_s) else None

    def done_s(self, now_s: float, queue: Work, arrives_s: float, job: Work, sunlit: Spans) -> float:
        """When a job would be done that comes at a time, behind a queue that is worked at from now on, with
        the pauses that the battery makes, if nothing else is drawn but what is drawn all the time; inf:
        never. sunlit: when the Sun shines, ascending.
        """
        state = self._after(_State(now_s, self.level_wh(now_s), self.paused), queue, sunlit)
        if state.t_s < arrives_s < math.inf:
            state = self._after(state, Work(arrives_s - state.t_s, 0.0), sunlit)
        return self._after(state, job, sunlit).t_s if arrives_s < math.inf else math.inf

    def _after(self, state: _State, work: Work, sunlit: Spans) -> _State:
        """Some work. What draws nothing is waiting, and goes on while computers pause."""
        power, left_s, (t_s, wh, paused) = self.power, work.seconds, state
        floor_wh, resumes_wh = (power.battery_wh * pct / 100 for pct in (power.floor_pct, power.resumes_pct))
        while left_s > 0 and t_s < math.inf:
            shines = any(start_s <= t_s < end_s for start_s, end_s in sunlit)
            rests_w = power.panel_w * shines - self._idle_w
            until_s = min((turn_s for span in sunlit for turn_s in span if turn_s > t_s), default=math.inf)
            paused = wh < resumes_wh if paused else wh <= floor_wh
            rests = paused and work.watts > 0
            if paused and wh == floor_wh and rests_w > 0 > rests_w - work.watts:  # over and over
                span_wh = 3600 * (resumes_wh - floor_wh)
                rest_s, span_s = span_wh / rests_w, span_wh / (work.watts - rests_w)
                times = int(min(left_s / span_s, (until_s - t_s) / (rest_s + span_s)))
                t_s, left_s = t_s + times * (rest_s + span_s), left_s - times * span_s
            flow_w, goal_wh = (rests_w, resumes_wh) if paused else (rests_w - work.watts, floor_wh)
            reached_s = 3600 * (goal_wh - wh) / flow_w if (goal_wh - wh) * flow_w > 0 else math.inf
            step_s = min(math.inf if rests else left_s, until_s - t_s, reached_s)
            if step_s < math.inf:
                left_s -= 0.0 if rests else step_s
                wh = min(max(wh + flow_w * step_s / 3600, 0.0), power.battery_wh)
                wh = goal_wh if step_s == reached_s else wh
            t_s += step_s
        return _State(t_s, wh, paused)

    def close(self, t_s: float) -> None:
        """The last row is that of the end."""
        self._advance(t_s)
        self._note(t_s)

    def _advance(self, t_s: float) -> None:
        self._wh, self._t_s = self.level_wh(t_s), t_s

    def _note(self, t_s: float) -> None:
        """A row; of several changes at one time the last counts."""
        if self.rows and self.rows[-1][0] == t_s:
            self.rows.pop()
        drawn = self._drawn_w
        self.rows.append(
            (t_s, self.solar_w, self.load_w, drawn["transmit"], drawn["compute"], drawn["camera"], self._wh,
             self.paused)
        )  # fmt: skip
