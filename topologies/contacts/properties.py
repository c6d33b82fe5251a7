"""What of a link changes over time, and a change as an event: at t_s a property of a link takes a value.

In virtual time a delay also has a slope: from t_s on it is value + slope * (t - t_s), until its next event.

Whoever has values that change makes events of them; what plays and what stores a plan takes all alike.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import ArrayLike

EXACT = "exact steps"
BOUNDED = "steps, in virtual time lines, never off by more than the scenario's `delay_bound_us`"


class Property(IntEnum):
    """kinds: what an event is called; of what is on (1) or off (0), first off. unit: of its values, "" if it
    is on or off. course: how events follow what is true.
    """

    CARRIER = 0, ("down", "up"), "", "the link is there", EXACT
    DELAY = 1, ("delay",), "us", "one way", BOUNDED
    LOSS = 2, ("loss",), "%", "of packets, at random", EXACT
    RATE = 3, ("rate",), "Mbit/s", "of bits with Ethernet headers", EXACT
    SILENCE = 4, ("heal", "silence"), "", "everything is dropped, and the carrier stays", EXACT
    EXTRA = 5, ("extra",), "us", "one way, beside the delay", EXACT
    SPIKE = 6, ("spike",), "us", "one way, beside both, for a moment: routing does not look at it", EXACT
    JITTER = 7, ("jitter",), "us", "by how much a packet is later, on average", EXACT

    kinds: tuple[str, ...]
    unit: str
    about: str
    course: str

    def __new__(cls, number: int, kinds: tuple[str, ...], unit: str, about: str, course: str) -> Property:
        member = int.__new__(cls, number)
        member._value_ = number
        member.kinds, member.unit, member.about, member.course = kinds, unit, about, course
        return member


VALUED = {what for what in Property if what.unit}  # who is late may leave out all values but the newest


class Direction(IntFlag):
    """THERE: from node a of a link to node b."""

    THERE = 1
    BACK = 2
    BOTH = 3


SIDES = {1: (0,), 2: (1,), 3: (0, 1)}  # of a direction: the ends of a link that send so, 0 is at node a

# Sorted by time and, at one instant, by kind in the order of KINDS, in which they are played; then by link.
# slope: of the value, a second; of all but a delay 0.
EVENT = np.dtype(
    [("t_s", "f8"), ("link", "i4"), ("direction", "u1"), ("property", "u1"), ("value", "f8"), ("slope", "f8")]
)

# A carrier comes before anything else is done to its link, and goes after it.
_between = [what for what in Property if what is not Property.CARRIER]
KINDS = ("up", *(kind for what in _between for kind in reversed(what.kinds)), "down")
_ZERO, _ELSE = (np.array([KINDS.index(what.kinds[at]) for what in Property]) for at in (0, -1))


def events(
    t_s: ArrayLike, link: ArrayLike, what: Property, value: ArrayLike, direction: Direction = Direction.BOTH,
    slope: ArrayLike = 0.0,
) -> np.ndarray:  # fmt: skip
    """EVENTs of columns or single values, which broadcast together."""
    t_s, link, value, slope = np.broadcast_arrays(t_s, link, value, slope)
    changes = np.empty(t_s.shape, EVENT)
    changes["t_s"], changes["link"], changes["value"], changes["slope"] = t_s, link, value, slope
    changes["property"], changes["direction"] = what, direction
    return np.atleast_1d(changes)


def kind(changes: np.ndarray) -> np.ndarray:
    """The place in KINDS of what each event is called."""
    return np.where(changes["value"] == 0, _ZERO[changes["property"]], _ELSE[changes["property"]])


def in_order(changes: np.ndarray) -> np.ndarray:
    """Events as EVENT has them sorted."""
    return changes[np.lexsort((changes["direction"], changes["link"], kind(changes), changes["t_s"]))]


def comes(changes: np.ndarray) -> np.ndarray:
    """bool: which events bring a carrier."""
    return (changes["property"] == Property.CARRIER) & (changes["value"] > 0)


def goes(changes: np.ndarray) -> np.ndarray:
    """bool: which events take a carrier away."""
    return (changes["property"] == Property.CARRIER) & (changes["value"] == 0)


def rows(changes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As tables tell events: (bool: which of them are rows; delay_us and slope_us_s of all, nan where none is
    set).

    A link that comes tells its first delay, the same both ways: that is no row of its own.
    """
    is_delay, brings = changes["property"] == Property.DELAY, comes(changes)
    candidates = np.flatnonzero(brings | is_delay & (changes["direction"] == Direction.BOTH))
    t_s, link = changes["t_s"][candidates], changes["link"][candidates]
    order = np.lexsort((is_delay[candidates], link, t_s))
    candidates, t_s, link = candidates[order], t_s[order], link[order]
    first, second = candidates[:-1], candidates[1:]
    one = brings[first] & is_delay[second] & (t_s[:-1] == t_s[1:]) & (link[:-1] == link[1:])
    delay_us, slope_us_s = (np.where(is_delay, changes[column], np.nan) for column in ("value", "slope"))
    for column in (delay_us, slope_us_s):
        column[first[one]] = column[second[one]]
    are_rows = np.ones(len(changes), bool)
    are_rows[second[one]] = False
    return are_rows, delay_us, slope_us_s
