"""A node's battery: what its panels give, what is drawn, and when it runs to a level."""

from __future__ import annotations

import math

from skybed.topologies.model.carried import Computing, Power


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
        flow_w = self.solar_w - self.load_w
        if self.paused:
            due = gap_wh <= 0 or flow_w > 0
        else:
            due = gap_wh >= 0 or flow_w < 0
        if not due:
            return None
        wait_s = gap_wh / flow_w * 3600 if flow_w else 0.0
        return self._t_s + max(0.0, wait_s) if math.isfinite(wait_s) else None

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
