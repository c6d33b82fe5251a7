"""Packets that were lost one after another."""

from __future__ import annotations

import numpy as np

MIN_LOST = 2  # RFC 3357: a loss period; a single lost packet is loss, not an outage


def loss_periods(lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of lost packets (bool, in the order of sending) begin, and where they are over."""
    edge = np.diff(lost.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)


def outages(sent_s: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When outages begin (first lost packet sent) and end (next received one sent). Arrays in the order of
    sending.

    The last outage ends with the last packet where none comes through after it.
    """
    first, after = loss_periods(lost)
    long = after - first >= MIN_LOST
    return sent_s[first[long]], sent_s[np.minimum(after[long], len(sent_s) - 1)]
