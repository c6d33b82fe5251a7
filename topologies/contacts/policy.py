"""Access policies that are asked at every decision: what they are given, and what they may answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.model import code
from skybed.topologies.model.code import Code, CodeError
from skybed.topologies.model.links import Access


class InView(NamedTuple):
    """What a node sees of which it may take a satellite: arrays of one length, in the order of names.

    t_s: run time; ahead of the decision where the end of a link is prepared. source: who decides. seed: the
    scenario's. names: of the satellites. elevation_deg: over the plane at right angles to the vertical.
    azimuth_deg: from north over east, 0 to 360. range_km. gateway_km: on to the nearest of the rule's
    gateways; 0 without any. sets_s: until it goes out of view; inf: not within a day. load: how many links
    of this rule it holds. leaving: how many of these are being left. c_n_db: as the node hears it, by the
    radio of the link class and in the weather of the time; nan without one. current: place in the arrays of
    the one that is held; None: none, or it sets.
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
    leaving: Index
    c_n_db: Array
    current: int | None


Policy = Callable[[InView], list[int]]


def of_rule(access: Access) -> Policy | None:
    """Gives places in the arrays, best first. None: the rule's policy is not one that is asked.

    Raises CodeError, for what a function of the user's raises or wrongly answers too.
    """
    if isinstance(access.policy, Code):
        return of_code(access.policy)
    return partial(ASKED[access.policy], access) if access.policy in ASKED else None


def highest(access: Access, view: InView) -> list[int]:
    """By elevation; another than the current one must be higher by more than hysteresis_deg."""
    return _ascending(-view.elevation_deg, view, access.hysteresis_deg)


def least_loaded(_: Access, view: InView) -> list[int]:
    """By how many links satellites have beside this node's own, then by range. Where it leaves one for
    another, both have links more evenly than before: the other had two fewer, or less.
    """
    others = view.load - view.leaving
    if view.current is not None:
        others[view.current] -= 1
    return _ascending(others, view)


def strongest(access: Access, view: InView) -> list[int]:
    """By C/N; another than the current one must be better by more than hysteresis_db."""
    return _ascending(-view.c_n_db, view, access.hysteresis_db)


ASKED = {"highest": highest, "least-loaded": least_loaded, "strongest": strongest}


def _ascending(score: Array | Index, view: InView, hysteresis: float = 0.0) -> list[int]:
    """By a score, the current one first of those that are not less by more than the hysteresis; then by
    range.
    """
    current = np.arange(len(score)) == view.current
    order: list[int] = np.lexsort(
        (view.range_km + view.gateway_km, ~current, score - hysteresis * current)
    ).tolist()
    return order


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
