"""States of a satellite over time, and where it is between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array

BEYOND_S = 120.0  # the ends of a file to which its polynomials are taken: knots outside of what is asked for


class States(NamedTuple):
    """rows: (states, 8): number of the segment, s since the first epoch, km and km/s in TEME; by time. A
    polynomial of the degree goes through the states of one segment that are nearest; hermite: through their
    velocities, too. span_s: from when until when the file has positions.
    """

    hermite: bool
    degree: int
    span_s: tuple[float, float]
    rows: Array

    def flat(self) -> list[float]:
        """As one list of numbers, for a table."""
        return [float(self.hermite), float(self.degree), *self.span_s, *self.rows.ravel().tolist()]

    @staticmethod
    def of_flat(numbers: Array) -> States:
        hermite, degree, start_s, end_s = numbers[:4].tolist()
        return States(bool(hermite), int(degree), (start_s, end_s), numbers[4:].reshape(-1, 8))

    def covers(self, t_s: Array) -> np.ndarray:
        """When there is a position, or as good as one."""
        within: np.ndarray = (t_s >= self.span_s[0] - BEYOND_S) & (t_s <= self.span_s[1] + BEYOND_S)
        return within

    def later(self, by_s: float) -> States:
        """The same, counted from a time that is so much later."""
        rows = self.rows.copy()
        rows[:, 1] -= by_s
        return self._replace(span_s=(self.span_s[0] - by_s, self.span_s[1] - by_s), rows=rows)

    def at(self, t_s: Array) -> Array:
        """(times, 6), km and km/s."""
        found = np.empty((len(t_s), 6))
        starts = np.flatnonzero(np.diff(self.rows[:, 0], prepend=-1))
        first_s = self.rows[starts, 1]
        segment = np.maximum(np.searchsorted(first_s, t_s, "right") - 1, 0)
        ends = np.append(starts[1:], len(self.rows))
        for k in np.unique(segment).tolist():
            own = self.rows[starts[k] : ends[k], 1:]
            now = segment == k
            found[now] = (_hermite if self.hermite else _lagrange)(own, t_s[now], self.degree)
        return found


def _windows(own: Array, t_s: Array, count: int) -> tuple[Array, Array, float]:
    """The `count` states about each time: their times (times, count) and states (times, count, 6); the times
    counted from the one asked for, in a unit that keeps them near 1.
    """
    middle = np.searchsorted(own[:, 0], t_s) - count // 2
    first = np.clip(middle, 0, len(own) - count)
    rows = own[first[:, None] + np.arange(count)]
    unit_s = float(np.median(np.diff(own[:, 0]))) if len(own) > 1 else 1.0
    return (rows[..., 0] - t_s[:, None]) / unit_s, rows[..., 1:], unit_s


def _lagrange(own: Array, t_s: Array, degree: int) -> Array:
    """Positions and velocities each by polynomials of their own."""
    x, states, _ = _windows(own, t_s, degree + 1)
    weight = np.ones_like(x)
    for j in range(degree + 1):
        for k in range(degree + 1):
            if k != j:
                weight[:, j] *= x[:, k] / (x[:, k] - x[:, j])
    value: Array = np.einsum("tj,tji->ti", weight, states)
    return value


def _hermite(own: Array, t_s: Array, degree: int) -> Array:
    """By Newton's divided differences, each state twice; the velocity is the slope."""
    x, states, unit_s = _windows(own, t_s, (degree + 1) // 2)
    z = np.repeat(x, 2, axis=1)
    table = np.repeat(states[..., :3], 2, axis=1)
    slopes = states[..., 3:] * unit_s
    factors = [table[:, 0].copy()]
    for order in range(1, degree + 1):
        apart = (z[:, order:] - z[:, : degree + 1 - order])[..., None]
        rise = table[:, 1:] - table[:, :-1]
        if order == 1:
            table = np.empty_like(rise)
            table[:, 0::2] = slopes
            table[:, 1::2] = rise[:, 1::2] / apart[:, 1::2]
        else:
            table = rise / apart
        factors.append(table[:, 0].copy())
    value, slope = factors[-1], np.zeros_like(factors[-1])
    for k in range(degree - 1, -1, -1):  # Horner's scheme, at 0
        slope = value - z[:, k, None] * slope
        value = factors[k] - z[:, k, None] * value
    return np.concatenate([value, slope / unit_s], axis=1)
