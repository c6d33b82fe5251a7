"""A lane that is over its time on the wall, too long silent, or hurt is asked to stop, or ended."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from skybed.emulator.lanes import lanes
from skybed.emulator.lanes.lanes import Lane

LOOK_S, MOST_LOOK_S = 0.5, 2.0  # from one look at a lane to the next: the first, unless
LOOKING = 50  # so many times what a look takes is longer, as it looks at every process of a lane
GRACE_S = 25  # for a lane that was asked to stop to write its tables


@dataclass
class Watch:
    """ask_to_stop: how the lane is; heard_s: when it last said something, monotonic; why: it was asked, words
    that follow that; asked_s: when; killed: why it was, a sentence.
    """

    ask_to_stop: Callable[[], None]
    heard_s: float = field(default_factory=time.monotonic)
    why: str = ""
    asked_s: float = 0.0
    killed: str = ""

    def ask(self, why: str) -> None:
        """Once is enough."""
        if not self.why:
            self.why, self.asked_s = why, time.monotonic()
            self.ask_to_stop()


@contextlib.contextmanager
def watched(
    together: Sequence[Lane],
    ask_to_stop: Callable[[], None],
    limit_s: float,
    silence_s: float,
    grace_s: float = GRACE_S,
) -> Iterator[Watch]:
    """While the block runs, lanes that are over limit_s, of which the first is silent for silence_s, or one
    is hurt, are asked to stop. If one has not grace_s after that, by whomever, all are killed, and the
    process is named that one was running, if it spins.
    """
    began_s = time.monotonic()
    watch, over, hurt = Watch(ask_to_stop), threading.Event(), [lanes.hurt(lane) for lane in together]

    def look() -> None:
        pause_s = LOOK_S
        while not over.wait(pause_s):
            now_s = time.monotonic()
            if watch.why:
                if now_s - watch.asked_s > grace_s:
                    end()
                    return
            elif now_s - began_s > limit_s:
                watch.ask(f"after {limit_s:g} s on the wall")
            elif now_s - watch.heard_s > silence_s:
                watch.ask(f"after {silence_s:g} s without a word from it")
            elif any(is_hurt() for is_hurt in hurt):
                watch.ask("as somebody had killed one of its processes from outside")
            pause_s = min(max(LOOK_S, LOOKING * (time.monotonic() - now_s)), MOST_LOOK_S)

    def end() -> None:
        spinner = next(filter(None, map(lanes.crash, together)), None)
        spins = f" It was running {spinner} all the time, which never waits." if spinner else ""
        watch.killed = (
            f"The lane was killed: asked to stop {watch.why}, it had not {grace_s:g} s later.{spins}"
        )
        for lane in together:
            lane.process.kill()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
