"""A lane that runs, followed from outside: how far it is, how it ends, how it is stopped."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from skybed.emulator.lanes.lanes import LOG, Lane, shortage
from skybed.scripts.running import messages
from skybed.scripts.running.company import Company
from skybed.scripts.running.door import Door
from skybed.scripts.running.messages import Answer, Message
from skybed.scripts.running.progress import Listener
from skybed.scripts.running.watch import Watch, watched
from skybed.topologies.errors import BY_EXIT_CODE, InvalidRun, SkybedError
from skybed.topologies.plan.plan import Plan


class Limits(NamedTuple):
    """How long a lane may take on the wall, and how long it may say nothing."""

    wall_s: float
    silence_s: float


def follow(
    lanes: Sequence[Lane],
    plan: Plan,
    out: Path,
    listener: Listener,
    limits: Limits | None,
    place: Mapping[str, int] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Pass on how far lanes are that play a sky together, until they end. Returns the facts of each, the
    first's with that in `teardown_s`; none if that did not come to its end. Raises what they say of errors,
    and InvalidRun if they were killed.

    One Ctrl-C stops them early, a second at once. limits: None where the terminal is a prompt's: nothing is
    limited, and Ctrl-C is for what runs there. place: the number of the lane of each node, by its name; one
    that is not in it stands in the first.
    """
    lane, company = lanes[0], Company(lanes, place, listener)
    watching = watched(lanes, company.ask_to_stop, *limits) if limits else _unwatched(company.ask_to_stop)
    narrate, facts, interrupted = _narrator(plan, out, listener), None, False
    with watching as watch, closing(Door(lane.folder, company.ask)) as entrance:
        company.pass_on = entrance.pass_on
        company.listen()
        while True:
            try:
                for message in messages.said(lane.channel):
                    watch.heard_s = time.monotonic()
                    if isinstance(message, messages.Done):
                        facts = message.facts
                    if isinstance(message, Answer):
                        company.answer(0, message)
                    elif isinstance(message, messages.Over):
                        company.over(message.early)
                    elif isinstance(message, messages.Traffic | messages.Carried):
                        company.heard(0, message)
                    else:
                        narrate(message)
                break
            except SkybedError as error:
                raise company.error or error from None  # what came first is why
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                listener.at("stopping", 0.0, "once more Ctrl-C to kill")
                watch.ask("by a signal")
        lane.process.wait()
        if facts is not None:
            facts["teardown_s"] += time.monotonic() - watch.heard_s
            if watch.why and not (interrupted or facts["finished"]):
                facts["fallen"] = facts["fallen"] or f"The lane was asked to stop {watch.why}."
    if watch.killed:
        raise InvalidRun(f"{watch.killed} What it had written by then is in {out}.")
    return [] if facts is None else [facts, *company.facts()]


@contextlib.contextmanager
def _unwatched(ask_to_stop: Callable[[], None]) -> Iterator[Watch]:
    """While the block runs, Ctrl-C does nothing here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield Watch(ask_to_stop)
    finally:
        signal.signal(signal.SIGINT, before)


def _narrator(plan: Plan, out: Path, listener: Listener) -> Callable[[Message], None]:
    """What to do with the messages of a lane: tell how far it is, and how much faster than the clock. What it
    says of errors is raised."""
    began: list[tuple[float, float]] = []  # (clock on the wall, run time) of the first

    def narrate(message: Message) -> None:
        match message:
            case messages.Building():
                listener.at("building", 0.0, f"{len(plan.nodes)} nodes, {len(plan.links)} links")
            case messages.Converging():
                listener.at("routing", 0.0, f"{plan.scenario.routing.title} converges")
            case messages.Playing(t_s):
                t_s, wall_s = max(0.0, t_s), time.monotonic()
                if not began:
                    began.append((wall_s, t_s))
                speed = (t_s - began[0][1]) / max(wall_s - began[0][0], 1e-3)
                faster = f", {speed:.1f} times as fast as the clock" if speed > 1.5 else ""
                listener.at("playing", t_s / plan.duration_s, f"{t_s:.0f} of {plan.duration_s:g} s{faster}")
            case messages.Network():
                listener.heard(message)
            case messages.Ending():
                listener.at("ending", 0.0, "answers under way, tables")
            case messages.Refused(why, exit_code):
                raise BY_EXIT_CODE.get(exit_code, InvalidRun)(f"{why} {shortage(out)}".rstrip())
            case messages.Broken(error):
                log = f"; its traceback is in {out / LOG}" if (out / LOG).exists() else ""
                raise InvalidRun(f"A defect of skybed ended the run inside the lane, {error}{log}.")

    return narrate
