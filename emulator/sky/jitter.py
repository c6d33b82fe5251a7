"""How jitter is distributed, as a table that netem draws from.

Each packet is later than its delay by what is drawn for it: 0 or more, on average the link's jitter. Packets
keep their order, since a link has a rate: netem lets none leave before the one in front.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.model.draws import Distribution
from skybed.topologies.model.links import JitterShape
from skybed.topologies.orbits import chance

ENTRIES = 2048
SCALE = 8192  # netem's: an entry of so much is one time its jitter
MOST = 32_767  # of an entry
SIGMA = 1 / 3  # of normal jitter, in means: what would be before 0 is one packet in 740
EXPONENT = 3.0  # of Pareto jitter, from which on its variance is finite


class Table(NamedTuple):
    """Entries as netem reads them; one_us: what netem is to be told as its jitter for a mean of 1 us."""

    entries: bytes
    one_us: float


def of(shape: JitterShape | Distribution | None) -> Table:
    """The table of a distribution, of which only the shape counts; None: of a link without jitter."""
    if shape is None:
        return Table(b"", 1.0)
    return _table(shape if isinstance(shape, str) else shape.model_dump_json())


@cache
def _table(shape: str) -> Table:
    later = means(shape)
    unit = MOST / later.max()
    return Table(np.round(later * unit).astype("<i2").tobytes(), SCALE / unit)


def means(shape: str) -> Array:
    """What is drawn, in means: ENTRIES numbers, each as likely. shape: a name, or a Distribution as JSON."""
    share = (np.arange(ENTRIES) + 0.5) / ENTRIES
    if shape == "exponential":
        drawn = -np.log1p(-share)
    elif shape == "uniform":
        drawn = share
    else:
        known = {"normal": Distribution(normal=(1.0, SIGMA)), "pareto": Distribution(pareto=(1.0, EXPONENT))}
        drawn = chance.quantile(known.get(shape) or Distribution.model_validate_json(shape), share)
    return drawn / max(drawn.mean(), np.finfo(float).tiny)
