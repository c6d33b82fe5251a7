"""Courses that a function of the user's own makes, from where the ends of links are."""

from __future__ import annotations

from typing import Any

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.courses.sight import seen
from skybed.topologies.contacts.courses.steps import Steps, instants, sorted_by_key, without_repeats
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model import code
from skybed.topologies.model.code import CodeError
from skybed.topologies.model.over_time import Rule
from skybed.topologies.orbits.ephemeris import Ephemeris


def asked(rule: Rule, contacts: Spans, sky: Ephemeris, a: np.ndarray, b: np.ndarray, most: float) -> Steps:
    """What function(t_s, range_km, elevation_deg) gives, asked once for all contacts: arrays of one length.
    a, b: the ends of each contact's link; of two on the ground, or in space, there is no elevation (nan).
    most: of a value. Raises CodeError for an answer that is none, too.
    """
    function = code.loaded(rule.python)
    row, t_s = instants(contacts, rule.every_s)
    if not len(row):
        return Steps(contacts.key, t_s, t_s)
    sight = seen(sky, a[row], b[row], t_s)
    answer = function(t_s.copy(), sight.range_km, sight.elevation_deg)
    values = _values(answer, len(t_s))
    wrong = "no array of as many numbers as it is given" if values is None else _outside(values, t_s, most)
    if values is None or wrong:
        raise CodeError(f"{rule.python.file}, {rule.python.function}: it gives {wrong}.")
    return without_repeats(sorted_by_key(Steps(contacts.key[row], t_s, values)))


def _values(answer: Any, count: int) -> Array | None:
    """An answer as numbers; one for all will do."""
    try:
        values = np.asarray(answer)
        return np.array(np.broadcast_to(values, (count,)), float) if values.dtype.kind in "iuf" else None
    except (TypeError, ValueError):
        return None


def _outside(values: Array, t_s: Array, most: float) -> str:
    wrong = ~((values >= 0) & (values <= most) & np.isfinite(values))
    if not wrong.any():
        return ""
    at = int(wrong.argmax())
    limit = f"0 to {most:g}" if np.isfinite(most) else "0 or more"
    return f"{values[at]:g} at {t_s[at]:g} s; its values must be {limit}"
