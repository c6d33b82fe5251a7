"""Reordering by RFC 4737, section 3.3 (Type-P-Reordered)."""

from __future__ import annotations

import numpy as np


def reordered(sequence: np.ndarray, next_expected: int = 0) -> np.ndarray:
    """Which packets came late: those numbered below one that arrived before them.

    sequence: sequence numbers in order of arrival, duplicates removed. next_expected: one more than the
    highest number that arrived earlier still. Returns bool, same shape. RFC 4737 section 3.3: a packet
    is reordered when its number is less than NextExp, the highest so far plus one.
    """
    sequence = np.asarray(sequence, dtype=np.int64)
    highest = np.maximum.accumulate(np.concatenate([[next_expected - 1], sequence]))[:-1]
    return sequence < highest + 1
