"""Where a step is done: rules that choose one of some nodes, and functions of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.calls import counted
from skybed.topologies.model.code import Code, CodeError, loaded


class Choice(NamedTuple):
    """What a rule can look at, of each node that may do the step, in the order in which they are listed.

    t_s: now. size: bytes that would go there. delay_s: one-way, by the path there now; 0 at home, inf: none.
    begins_s: when there is a way there, from now on, or of bundles when the first byte could be there; inf:
    never again. arrives_s: when all would be there, if nothing else were sent. queue_s: of its computer.
    compute_s: that the job takes there. done_s: when it would be done, behind its queue and with the pauses
    that its battery makes. product_s: when by the contact plan the product would be with its receiver.
    behind_s: the same, behind what is to go there from here before it, and all that waits there, or is on its
    way there, to go on.
    """

    t_s: float
    size: int
    nodes: list[str]
    delay_s: Array
    begins_s: Array
    arrives_s: Array
    queue_s: Array
    compute_s: Array
    product_s: Array
    behind_s: Array
    done_s: Array


Rule = Callable[[Choice], int]


def nearest(choice: Choice) -> int:
    """The least delay; where there is no way now, who can be reached first."""
    return _least(choice.delay_s, choice.begins_s)


def least_loaded(choice: Choice) -> int:
    """The shortest queue of those that can be reached now; then the nearest."""
    here = np.where(np.isfinite(choice.delay_s), choice.queue_s, np.inf)
    return _least(here, choice.delay_s, choice.begins_s)


def soonest(choice: Choice) -> int:
    """Where the job would be done first, with queues and batteries as they are."""
    return _least(choice.done_s, choice.arrives_s, choice.begins_s)


def first(choice: Choice) -> int:
    """Where there is a way first, then the nearest."""
    return _least(choice.begins_s, choice.delay_s)


def earliest(choice: Choice) -> int:
    """Where by the contact plan the product would be with its receiver first."""
    return _least(choice.product_s, choice.arrives_s)


def withhold(choice: Choice) -> int:
    """The same, behind all that waits on its way: not the first station if a later one brings it sooner."""
    return _least(choice.behind_s, choice.product_s)


RULES: Mapping[str, Rule] = {
    "nearest": nearest, "least-loaded": least_loaded, "soonest": soonest, "first": first,
    "earliest": earliest, "withhold": withhold,
}  # fmt: skip
AGAIN = frozenset(("first", "withhold"))  # asked again while nothing has been sent, as ways open


def of(rule: str | Code) -> Rule:
    """By its name, or the user's own: a function of a Choice that gives the number of a node."""
    if isinstance(rule, str):
        return RULES[rule]
    function = loaded(rule, counted)  # in virtual time the clock stands still meanwhile

    def own(choice: Choice) -> int:
        try:
            number = function(choice)
        except CodeError as error:
            raise ScenarioError(f"A task's rule cannot be used: {error}") from None
        if (
            isinstance(number, bool)
            or not isinstance(number, int | np.integer)
            or not 0 <= number < len(choice.nodes)
        ):
            raise ScenarioError(
                f"A task's rule, {rule}, gave {number!r}; it must give the number of one of "
                f"{len(choice.nodes)} nodes, from 0."
            )
        return int(number)

    return own


def _least(*keys: Array) -> int:
    """The first by these, one after the other."""
    return int(np.lexsort(keys[::-1])[0])
