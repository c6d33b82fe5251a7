"""A part of a sky, inside a lane of another host than the first: built, and played by that one's clock."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.sky import calibrate
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.emulator.sky.underlay import Underlay
from skybed.scripts.running import handover, messages, parts, playing
from skybed.scripts.running.messages import Message
from skybed.scripts.running.newest import Newest
from skybed.topologies.errors import InvalidRun
from skybed.topologies.plan import score

OF_HOST = "build_s", "player_cpu_s", "clock_stepped_ms", "recorder"  # facts
LOOK_S = 1.0  # from one look to the next whether a part has ended by itself

M = TypeVar("M", bound=Message)


def play(options: argparse.Namespace, outside: Channel) -> dict[str, Any]:
    """Returns what the manifest says of this host. options: see scripts.running.inside."""
    run: Path = options.run
    first = First(outside)
    given = handover.take(run)
    plan, costs = given.score, given.costs
    underlay = Underlay(*handover.take_hosts(run), options.host, Namespace.of(options.underlay))
    with contextlib.closing(underlay.answering()):
        mine = score.part(plan, underlay.place == underlay.here)
        first.say(messages.Answers())
        first.hear(messages.Measure)
        first.say(messages.Underlay(underlay.measure(mine)))
        hop_cost_us = calibrate.hop_cost_us()
        sky = Sky(mine, early_us=hop_cost_us, beyond=underlay)
        playback = parts.Playback(sky, mine, run, time.monotonic())
        zero, flows = FirstsZero(None, first), plan.scenario.flows
        by_daemons = plan.scenario.routing.means.filled_by == "daemons"
        unforeseen = playing.is_unforeseen(plan.scenario)
        daemons = Daemons(sky, plan, run / handover.ROUTING, costs)
        everything = [
            playback,
            *([parts.route_recorder(sky, run, flows)] if by_daemons else []),
            *([parts.link_counter(sky, run, Newest(), plan.duration_s)] if unforeseen else []),
            parts.RoutingDaemons(daemons, math.inf, zero, lambda: None),
        ]
        sys.setswitchinterval(playing.SWITCH_S)
        follow = partial(first.follow, playback.player, everything, plan.duration_s)
        _, facts = parts.conduct(everything, zero, 0.0, follow)
    # The sky stands until this process ends, whose namespaces then go with it.
    return {
        "hop_cost_us": round(hop_cost_us, 3),
        **{name: facts[name] for name in OF_HOST if name in facts},
    }


def stand(outside: Channel) -> None:
    """Until nobody is there."""
    for _ in outside.lines():
        pass


class First:
    """The first host, at the other end of the channel."""

    def __init__(self, outside: Channel) -> None:
        self.say = partial(messages.say, outside)
        self._says = messages.said(outside)

    def hear(self, wanted: type[M]) -> M:
        message = next(self._says, None)
        if not isinstance(message, wanted):
            raise InvalidRun(
                f"The first host did not say {wanted.__name__}, it ended or said something else."
            )
        return message

    def follow(self, player: Player, everything: Sequence[parts.Part], until_s: float, clock: Clock) -> float:
        """Play until the first host ends it; returns the run time that it reached."""
        ends: list[messages.End] = []
        looked_s = 0.0

        def look(t_s: float) -> None:
            nonlocal looked_s
            if t_s - looked_s >= LOOK_S:
                looked_s = t_s
                if fallen := parts.fallen(everything):
                    raise InvalidRun(fallen)

        def listen() -> None:
            with contextlib.suppress(InvalidRun):
                ends.append(self.hear(messages.End))
            player.stopped.set()

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        self.say(messages.Begun())
        reached_s = player.play(clock, until_s, look)
        listening.join()
        if not ends:
            raise InvalidRun("The first host is gone.")
        return min(reached_s, ends[0].played_s)


@dataclass(frozen=True)
class FirstsZero(parts.Zero):
    """Run time 0 as the first host tells it, once all is ready here."""

    first: First

    def clock(self, lead_s: float) -> Clock:
        self.first.say(messages.Ready())
        return Clock(zero_ns=self.first.hear(messages.Begin).zero_ns)
