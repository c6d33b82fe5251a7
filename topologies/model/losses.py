"""Packets that were lost one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Played
from skybed.topologies.model.tables import PROBES

MIN_LOST = 2  # RFC 3357: a loss period; a single lost packet is loss, not an outage


class LossPeriods(NamedTuple):
    """Runs of lost packets: the first of each and the one after it, by their place in the order of sending,
    and when these were sent; of a run that nothing comes after, when its last was.
    """

    first: np.ndarray
    after: np.ndarray
    first_s: Array
    after_s: Array

    @property
    def long(self) -> LossPeriods:
        """Those that are outages."""
        are = self.after - self.first >= MIN_LOST
        return LossPeriods(*(column[are] for column in self))


def loss_periods(pieces: Iterable[tuple[np.ndarray, np.ndarray]]) -> LossPeriods:
    """Of packets in the order of sending, piece by piece: when each was sent, and whether it was lost."""
    none = np.empty(0, int), np.empty(0)
    begun, over, count, losing, last_s = [none], [none], 0, False, np.nan
    for sent_s, lost in pieces:
        edge = np.diff(lost.astype(np.int8), prepend=np.int8(losing))
        for found, turn in ((begun, 1), (over, -1)):
            place = np.flatnonzero(edge == turn)
            found.append((count + place, sent_s[place]))
        if len(lost):
            count, losing, last_s = count + len(lost), bool(lost[-1]), sent_s[-1]
    if losing:
        over.append((np.array([count]), np.array([last_s])))
    (first, first_s), (after, after_s) = (
        map(np.concatenate, zip(*found, strict=True)) for found in (begun, over)
    )
    return LossPeriods(first, after, first_s, after_s)


def outages(run: Played, flow: Flow) -> LossPeriods:
    """Of the probes of a flow."""
    pieces = run.pieces(flow, PROBES, ["sent_s", "lost"])
    return loss_periods((rows["sent_s"].to_numpy(), rows["lost"].to_numpy()) for rows in pieces).long
