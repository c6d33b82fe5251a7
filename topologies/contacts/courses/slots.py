"""Reconfigurations at given seconds of each minute: a capacity for each slot, and a spike at its begin.

All that is drawn follows the seed, the link and the slot's date and time: a run that begins later meets the
same slots.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.courses.steps import Steps, Table, joined, over
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model.draws import Draw
from skybed.topologies.model.links import Slots
from skybed.topologies.orbits import chance

MINUTE_S = 60.0
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Slotted(NamedTuple):
    """rate_mbps: None where slots leave it as it is."""

    rate_mbps: Steps | None
    spike_us: Steps
    loss_pct: Steps


def drawn(
    slots: Slots, contacts: Spans, names: dict[int, str], seed: int, begin: dt.datetime, until_s: float
) -> Slotted:
    """names: of the links, by direction: both directions meet the same. begin: of run time, UTC."""
    t_s, labels = starts(slots, begin, until_s)
    rates, spikes, losses = [], [], []
    for key in np.unique(contacts.key).tolist():
        own = contacts.where(contacts.key == key)

        def draw(what: Draw, which: str, name: str = f"{seed}/{names[key]}") -> Array:
            shares = [chance.uniform(name, "slots", which, label) for label in labels]
            return chance.quantile(what, np.array(shares))

        width_s = draw(slots.spike.width_ms, "width") * 1e-3
        ends_s = np.minimum(t_s + width_s, np.append(t_s[1:], np.inf))
        spikes.append(over(own, _pulses(t_s, ends_s, draw(slots.spike.height_ms, "height") * 1e3)))
        losses.append(over(own, _pulses(t_s, ends_s, np.minimum(draw(slots.spike.loss_pct, "loss"), 100))))
        if slots.rate_mbps is not None:
            rates.append(over(own, Table(t_s, draw(slots.rate_mbps, "rate") * slots.factor)))
    rate = joined(rates) if slots.rate_mbps is not None else None
    return Slotted(rate, joined(spikes), joined(losses))


def starts(slots: Slots, begin: dt.datetime, until_s: float) -> tuple[Array, list[str]]:
    """When slots begin, s of run time, from the one in force at 0 on, and what tells one from all others."""
    since_s = (begin - EPOCH).total_seconds()
    minutes = np.arange(since_s // MINUTE_S - 1, (since_s + until_s) // MINUTE_S + 1)
    at_s = np.array(sorted(set(slots.at_s)))
    starts_s = (minutes[:, None] * MINUTE_S + at_s).ravel()
    first = int(np.searchsorted(starts_s, since_s, "right")) - 1
    starts_s = starts_s[first : int(np.searchsorted(starts_s, since_s + until_s))]
    # Whole minutes are taken off first: a date in seconds leaves no room for microseconds.
    whole_s = math.floor(since_s / MINUTE_S) * MINUTE_S
    within_s = begin.second + begin.microsecond * 1e-6
    return starts_s - whole_s - within_s, [f"{start_s:.6f}" for start_s in starts_s.tolist()]


def _pulses(starts_s: Array, ends_s: Array, heights: Array) -> Table:
    """A height from each start to its end, else 0."""
    t_s = np.stack([starts_s, ends_s], axis=1).ravel()
    value = np.stack([heights, np.zeros(len(heights))], axis=1).ravel()
    # Where one ends when the next begins, or has no width, the later of the two counts.
    last = np.append(t_s[1:] > t_s[:-1], True)
    t_s, value = t_s[last & np.isfinite(t_s)], value[last & np.isfinite(t_s)]
    return Table(t_s, value)
