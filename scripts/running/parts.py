"""Parts of a run in processes of their own: they and the player do not wait for one interpreter's lock."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NoReturn

from skybed.topologies.errors import InvalidRun, SkybedError
from skybed.topologies.model.flows import Flow
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.session import Session

PATIENCE_S = 32.0  # after the end, for answers under way and iperf3; the sky stands until traffic is done

# What is done in the process, with its end of a pipe: it makes all that takes time and sends None; receives a
# Clock, and sends None once it works by it; receives the run time that was reached, and returns facts.
Work = Callable[[Connection], dict[str, Any]]


class Forked:
    """A part in a process of its own. title: what errors call it; log: where it prints to."""

    def __init__(self, title: str, work: Work, log: Path) -> None:
        self._title, self._work, self._log = title, work, log
        self._pid = 0

    def open(self) -> None:
        """Fork it. Returns when it is ready to begin, however long that takes."""
        self._pipe, theirs = Pipe()
        self._pid = os.fork()
        if not self._pid:
            self._pipe.close()
            _live(self._work, theirs, self._log)
        theirs.close()
        self._answer()

    def begin(self, clock: Clock) -> None:
        """Returns when it works by the clock."""
        self._send(clock)
        self._answer()

    def end(self, played_s: float) -> dict[str, Any]:
        """Tell it that the run is over. Returns its facts; raises InvalidRun if it does not end well."""
        self._send(played_s)
        if not self._pipe.poll(PATIENCE_S):
            raise InvalidRun(f"The {self._title} did not end within {PATIENCE_S:g} s; see {self._log}.")
        return self._answer() or {}

    def close(self) -> None:
        """End it at once, if it is still there."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0

    def _send(self, what: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # `_answer` says so
            self._pipe.send(what)

    def _answer(self) -> dict[str, Any] | None:
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise InvalidRun(f"The {self._title} ended by itself; {self._log} tells why.") from None
        if isinstance(answer, SkybedError):
            raise answer
        return answer


def traffic(flows: Sequence[Flow], nodes: Mapping[str, NodeHandle], until_s: float, run: Path) -> Forked:
    """All traffic of a run; its tables go into `run`."""

    def work(pipe: Connection) -> dict[str, Any]:
        with Session(flows, nodes, until_s, run) as session:
            session.open()
            pipe.send(None)
            session.begin(pipe.recv())
            pipe.send(None)

            def told() -> None:
                if pipe.recv() < until_s:
                    session.loop.stop()

            session.loop.watch(pipe.fileno(), told)
            session.run()
        return session.facts()

    return Forked("traffic", work, run / "traffic.log")


def _live(work: Work, pipe: Connection, log: Path) -> NoReturn:
    status = 1
    with open(log, "w", buffering=1) as file:
        try:
            for fd in (1, 2):
                os.dup2(file.fileno(), fd)
            sys.stdout = sys.stderr = file
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for what runs at the prompt
            pipe.send(work(pipe))
            status = 0
        except SkybedError as error:
            print(error)
            pipe.send(error)
        except EOFError:  # the run is over
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
