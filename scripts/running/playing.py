"""A run in a lane: build the sky, play it, cross it with traffic, write tables."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.sky import calibrate, names
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.hand import Hand
from skybed.emulator.sky.net import Beyond, Sky
from skybed.emulator.sky.player import Player
from skybed.emulator.sky.standstill import Standstill
from skybed.scripts.running import handover, messages, parts, script
from skybed.scripts.running.messages import Message
from skybed.scripts.running.newest import Newest
from skybed.scripts.running.prompt import Prompt
from skybed.scripts.running.script import Script
from skybed.scripts.running.visits import Visits
from skybed.topologies.errors import InvalidRun
from skybed.topologies.model import kinds
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.plan import score

LEAD_S = 1.0  # in real time, from when all is ready to run time 0, for every part to be told when that is
SWITCH_S = 0.0005  # between Python's threads: none is to keep the player waiting

Tell = Callable[[Message], None]


def play(options: argparse.Namespace, outside: Channel) -> dict[str, Any]:
    """Returns what the manifest says of the inside. options: see scripts.running.inside."""
    for file in options.kinds:
        kinds.load(file)
    run: Path = options.run
    tell, zero = partial(messages.offer, outside), parts.Zero(options.zero_ns)
    started_s = time.monotonic()
    plan, packets, grace_s, costs, tasks, bundles = handover.take(run)
    own = script.take(run)
    loaded_s = time.monotonic()
    tell(messages.Building())
    hop_cost_us = calibrate.hop_cost_us()
    building_s = time.monotonic()
    of_traffic, of_links = Newest(), Newest()
    virtual = Clock(zero_ns=options.zero_ns)
    mine, others = plan, list[parts.Part]()
    beyond: Beyond | None = None
    may_part = threading.Event()
    with ExitStack() as closing:
        if options.underlay is not None:
            from skybed.emulator.kernel.netns import Namespace  # all of which most runs need not
            from skybed.emulator.sky.underlay import Underlay
            from skybed.scripts.running.others import Others

            beyond = underlay = Underlay(*handover.take_hosts(run), 0, Namespace.of(options.underlay))
            mine = score.part(plan, underlay.place == underlay.here)
            of_hosts = Others(underlay, mine, run)
            closing.callback(of_hosts.close)
            of_hosts.connect()
            others.append(of_hosts)
        if options.kernel is not None:
            from skybed.emulator.sky.wires import Wires

            place, one_way_us = handover.take_kernels(run)
            beyond = Wires(place, options.kernel, one_way_us)
            mine = score.part(plan, place == options.kernel)
            others.append(parts.Company(partial(messages.say, outside), may_part, plan.duration_s))
        sky = Sky(mine, early_us=hop_cost_us, zero_ns=virtual.zero_ns, beyond=beyond)
        closing.callback(sky.stop)
        here = frozenset(node.name for node in sky.nodes_here)
        captured = [pair for pair in plan.scenario.capture if pair[0] in here]
        names.resolve(sky.sky_nodes, run / "hosts")
        playback = parts.Playback(sky, mine, run, building_s)
        daemons = Daemons(sky, plan, run / handover.ROUTING, costs)
        by_daemons = plan.scenario.routing.means.filled_by == "daemons"
        ahead_s = plan.scenario.routing.ahead_s if by_daemons else math.inf
        flows = plan.scenario.flows
        unforeseen = is_unforeseen(plan.scenario) or own or options.interactive
        everything = [
            playback,
            *([parts.link_counter(sky, run, of_links, options.report_every)] if unforeseen else []),
            *([parts.capturer(sky, captured, run)] if captured else []),
            parts.RoutingDaemons(daemons, ahead_s, zero, partial(tell, messages.Converging())),
            *([parts.route_recorder(sky, run, flows)] if by_daemons else []),
            parts.traffic(
                flows,
                sky,
                packets,
                plan.duration_s,
                run,
                grace_s,
                plan,
                tasks,
                bundles,
                here,
                of_traffic,
                options.report_every,
            ),
            *([Script(own, playback.player, plan.duration_s, run)] if own else []),
            *others,
        ]

        def until_the_end(clock: Clock) -> float:
            asked = Asked(
                outside, playback.player.stopped, Visits(sky, clock, partial(messages.say, outside)), may_part
            )
            signal.signal(signal.SIGTERM, lambda *_: playback.player.stopped.set())
            sys.setswitchinterval(SWITCH_S)
            typed = sys.stdin if options.terminal else asked.typed()
            asked.start()
            if options.interactive:
                played_s = _prompt(sky, playback.player, clock, plan.duration_s, typed)
            else:
                newest = (of_traffic, of_links)
                report = _reporter(outside, options.report_every, playback.player, newest, everything)
                played_s = playback.player.play(clock, plan.duration_s, report)
            asked.check()
            tell(messages.Ending())
            return played_s

        played_s, facts = parts.conduct(everything, zero, LEAD_S, until_the_end)
    return {
        "kernel": os.uname().release,
        "played_s": played_s,
        "finished": played_s >= plan.duration_s and not facts["fallen"],
        "load_s": loaded_s - started_s,
        "hop_cost_us": round(hop_cost_us, 3),
        **facts,
    }


def is_unforeseen(scenario: ScenarioModel) -> bool:
    """Whether links carry more than is known of each of its flows by itself."""
    traffic, flows = scenario.traffic, scenario.flows
    # what tasks and bundles send meets other flows
    beside = (traffic and scenario.tasks) or len({flow.routed for flow in traffic}) > 1
    return bool(beside) or any(flow.OPEN for flow in flows)


class Asked(threading.Thread):
    """Does what the outside asks: to stop, to take what is typed at the prompt, to let visitors in."""

    def __init__(
        self, outside: Channel, stopped: threading.Event, visits: Visits, may_part: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._outside, self._stopped, self._visits = outside, stopped, visits
        self._may_part = may_part
        self._error: InvalidRun | None = None
        self._typing = -1

    def typed(self) -> TextIO:
        """What is typed. To be called once all parts have their processes: these would keep it open."""
        typed, self._typing = os.pipe()
        return os.fdopen(typed, errors="replace")

    def run(self) -> None:
        try:
            for message in messages.said(self._outside):
                match message:
                    case messages.Enter() | messages.Typed() | messages.Leave() | messages.Look():
                        self._visits.take(message)
                    case messages.Stop():
                        self._stopped.set()
                    case messages.Part():
                        self._may_part.set()
                    case messages.Command(""):
                        os.close(self._typing)
                    case messages.Command(line):
                        os.write(self._typing, line.encode(errors="replace"))
                    case _:
                        raise InvalidRun(f"The inside of a lane cannot be asked for {message}.")
        except InvalidRun as error:
            self._error = error
            self._stopped.set()

    def check(self) -> None:
        """Raise InvalidRun if something was asked that is no message."""
        if self._error:
            raise self._error


def _prompt(sky: Sky, player: Player, clock: Clock, until_s: float, typed: TextIO) -> float:
    """Mininet's prompt while the sky moves; at the end of the scenario the sky stands still until `exit`."""
    reached: list[float] = []
    standstill = Standstill() if clock.virtual else None
    thread = threading.Thread(target=lambda: reached.append(player.play(clock, until_s)))
    thread.start()
    moves = f"the sky moves for {until_s:g} s"
    if standstill:
        moves += ", only while a command runs or you `wait`"
    clock.sleep_until(0.0)
    print(f"*** {len(sky)} nodes; {moves}. Try: {_example(sky)}; then: exit", flush=True)
    Prompt(sky, Hand(player, "prompt"), clock, typed, standstill)
    if standstill:
        standstill.close()
    player.stopped.set()
    thread.join()
    return reached[0]


