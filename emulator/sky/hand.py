"""Changes of links by hand while a sky is played: what a script does, or somebody at the prompt.

What is changed is held against the plan until it is released; what the plan does meanwhile is then in force.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.player import Changed, Player
from skybed.topologies.contacts.properties import SIDES, Direction, Property
from skybed.topologies.errors import ChangeError
from skybed.topologies.model.closest import hint
from skybed.topologies.plan import score

# What may be held, from and up to; for the carrier that is down, for silence silent.
ALLOWED = {
    Property.CARRIER: (0.0, 0.0),
    Property.DELAY: (0.0, 60e6),
    Property.LOSS: (0.0, 100.0),
    Property.RATE: (0.001, 1e6),
    Property.SILENCE: (1.0, 1.0),
}
# How `Hand.set` calls what it changes, and how much of the property's unit is one of it.
SETTINGS = {
    "delay_ms": (Property.DELAY, 1e3), "loss_pct": (Property.LOSS, 1.0), "rate_mbps": (Property.RATE, 1.0),
}  # fmt: skip
TURNED = {Direction.THERE: Direction.BACK, Direction.BACK: Direction.THERE, Direction.BOTH: Direction.BOTH}

Values = Mapping[Property, float | None]


class Effect(NamedTuple):
    """What a change did, from t_s on. stands: whether the link has its carrier; held_down: whether it is kept
    from having it; contact: whether it has by plan. next_contact_s: where it has not, when it will; None: not
    in this run.
    """

    t_s: float
    link: str
    stands: bool
    held_down: bool
    contact: bool
    next_contact_s: float | None


class Hand:
    """Changes links of the sky that a player plays, from any other thread. by: whose hand it is.

    Nodes are told by name; a direction is from the first to the second. Each method returns once the change
    is in force. What cannot be raises ChangeError, a sentence.
    """

    def __init__(self, player: Player, by: Literal["prompt", "script"]) -> None:
        self._player, self._by = player, by
        self._numbers = {node.name: number for number, node in enumerate(player.sky.plan.nodes)}
        player.answers = True

    def down(self, a: str, b: str) -> Effect:
        """Take the carrier of a link, as a radio that loses lock."""
        return self.change(a, b, {Property.CARRIER: 0.0})

    def up(self, a: str, b: str) -> Effect:
        """Let a link have its carrier again, as planned."""
        return self.change(a, b, {Property.CARRIER: None})

    def set(
        self, a: str, b: str, direction: Direction = Direction.BOTH, /, **settings: float | None
    ) -> Effect:
        """Hold `delay_ms`, `loss_pct` or `rate_mbps` of a link; None: as planned again."""
        if unknown := settings.keys() - SETTINGS.keys():
            raise ChangeError(f"{min(unknown)} of a link cannot be set; what can is {', '.join(SETTINGS)}.")
        values = {
            SETTINGS[name][0]: None if value is None else value * SETTINGS[name][1]
            for name, value in settings.items()
        }
        return self.change(a, b, values, direction)

    def release(self, a: str, b: str) -> Effect:
        """Let all of a link be as planned again."""
        return self.change(a, b, dict.fromkeys(Property))

    def change(self, a: str, b: str, values: Values, direction: Direction = Direction.BOTH) -> Effect:
        """Hold properties of a link at values, in their units; None: as planned again."""
        link = self.number_of(a, b)
        for what, value in values.items():
            _check(what, value, direction)
        if self._numbers[a] > self._numbers[b]:
            direction = TURNED[direction]
        effect = self._player.calls.ask(partial(self._change, link, dict(values), direction))
        if effect.contact:
            return effect
        plan = self._player.sky.plan
        return effect._replace(next_contact_s=score.next_contact_s(plan, link, effect.t_s))

    def number_of(self, a: str, b: str) -> int:
        """Of the link of two nodes. Raises ChangeError if there is none in this run."""
        for name in (a, b):
            if name not in self._numbers:
                raise ChangeError(f"This sky has no node {name}{hint(name, self._numbers)}.")
        link = self._player.sky.link_between.get((self._numbers[a], self._numbers[b]))
        if link is None:
            raise ChangeError(f"{a} and {b} are never linked in this run.")
        return link

    def _change(self, link: int, values: Values, direction: Direction, clock: Clock) -> Effect:
        """In the thread of the player."""
        sky, held = self._player.sky, self._player.sky.link_values
        lost = held.holds_lost(link)
        real = {
            what: value
            for what, value in values.items()
            if value is not None or any(held.holds(link, side, what) for side in SIDES[direction])
        }
        sky.send(sky.prepare_held(link, real, direction))
        t_s = clock.now_s()
        self._player.changed += [
            Changed(t_s, link, direction, what, math.nan if value is None else value, self._by)
            for what, value in real.items()
        ]
        if held.holds_lost(link) != lost:
            self._player.detours.note(t_s, link)
        contact = held.planned(link, 0, Property.CARRIER) > 0
        held_down = held.holds(link, 0, Property.CARRIER)
        return Effect(t_s, sky.plan.links[link].name, sky.stands(link), held_down, contact, None)


def _check(what: Property, value: float | None, direction: Direction) -> None:
    name, unit, (least, most) = what.name.lower(), what.unit, ALLOWED.get(what, (0.0, math.inf))
    if not unit and direction != Direction.BOTH:
        raise ChangeError(f"The {name} of a link is that of both directions; leave the direction out.")
    if value is not None and not least <= value <= most:
        bounds = f"from {least:g} to {most:g} {unit}" if unit else f"{least:g}"
        raise ChangeError(f"The {name} of a link cannot be held at {value:g}; it can be {bounds}.")
