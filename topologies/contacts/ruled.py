"""Links that a function of the user's own decides, from where satellites are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.motion import Motion
from skybed.topologies.model import code
from skybed.topologies.model.code import Code, CodeError


def decisions(motion: Motion, nodes: Index, function: Code, times_s: Array) -> Iterator[Index]:
    """Pairs i < j of nodes, i * len(nodes) + j each, that are linked from each time to the next: what
    function(t_s, positions_km, plane, slot, names) gives. positions_km: (n, 3), TEME. Raises CodeError for
    what are no pairs, too.
    """
    links = code.loaded(function)
    members = [motion.satellites[n] for n in nodes.tolist()]
    plane, slot = (np.array([getattr(s, field) for s in members]) for field in ("plane", "slot"))
    for t_s in times_s.tolist():
        places = np.array(motion.sky.position_km(nodes, t_s))
        answer = links(t_s, places, plane.copy(), slot.copy(), [s.name for s in members])
        if wrong := _problem(answer, len(nodes)):
            raise CodeError(
                f"{function.file}, {function.function}: it gives {wrong} at {t_s:g} s; it must give pairs of "
                "numbers of satellites, an array (k, 2)."
            )
        i, j = np.sort(np.asarray(answer, np.int64).reshape(-1, 2), axis=1).T
        yield np.unique(i * len(nodes) + j)


def _problem(answer: Any, count: int) -> str | None:
    """What is wrong with an answer, if anything is."""
    try:
        pairs = np.asarray(answer)
    except ValueError:
        return "a list of lists of unequal lengths"
    if answer is None or pairs.dtype == object:
        return f"{type(answer).__name__}, no array of numbers"
    if pairs.size and (pairs.ndim != 2 or pairs.shape[1] != 2):
        return f"an array of shape {pairs.shape}"
    if pairs.size and not np.issubdtype(pairs.dtype, np.integer):
        return f"numbers of the type {pairs.dtype}"
    outside = pairs[(pairs < 0) | (pairs >= count)] if pairs.size else pairs
    if outside.size:
        return f"the satellite {outside[0]} where numbers go from 0 to {count - 1}"
    if pairs.size and (pairs[:, 0] == pairs[:, 1]).any():
        return f"a link of satellite {pairs[pairs[:, 0] == pairs[:, 1]][0, 0]} to itself"
    return None