def _example(sky: Sky) -> str:
    names = list(sky)
    return f"{names[-1]} ping -c 3 {names[0]}"


def _reporter(
    outside: Channel,
    every_s: float,
    player: Player,
    newest: Sequence[Newest],
    everything: Sequence[parts.Part],
) -> Callable[[float], None]:
    """Tells how far it is and what it has come to, and ends the run when a part of it has ended.

    That is told whoever looks at it, and nobody waits until it is heard: so it makes no difference to a run.
    """
    last = [-every_s]

    def report(t_s: float) -> None:
        if t_s - last[0] >= every_s:
            last[0] = t_s
            told = [messages.encoded(messages.Playing(round(t_s, 3)))]
            told.append(messages.encoded(_of_network(t_s, player)))
            told += [line for one in newest if (line := one.take())]
            outside.offer(b"\n".join(told))
            if parts.fallen(everything):
                player.stopped.set()

    return report


def _of_network(t_s: float, player: Player) -> messages.Network:
    values, late_s = player.sky.link_values, player.take_late_s()
    held = [[link, side, what, values.in_force[link, side, what]] for link, side, what in values.held()]
    links = len(values.in_contact())
    counts = player.applied, player.late, player.skipped
    return messages.Network(round(t_s, 3), round(late_s * 1e6, 1), *counts, links, held)
