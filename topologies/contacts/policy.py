"""Access policies in Python: what a function is given at a decision, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.model import code
from skybed.topologies.model.code import Code, CodeError


class InView(NamedTuple):
    """What a node sees of which it may take a satellite: arrays of one length, in the order of names.

    t_s: run time; ahead of the decision where the end of a link is prepared. source: who decides. seed: the
    scenario's. names: of the satellites. elevation_deg: over the plane at right angles to the vertical.
    azimuth_deg: from north over east, 0 to 360. range_km. gateway_km: on to the nearest of the rule's
    gateways; 0 without any. sets_s: until it goes out of view; inf: not within a day. load: how many links
    of this rule it holds. current: place in the arrays of the one that is held; None: none, or it sets.
    """

    t_s: float
    source: str
    seed: int
    names: list[str]
    elevation_deg: Array
    azimuth_deg: Array
    range_km: Array
    gateway_km: Array
    sets_s: Array
    load: Index
    current: int | None


Policy = Callable[[InView], list[int]]


def of_code(written: Code) -> Policy:
    """The function as a policy that gives places in the arrays, best first.

    Raises CodeError, for what it raises or wrongly answers too.
    """
    function = code.loaded(written)

    def policy(view: InView) -> list[int]:
        answer = function(view)
        try:
            return _places(answer, view.names)
        except LookupError:
            shown = " ".join(str(answer).split())[:60]
            raise CodeError(
                f"{written.file}, {written.function}: it returned {shown} at {view.t_s:g} s; it must return "
                f"a list of names in view, or of numbers from 0 to {len(view.names) - 1}, best first."
            ) from None

    return policy


def _places(answer: Any, names: list[str]) -> list[int]:
    """Raises LookupError for what is no list of places or names."""
    if not isinstance(answer, list | tuple | np.ndarray):
        raise LookupError
    return [_place(item, names) for item in answer]


def _place(item: Any, names: list[str]) -> int:
    if isinstance(item, str) and item in names:
        return names.index(item)
    if isinstance(item, int | np.integer) and not isinstance(item, bool) and 0 <= item < len(names):
        return int(item)
    raise LookupError
