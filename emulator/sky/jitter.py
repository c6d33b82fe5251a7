"""Jitter as netem draws it: from a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skybed.topologies.contacts import jitter
from skybed.topologies.model.draws import Distribution
from skybed.topologies.model.links import JitterShape

SCALE = 8192  # netem's: an entry of so much is one time its jitter
MOST = 32_767  # of an entry


class Table(NamedTuple):
    """Entries as netem reads them; one_us: what netem is to be told as its jitter for a mean of 1 us."""

    entries: bytes
    one_us: float


def of(shape: JitterShape | Distribution | None) -> Table:
    """The table of a distribution; None: of a link without jitter."""
    if shape is None:
        return Table(b"", 1.0)
    later = jitter.means(shape)
    unit = MOST / later.max()
    return Table(np.round(later * unit).astype("<i2").tobytes(), SCALE / unit)
