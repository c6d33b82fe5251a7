"""Losses in bursts: a link that is good or bad, for times left to chance (Gilbert 1960, Elliott 1963).

The steps come from the plan and not from netem's own model of this kind, which goes back to its first state
with each message to the kernel, and each new delay is one.
"""

from __future__ import annotations

import numpy as np

from skybed.topologies.contacts.courses.steps import MOST, Steps, Table, TooMany, joined, over
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model.over_time import Bursts
from skybed.topologies.orbits import chance

AT_ONCE = 64  # times that are drawn


def drawn(course: Bursts, contacts: Spans, names: dict[int, str], seed: int, until_s: float) -> Steps:
    """names: of the directions. A longer time only adds to what is drawn."""
    parts = []
    for key in np.unique(contacts.key).tolist():
        table = _of_one(course, f"{seed}/{names[key]}", until_s)
        parts.append(over(contacts.where(contacts.key == key), table))
    return joined(parts)


def _of_one(course: Bursts, name: str, until_s: float) -> Table:
    means, edges = (course.good_s, course.bad_s), [np.zeros(1)]
    drawing = chance.exponential(means, AT_ONCE, name, "bursts", *means)
    while edges[-1][-1] < until_s:
        if len(edges) * 2 * AT_ONCE > MOST:
            raise TooMany
        edges.append(edges[-1][-1] + np.cumsum(next(drawing)))
    t_s = np.concatenate(edges)
    return Table(t_s, np.where(np.arange(len(t_s)) % 2 == 0, course.good_pct, course.bad_pct))
