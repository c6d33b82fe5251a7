"""The parts of a run, and how they are conducted: opened, begun by one clock, ended, closed."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NoReturn, Protocol

from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.sky import capture, carried, recorder, tables
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.scripts.running import messages
from skybed.scripts.running.newest import Newest
from skybed.topologies import files
from skybed.topologies.bundles.outlook import Outlook
from skybed.topologies.errors import InvalidRun, SkybedError
from skybed.topologies.model.flows import Flow
from skybed.topologies.plan.score import Playable
from skybed.topologies.tasks.prospect import Prospect
from skybed.traffic import crossings
from skybed.traffic.crossings import Crossings
from skybed.traffic.nodes import NodeHandle

ALIGNED_S = 0.2  # in virtual time daemons start at a whole step of this: imports before it take some time
CONVERGENCE_S = 90.0  # for routing daemons to find all routes before run time 0, by the real clock
READY_S = 3.0  # in virtual time, what the other parts are left to get ready in
PATIENCE_S = 32.0  # after the end and the grace; the sky stands until traffic is done


class Part(Protocol):
    """What goes on in a run, beside what else does. What it raises ends the run."""

    def open(self) -> None:
        """Make all that takes time; returns when it is ready to begin. Parts before it are."""

    def begin(self, clock: Clock) -> None:
        """Work by this clock from now on; run time 0 is ahead."""

    def fallen(self) -> str | None:
        """A sentence, if it has ended by itself and should not have."""
        return None

    def end(self, played_s: float) -> None:
        """The run is over, at this run time: finish, and write what is to be kept."""

    def facts(self) -> dict[str, Any]:
        """For the manifest, once it has ended."""
        return {}

    def close(self) -> None:
        """Leave nothing behind, however far it came."""


@dataclass(frozen=True)
class Zero:
    """Run time 0. at_ns: of CLOCK_REALTIME, in virtual time; None: in real time, soon after all are ready."""

    at_ns: int | None

    def align(self, step_s: float) -> None:
        """In virtual time, wait for the next whole step: what took a little longer is to leave no trace."""
        if self.at_ns is not None:
            time.sleep(-time.time_ns() % round(step_s * 1e9) / 1e9)

    def await_run_time(self, t_s: float) -> None:
        """In virtual time, wait for a run time before 0, if it is not over yet."""
        if self.at_ns is not None:
            time.sleep(max(0.0, (self.at_ns - time.time_ns()) / 1e9 + t_s))

    def clock(self, lead_s: float) -> Clock:
        """All are ready. lead_s: in real time, from now to run time 0."""
        return Clock(lead_s, self.at_ns, virtual=self.at_ns is not None)

    @property
    def convergence_s(self) -> float:
        """How long routing may take to converge."""
        return CONVERGENCE_S if self.at_ns is None else (self.at_ns - time.time_ns()) / 1e9 - READY_S


def conduct(
    parts: Sequence[Part], zero: Zero, lead_s: float, play: Callable[[Clock], float]
) -> tuple[float, dict[str, Any]]:
    """One run of all parts. Returns the run time that was reached, and the facts of all.

    lead_s: in real time, from when all are ready to run time 0. play: what goes on while they work; returns
    the run time that was reached. Further facts: `fallen`, a sentence about who ended by itself, or None;
    `clock_stepped_ms`, `teardown_s`.
    """
    with ExitStack() as closing:
        for part in parts:
            closing.callback(part.close)
            part.open()
        clock = zero.clock(lead_s)
        for part in parts:
            part.begin(clock)
        if (late_s := clock.now_s()) > 0:
            raise InvalidRun(
                f"The run was ready {late_s:.1f} s after run time 0, what was to happen by then is missing; "
                f"{'run it again' if zero.at_ns is None else 'take fewer flows'}."
            )
        played_s = play(clock)
        for part in parts:
            part.end(played_s)
        stepped_ms = round(clock.stepped_ms(), 3) + 0.0  # no -0
        facts: dict[str, Any] = {"fallen": fallen(parts), "clock_stepped_ms": stepped_ms}
        for part in parts:
            facts |= part.facts()
        torn_s = time.monotonic()
    return played_s, facts | {"teardown_s": time.monotonic() - torn_s}


def fallen(parts: Sequence[Part]) -> str | None:
    """A sentence about a part that has ended by itself, if there is one."""
    return next(filter(None, (part.fallen() for part in parts)), None)


# -- the parts -----------------------------------------------------------------------------------------


class Playback(Part):
    """The player of a sky, of which the building began at building_s, monotonic. `player.play` is for who
    conducts, in the main thread, where nothing makes it wait.
    """

    def __init__(self, sky: Sky, plan: Playable, run: Path, building_s: float) -> None:
        self._plan, self._run, self._building_s = plan, run, building_s
        self._tables = ExitStack()
        self.player = Player(sky, plan, self._tables.enter_context(tables.log(plan, run)))
        self.player.allowed_s = plan.scenario.fidelity.late_ms / 1e3

    def open(self) -> None:
        self.player.open()
        gc.collect()
        gc.freeze()  # to look through all that a large sky is made of takes the collector 0.2 s at a time
        self._build_s = time.monotonic() - self._building_s

    def begin(self, clock: Clock) -> None:
        pass

    def end(self, played_s: float) -> None:
        self.player.close(played_s)
        self._tables.close()
        tables.write_changed(self._plan, self.player.changed, self._run)

    def facts(self) -> dict[str, Any]:
        return {"build_s": self._build_s, "player_cpu_s": round(self.player.cpu_s, 3)}

    def close(self) -> None:
        pass


class Company(Part):
    """Other kernels that play the sky, too: this one stands until the traffic of all is over, which who is
    outside knows. It is to be the last that ends.
    """

    def __init__(
        self, say: Callable[[messages.Message], None], may_part: threading.Event, until_s: float
    ) -> None:
        self._say, self._may_part, self._until_s = say, may_part, until_s

    def open(self) -> None:
        pass

    def begin(self, clock: Clock) -> None:
        pass

    def end(self, played_s: float) -> None:
        self._say(messages.Over(played_s < self._until_s))
        self._may_part.wait()

    def close(self) -> None:
        pass


class RoutingDaemons(Part):
    """Daemons in all nodes, ahead_s before run time 0. looked: called at each look at whether they have
    converged.
    """

    def __init__(self, daemons: Daemons, ahead_s: float, zero: Zero, looked: Callable[[], None]) -> None:
        self._daemons, self._ahead_s, self._zero, self._looked = daemons, ahead_s, zero, looked

    def open(self) -> None:
        self._zero.await_run_time(-self._ahead_s)
        self._zero.align(ALIGNED_S)
        began_s = time.monotonic()
        self._daemons.start()
        self._daemons.await_convergence(self._zero.convergence_s, self._looked)
        self._converge_s = time.monotonic() - began_s
        self._zero.align(1)

    def begin(self, clock: Clock) -> None:
        pass

    def fallen(self) -> str | None:
        return self._daemons.fallen()

    def end(self, played_s: float) -> None:
        pass

    def facts(self) -> dict[str, Any]:
        return self._daemons.facts() | {"converge_s": self._converge_s}

    def close(self) -> None:
        self._daemons.stop()


# What is done in a process of its own, with its end of a pipe: it makes all that takes time and sends None;
# receives a Clock, and sends None once it works by it; receives the run time that was reached, returns facts.
Work = Callable[[Connection], dict[str, Any]]


class Forked(Part):
    """A part in a process of its own: it and the player do not wait for one interpreter's lock. title: what
    errors call it; log: where it prints to; patience_s: how long it may take to end."""

    def __init__(self, title: str, work: Work, log: Path, patience_s: float = PATIENCE_S) -> None:
        self._title, self._work, self._log, self._patience_s = title, work, log, patience_s
        self._pid = 0
        self._facts: dict[str, Any] = {}

    def open(self) -> None:
        self._pipe, theirs = Pipe()
        self._pid = os.fork()
        if not self._pid:
            self._pipe.close()
            _live(self._work, theirs, self._log)
        theirs.close()
        self._answer()

    def begin(self, clock: Clock) -> None:
        self._send(clock)
        self._answer()

    def fallen(self) -> str | None:
        ended = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return f"The {self._title} ended by itself; see {self._log}." if ended and ended.si_status else None

    def end(self, played_s: float) -> None:
        self._send(played_s)
        if not self._pipe.poll(self._patience_s):
            raise InvalidRun(f"The {self._title} did not end within {self._patience_s:g} s; see {self._log}.")
        self._facts = self._answer() or {}

    def facts(self) -> dict[str, Any]:
        return self._facts

    def close(self) -> None:
        if self._pid:
            self._pipe.close()
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
            raise InvalidRun(f"The {self._title} ended by itself; see {self._log}.") from None
        if isinstance(answer, SkybedError):
            raise answer
        return answer


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
            pipe.send(error)
            print(error)
        except EOFError:  # the run is over
            pass
        except OSError as error:
            if error.errno in files.FULL:
                pipe.send(files.refused(error, error.filename or log.parent))
            traceback.print_exc()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)


def route_recorder(sky: Sky, run: Path, flows: Sequence[Flow]) -> Forked:
    """Of what daemons do. flows: the traffic of the run, which is not theirs."""
    return Forked(
        "recorder", partial(recorder.record, sky, run, *crossings.ports(flows)), run / "recorder.log"
    )


def link_counter(sky: Sky, run: Path, newest: Newest, every_s: float) -> Forked:
    """Of what links carry. newest: is told it every_s of run time, a line with a `messages.Carried`."""

    def tell(t_s: float, rows: list[carried.Row]) -> None:
        links = [[node, peer, round(size * 8e-6, 4)] for _, node, peer, _, size in rows]
        newest.tell(messages.encoded(messages.Carried(t_s, links)))

    return Forked("counter", partial(carried.record, sky, run, tell, every_s), run / "counter.log")


def capturer(sky: Sky, pairs: Sequence[tuple[str, str]], run: Path) -> Forked:
    """Of links that the scenario wants captured: pairs of a node and a neighbour of its."""
    begin_ns = round(sky.plan.scenario.begin.timestamp() * 1e9)
    work = partial(capture.record, sky, pairs, begin_ns, run)
    return Forked("capturer", work, run / "capture.log")


def traffic(
    flows: Sequence[Flow],
    nodes: Mapping[str, NodeHandle],
    packets: Mapping[str, bytes],
    until_s: float,
    run: Path,
    grace_s: float,
    plan: Playable | None,
    prospect: Prospect | None,
    outlook: Outlook | None,
    here: frozenset[str] | None,
    newest: Newest,
    every_s: float,
) -> Forked:
    """All traffic of a run; its tables go into `run`. packets, grace_s: what `crossings` gave; prospect: of
    tasks; outlook: of bundles; here: see Crossings; newest: is told every_s of run time what it has come to,
    a line with a `messages.Traffic`.
    """

    def tell(t_s: float, flows: dict[str, Any]) -> None:
        newest.tell(messages.encoded(messages.Traffic(t_s, flows)))

    def work(pipe: Connection) -> dict[str, Any]:
        with Crossings(flows, nodes, packets, until_s, run, grace_s, plan, prospect, outlook, here) as every:
            every.open()
            pipe.send(None)
            every.begin(pipe.recv())
            pipe.send(None)

            def stop_if_early() -> None:
                if pipe.recv() < until_s:
                    every.loop.stop()

            every.loop.watch(pipe.fileno(), stop_if_early)
            every.report(every_s, tell)
            every.run()
        return {"traffic": every.facts()}

    return Forked("traffic", work, run / "traffic.log", PATIENCE_S + grace_s)
