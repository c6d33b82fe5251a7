"""The other hosts of a sky, as its first host sees them: a part of the run in the first one's lane.

Each is a command that runs `skybed host` there (scripts/running/hosting.py), with messages both ways over its
standard input and output. It is given the same hand-over as this lane, builds and plays its part of the sky,
and gives back what it wrote. It ends when its standard input does, so with this lane.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import queue
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.exchanges import Answering, Estimate
from skybed.emulator.sky.underlay import Underlay
from skybed.scripts.running import handover, messages, pieces
from skybed.scripts.running.messages import Message
from skybed.scripts.running.parts import PATIENCE_S, Part
from skybed.topologies.errors import BY_EXIT_CODE, InvalidRun, MachineError, SkybedError
from skybed.topologies.model.hosts import Host
from skybed.topologies.plan.score import Playable

CONNECT_S, BUILD_S, BEGIN_S = 60.0, 600.0, 10.0  # within which it is to say something
ENDING_S = 2.0  # from its last word to its end
LEAVE_S = 10.0  # for a command to end once its standard input has
SHOWN_LINES = 3

M = TypeVar("M", bound=Message)


class Other:
    """One of them: its command, and what it says. underlay: the namespace in which the command is run."""

    def __init__(self, host: Host, number: int, folder: Path, underlay: Namespace) -> None:
        self.host, self.number, self.folder = host, number, folder
        self.facts: dict[str, Any] = {}
        folder.mkdir(parents=True)
        self._log = folder / "log.txt"
        self._ours, theirs = socket.socketpair()
        command = [*host.command, host.skybed, "host"]
        with theirs, self._log.open("wb") as log, underlay.entered():
            ends = theirs.fileno()
            try:
                self._process = subprocess.Popen(
                    command, stdin=ends, stdout=ends, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise MachineError(
                    f"Host {host.name}: {command[0]} cannot be run here ({error.strerror})."
                ) from None
        self._channel = Channel(self._ours.fileno(), listens=True)
        self._said = queue.Queue[Message | None]()
        self.error: SkybedError | None = None  # why it is gone, or wants to be
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for message in messages.said(self._channel):
                self.error = self.error or self._error(message)
                self._said.put(message)
        except InvalidRun as error:
            self.error = self.error or InvalidRun(f"Host {self.host.name}: {error}")
        self.error = self.error or InvalidRun(self._last_words())
        self._said.put(None)

    def _error(self, message: Message) -> SkybedError | None:
        match message:
            case messages.Refused(why, exit_code):
                return BY_EXIT_CODE.get(exit_code, InvalidRun)(f"Host {self.host.name}: {why}")
            case messages.Broken(error):
                return InvalidRun(
                    f"A defect of skybed ended host {self.host.name}, {error}; see {self._log}."
                )
        return None

    def say(self, message: Message) -> None:
        messages.say(self._channel, message)

    def hear(self, wanted: type[M], patience_s: float) -> M:
        """What it says next. Raises what it says of errors, and InvalidRun if it is gone, or silent."""
        try:
            message = self._said.get(timeout=patience_s)
        except queue.Empty:
            message = None
        if isinstance(message, wanted):
            return message
        said = "nothing" if message is None else type(message).__name__
        raise self.error or InvalidRun(
            f"Host {self.host.name} said {said}, and {wanted.__name__} was expected within {patience_s:g} s; "
            f"see {self._log}."
        )

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_S)
        code = self._process.poll()
        lines = self._log.read_text(errors="replace").strip().splitlines()[-SHOWN_LINES:]
        if code is None:
            ended = "its command says no more"
        elif code < 0:
            ended = f"signal {-code} ended its command"
        else:
            ended = f"its command ended with code {code}"
        said = f": {' / '.join(lines)}".removesuffix(".") if lines else ""
        return f"Host {self.host.name} is gone, {ended}{said}."

    def give(self, run: Path) -> None:
        """Its hand-over, once it has greeted."""
        greeting, own = self.hear(messages.Greeting, CONNECT_S), importlib.metadata.version("skybed")
        if greeting.skybed != own:
            raise MachineError(
                f"Host {self.host.name} has skybed {greeting.skybed}, and here is {own}; install the same."
            )
        self.facts["kernel"] = greeting.kernel
        for file in handover.files_for_host(run):
            for piece in pieces.pieces(run, file):
                self.say(piece)
        self.say(messages.Stand(self.number))

    def collect(self) -> dict[str, Any]:
        """What it wrote, into its folder; its facts."""
        while True:
            message = self.hear(messages.Given | messages.Done, PATIENCE_S)  # type: ignore[arg-type]
            if isinstance(message, messages.Done):
                return message.facts
            pieces.take(self.folder, message)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ours.close()


class Others(Part):
    """All of them. plan: what of it is played here.

    They stand until this part is closed, so it is to be the last that ends.
    """

    def __init__(self, underlay: Underlay, plan: Playable, run: Path) -> None:
        self._underlay, self._plan, self._run = underlay, plan, run
        self._others: list[Other] = []
        self._answering: Answering | None = None
        self._before: list[Estimate] = []
        self._rtt_us: dict[str, dict[str, float]] = {}

    def connect(self) -> None:
        """Run the commands, give each host what it needs, and have all measure the underlay; then they build.

        To be called before this lane has names of its own: commands find their hosts by the machine's.
        """
        for number, host in enumerate(self._underlay.hosts.hosts):
            if number != self._underlay.here:
                folder = self._run / handover.ELSEWHERE / host.name
                self._others.append(Other(host, number, folder, self._underlay.namespace))
        for other in self._others:
            other.give(self._run)
        self._answering = self._underlay.answering()
        for other in self._others:
            other.hear(messages.Answers, BUILD_S)
        self._rtt_us[self._underlay.name] = self._underlay.measure(self._plan)
        for other in self._others:
            other.say(messages.Measure())
            self._rtt_us[other.host.name] = other.hear(messages.Underlay, BUILD_S).rtt_us

    def open(self) -> None:
        for other in self._others:
            other.hear(messages.Ready, BUILD_S)
        self._before = self._exchanged()

    def _exchanged(self) -> list[Estimate]:
        return [self._underlay.exchanged(other.number) for other in self._others]

    def begin(self, clock: Clock) -> None:
        for other, before in zip(self._others, self._before, strict=True):
            other.say(messages.Begin(clock.to_realtime_ns(0.0) + round(before.offset_us * 1e3)))
        for other in self._others:
            other.hear(messages.Begun, BEGIN_S)

    def fallen(self) -> str | None:
        return next((str(other.error) for other in self._others if other.error), None)

    def end(self, played_s: float) -> None:
        for other in self._others:
            if other.error:
                raise other.error
        after = self._exchanged()
        for other in self._others:
            other.say(messages.End(played_s))
        for other, first, last in zip(self._others, self._before, after, strict=True):
            other.facts |= other.collect() | {
                "offset_us": round(first.offset_us, 3),
                "drift_us": round(last.offset_us - first.offset_us, 3),
                "uncertainty_us": round(max(first.uncertainty_us, last.uncertainty_us), 3),
            }

    def facts(self) -> dict[str, Any]:
        hosts = self._underlay.hosts.hosts
        counts = np.bincount(self._underlay.place, minlength=len(hosts)).tolist()
        own = {"offset_us": 0.0, "drift_us": 0.0, "uncertainty_us": 0.0}
        of_hosts = [own, *(other.facts for other in self._others)]
        return {
            "hosts": [
                {"name": host.name, "nodes": count, "underlay_rtt_us": self._rtt_us[host.name], **facts}
                for host, count, facts in zip(hosts, counts, of_hosts, strict=True)
            ]
        }

    def close(self) -> None:
        while self._others:
            self._others.pop().close()
        if self._answering:
            self._answering.close()
