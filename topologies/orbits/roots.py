"""Where functions of time pass zero: many at once, each in a bracket of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skybed.topologies.arrays import Array

EDGE_S = 1e-6

ValueAt = Callable[[np.ndarray, Array], Array]  # (numbers of functions, times) -> values


def zeros(value_at: ValueAt, inside_s: Array, outside_s: Array, inside: Array, outside: Array) -> Array:
    """Time of the zero of each function, to EDGE_S, on the side where its value is positive.

    inside_s, outside_s: times at which it is positive and not so, in either order; inside, outside: the
    values then. Regula falsi in the Illinois form: an end that stays twice running counts half. No nearer to
    an end than half of EDGE_S, so that the bracket closes from both sides.
    """
    t, value = np.stack([inside_s, outside_s]), np.stack([inside, outside])
    last = np.full(len(inside_s), -1)  # end that was moved
    rows = np.arange(len(inside_s))
    while len(rows):
        gap = t[1, rows] - t[0, rows]
        least = EDGE_S / 2 / np.abs(gap)
        share = value[0, rows] / (value[0, rows] - value[1, rows])
        at = t[0, rows] + np.minimum(np.maximum(share, least), 1 - least) * gap
        new = value_at(rows, at)
        end = np.where(new > 0, 0, 1)
        t[end, rows], value[end, rows] = at, new
        again = rows[last[rows] == end]
        value[1 - last[again], again] /= 2
        last[rows] = end
        rows = rows[np.abs(t[1, rows] - t[0, rows]) > EDGE_S]
    return t[0]
