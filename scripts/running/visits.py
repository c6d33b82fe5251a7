"""What is asked from a second terminal of a sky that moves: commands in its nodes, a look at its links."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable

from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.scripts.running.messages import Enter, Exited, Leave, Look, Message, Printed, Seen, Typed
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ChangeError
from skybed.topologies.model.closest import hint

AT_ONCE = 4096
NOT_FOUND = 127  # a shell's exit code for it


class Visits:
    """Those who are in a node, by number. tell: to the outside, from any thread."""

    def __init__(self, sky: Sky, clock: Clock, tell: Callable[[Message], None]) -> None:
        self._sky, self._clock, self._tell = sky, clock, tell
        self._visits: dict[int, _Visit] = {}

    def take(self, message: Enter | Typed | Leave | Look) -> None:
        """Do what a visitor asks."""
        if isinstance(message, Look):
            self._tell(self._seen(message.visitor))
        elif isinstance(message, Enter):
            if message.node not in self._sky:
                near = hint(message.node, list(self._sky))
                self._refuse(message.visitor, f"There is no node {message.node}{near}.\n", 2)
                return
            try:
                self._visits[message.visitor] = _Visit(self._sky, message, self._tell)
            except ChangeError as error:
                self._refuse(message.visitor, f"{error}\n", 2)
            except OSError as error:
                why = f"{message.command[0]}: {error.strerror}\n"
                self._refuse(message.visitor, why, NOT_FOUND)
        elif visit := self._visits.get(message.visitor):
            if isinstance(message, Typed):
                visit.type(base64.b64decode(message.data))
            else:
                visit.leave()

    def _seen(self, visitor: int) -> Seen:
        values = self._sky.link_values
        links = [
            [
                number,
                values.at(self._clock.now_s(), number).tolist(),
                [[values.holds(number, side, what) for what in Property] for side in (0, 1)],
            ]
            for number in sorted(values.in_contact())
        ]
        return Seen(visitor, self._clock.now_s(), links)

    def _refuse(self, visitor: int, why: str, code: int) -> None:
        self._tell(Printed(visitor, 2, base64.b64encode(why.encode()).decode()))
        self._tell(Exited(visitor, code))


class _Visit:
    """A command that runs, and the threads that pass on what it prints."""

    def __init__(self, sky: Sky, asked: Enter, tell: Callable[[Message], None]) -> None:
        self._number, self._tell = asked.visitor, tell
        node, environment = sky[asked.node], {**os.environ, "TERM": asked.term or "dumb"}
        if asked.term:
            ours, theirs = os.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", asked.rows, asked.columns, 0, 0))
            setsid = shutil.which("setsid") or "setsid"
            self._process = node.popen(
                [setsid, "--ctty", *asked.command], stdin=theirs, stdout=theirs, stderr=theirs,
                env=environment, start_new_session=False,
            )  # fmt: skip
            os.close(theirs)
            self._input, outputs = ours, {1: ours}
        else:
            self._process = node.popen(
                asked.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment,
            )  # fmt: skip
            pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
            self._input, out, err = (os.dup(pipe.fileno()) for pipe in pipes)
            for pipe in pipes:
                pipe.close()
            outputs = {1: out, 2: err}
        threads = [threading.Thread(target=self._pass_on, args=x, daemon=True) for x in outputs.items()]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._await, args=(threads,), daemon=True).start()

    def _pass_on(self, stream: int, descriptor: int) -> None:
        with contextlib.suppress(OSError):  # a terminal whose last program has ended
            while data := os.read(descriptor, AT_ONCE):
                self._tell(Printed(self._number, stream, base64.b64encode(data).decode()))

    def _await(self, threads: list[threading.Thread]) -> None:
        code = self._process.wait()
        for thread in threads:
            thread.join(1.0)  # a child that it left behind may hold them open
        self._tell(Exited(self._number, code if code >= 0 else 128 - code))

    def type(self, data: bytes) -> None:
        """What was typed; nothing: there will be no more."""
        with contextlib.suppress(OSError):
            if data:
                os.write(self._input, data)
            else:
                os.close(self._input)

    def leave(self) -> None:
        """The visitor has gone: so does what it ran."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(os.getpgid(self._process.pid), signal.SIGHUP)
