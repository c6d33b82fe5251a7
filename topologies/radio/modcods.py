"""Modulation and coding: how many bits a symbol carries, and which one is used when.

A table is a list of Modcod, in any order. Which of it a link uses is told by its number in the table, NONE
where it uses none: an outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index

NONE = -1


class Modcod(NamedTuple):
    """es_n0_db: the least at which it works, without loss in the modem. bit_per_s_per_hz: bits per symbol."""

    name: str
    es_n0_db: float
    bit_per_s_per_hz: float


# ETSI EN 302 307-1 V1.4.1, table 13: quasi error free (packet error rate 1e-7), AWGN, frames of 64,800 bits,
# no pilots.
DVB_S2 = [
    Modcod("QPSK 1/4", -2.35, 0.490243), Modcod("QPSK 1/3", -1.24, 0.656448),
    Modcod("QPSK 2/5", -0.30, 0.789412), Modcod("QPSK 1/2", 1.00, 0.988858),
    Modcod("QPSK 3/5", 2.23, 1.188304), Modcod("QPSK 2/3", 3.10, 1.322253),
    Modcod("QPSK 3/4", 4.03, 1.487473), Modcod("QPSK 4/5", 4.68, 1.587196),
    Modcod("QPSK 5/6", 5.18, 1.654663), Modcod("QPSK 8/9", 6.20, 1.766451),
    Modcod("QPSK 9/10", 6.42, 1.788612), Modcod("8PSK 3/5", 5.50, 1.779991),
    Modcod("8PSK 2/3", 6.62, 1.980636), Modcod("8PSK 3/4", 7.91, 2.228124),
    Modcod("8PSK 5/6", 9.35, 2.478562), Modcod("8PSK 8/9", 10.69, 2.646012),
    Modcod("8PSK 9/10", 10.98, 2.679207), Modcod("16APSK 2/3", 8.97, 2.637201),
    Modcod("16APSK 3/4", 10.21, 2.966728), Modcod("16APSK 4/5", 11.03, 3.165623),
    Modcod("16APSK 5/6", 11.61, 3.300184), Modcod("16APSK 8/9", 12.89, 3.523143),
    Modcod("16APSK 9/10", 13.13, 3.567342), Modcod("32APSK 3/4", 12.73, 3.703295),
    Modcod("32APSK 4/5", 13.64, 3.951571), Modcod("32APSK 5/6", 14.28, 4.119540),
    Modcod("32APSK 8/9", 15.69, 4.397854), Modcod("32APSK 9/10", 16.05, 4.453027),
]  # fmt: skip

# What DVB-S2X adds. ETSI EN 302 307-2 V1.1.1, table 20a: frame error rate 1e-5, AWGN, linear channel, frames
# of 64,800 bits, no pilots.
_S2X = [
    Modcod("QPSK 2/9", -2.85, 0.434841), Modcod("QPSK 13/45", -2.03, 0.567805),
    Modcod("QPSK 9/20", 0.22, 0.889135), Modcod("QPSK 11/20", 1.45, 1.088581),
    Modcod("8APSK 5/9-L", 4.73, 1.647211), Modcod("8APSK 26/45-L", 5.13, 1.713601),
    Modcod("8PSK 23/36", 6.12, 1.896173), Modcod("8PSK 25/36", 7.02, 2.062148),
    Modcod("8PSK 13/18", 7.49, 2.145136), Modcod("16APSK 1/2-L", 5.97, 1.972253),
    Modcod("16APSK 8/15-L", 6.55, 2.104850), Modcod("16APSK 5/9-L", 6.84, 2.193247),
    Modcod("16APSK 26/45", 7.51, 2.281645), Modcod("16APSK 3/5", 7.80, 2.370043),
    Modcod("16APSK 3/5-L", 7.41, 2.370043), Modcod("16APSK 28/45", 8.10, 2.458441),
    Modcod("16APSK 23/36", 8.38, 2.524739), Modcod("16APSK 2/3-L", 8.43, 2.635236),
    Modcod("16APSK 25/36", 9.27, 2.745734), Modcod("16APSK 13/18", 9.71, 2.856231),
    Modcod("16APSK 7/9", 10.65, 3.077225), Modcod("16APSK 77/90", 11.99, 3.386618),
    Modcod("32APSK 2/3-L", 11.10, 3.289502), Modcod("32APSK 32/45", 11.75, 3.510192),
    Modcod("32APSK 11/15", 12.17, 3.620536), Modcod("32APSK 7/9", 13.05, 3.841226),
    Modcod("64APSK 32/45-L", 13.98, 4.206428), Modcod("64APSK 11/15", 14.81, 4.338659),
    Modcod("64APSK 7/9", 15.47, 4.603122), Modcod("64APSK 4/5", 15.87, 4.735354),
    Modcod("64APSK 5/6", 16.55, 4.933701), Modcod("128APSK 3/4", 17.73, 5.163248),
    Modcod("128APSK 7/9", 18.53, 5.355556), Modcod("256APSK 29/45-L", 16.98, 5.065690),
    Modcod("256APSK 2/3-L", 17.24, 5.241514), Modcod("256APSK 31/45-L", 18.10, 5.417338),
    Modcod("256APSK 32/45", 18.59, 5.593162), Modcod("256APSK 11/15-L", 18.84, 5.768987),
    Modcod("256APSK 3/4", 19.57, 5.900855),
]  # fmt: skip
TABLES = {"dvb-s2": DVB_S2, "dvb-s2x": DVB_S2 + _S2X}


def ladder(table: Sequence[Modcod]) -> list[Modcod]:
    """Those that carry more than all that need less, by what they need: the ones worth switching between."""
    steps: list[Modcod] = []
    for modcod in sorted(table, key=lambda m: (m.es_n0_db, -m.bit_per_s_per_hz)):
        if not steps or modcod.bit_per_s_per_hz > steps[-1].bit_per_s_per_hz:
            steps.append(modcod)
    return steps


def adaptive(
    steps: Sequence[Modcod], es_n0_db: Array, hysteresis_db: float = 0.0, begins: np.ndarray | None = None
) -> Index:
    """The step of a ladder in use at each sample, where the sender follows what the receiver sees.

    es_n0_db: (times). begins: bool, which of them a link begins with, of several one after the other; None:
    it is one. A link goes down to a step that works as soon as its own does not, and up to one as soon as
    that has hysteresis_db to spare. It begins with the best that has.
    """
    needed = np.array([step.es_n0_db for step in steps])
    highest = np.searchsorted(needed, es_n0_db, side="right") - 1
    safe = np.searchsorted(needed + hysteresis_db, es_n0_db, side="right") - 1
    if begins is not None:
        highest = np.where(begins, safe, highest)
    bounds = zip(safe.tolist(), highest.tolist(), strict=True)
    used = accumulate(bounds, lambda now, bound: min(max(now, bound[0]), bound[1]), initial=NONE)
    return np.fromiter(islice(used, 1, None), np.int64, len(highest))


def planned(
    table: Sequence[Modcod], plan: Sequence[tuple[float, str]], t_s: ArrayLike, es_n0_db: ArrayLike
) -> Index:
    """The modcod in use at each time, where a plan says which: from each t_s of the plan on the named one.

    NONE before the first, and where it does not work. With one entry it is fixed.
    """
    numbers = {modcod.name: i for i, modcod in enumerate(table)}
    order = sorted(plan)
    chosen = np.array([NONE, *(numbers[name] for _, name in order)])
    now = chosen[np.searchsorted([at_s for at_s, _ in order], t_s, side="right")]
    return np.where(np.asarray(es_n0_db) >= _of(table, "es_n0_db", now, np.inf), now, NONE)


def rate_mbps(table: Sequence[Modcod], used: ArrayLike, symbol_rate_mbd: ArrayLike) -> Array:
    """What each of the used ones carries; 0 in an outage."""
    return _of(table, "bit_per_s_per_hz", used, 0.0) * np.asarray(symbol_rate_mbd, float)


def _of(table: Sequence[Modcod], field: str, used: ArrayLike, of_none: float) -> Array:
    """A field of the used ones; NONE is the last."""
    return np.array([*(getattr(modcod, field) for modcod in table), of_none])[np.asarray(used)]
