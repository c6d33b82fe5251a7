"""Bent pipes: satellites that a node may take only while a gateway sees them too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.margins import Intervals
from skybed.topologies.contacts.spans import Spans, common, joined, spans, union
from skybed.topologies.contacts.visibility import Conditions, margin_km
from skybed.topologies.orbits.ephemeris import Ephemeris

FAR_KM = 1e6  # to a gateway where none sees the satellite: just at an edge of its view


@dataclass(frozen=True)
class Gateway:
    """A station (node), satellites (nodes) that it may see, and what must hold for that."""

    node: int
    targets: Index
    conditions: Conditions


def both(seen: Intervals, targets: Index, theirs: list[tuple[Gateway, Intervals]]) -> Intervals:
    """When sources see targets, cut down to when a gateway does, too. seen: of all sources with all targets,
    which are nodes. theirs: when each gateway sees each of its own.
    """
    place = {int(node): n for n, node in enumerate(targets)}
    parts = []
    for gateway, sees in theirs:
        key = np.array([place[int(node)] for node in gateway.targets[sees.pair]], np.int64)
        parts.append(spans(key, sees.start_s, sees.end_s))
    by_target = union(joined(parts))
    sources = range(int(seen.pair.max(initial=-1)) // len(targets) + 1)
    of_all = joined([by_target._replace(key=by_target.key + n * len(targets)) for n in sources])
    return Intervals(*common(Spans(*seen), of_all))


def range_km(sky: Ephemeris, gateways: list[Gateway], target: ArrayLike, t_s: ArrayLike) -> Array:
    """From satellites on to the nearest gateway that sees them; the two broadcast. FAR_KM: none does."""
    target, t_s = np.broadcast_arrays(target, t_s)
    least = np.full(target.shape, FAR_KM)
    there = sky.position_km(target, t_s)
    for gateway in gateways:
        here = sky.position_km(gateway.node, t_s)
        line = there - here
        length = np.sqrt(np.einsum("...i,...i", line, line))
        sees = np.isin(target, gateway.targets) & (margin_km(gateway.conditions, here, there) > 0)
        least = np.minimum(least, np.where(sees, length, FAR_KM))
    return least
