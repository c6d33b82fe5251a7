"""A lane that is over its time on the wall, or says nothing for too long, is asked to stop, or ended."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from skybed.emulator.lanes import lanes
from skybed.emulator.lanes.lanes import Lane

LOOK_S = 0.5  # from one look at a lane to the next
GRACE_S = 30  # for a lane that was asked to stop to write its tables


@dataclass
class Watch:
    """heard_s: when the lane last said something, monotonic; killed: why it was, a sentence."""

    heard_s: float
    killed: str = ""


@contextlib.contextmanager
def watched(
    lane: Lane, ask_to_stop: Callable[[], None], limit_s: float, silence_s: float, grace_s: float = GRACE_S
) -> Iterator[Watch]:
    """While the block runs, a lane that is over limit_s, or silent for silence_s, is asked to stop. If it has
    not grace_s later, it is killed, and the process named that it was running, if that spins.
    """
    began_s = time.monotonic()
    watch, over = Watch(began_s), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            now_s = time.monotonic()
            if now_s - began_s > limit_s:
                end(f"after {limit_s:g} s on the wall")
            elif now_s - watch.heard_s > silence_s:
                end(f"after {silence_s:g} s without a word from it")
            else:
                continue
            return

    def end(why: str) -> None:
        ask_to_stop()
        if over.wait(grace_s):
            return
        spinner = lanes.crash(lane)
        spins = f" It was running {spinner} all the time, which never waits." if spinner else ""
        watch.killed = f"The lane was killed: asked to stop {why}, it had not {grace_s:g} s later.{spins}"
        lane.process.kill()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
