"""Into a sky that moves, from a second terminal: outside the lane.

Whoever runs a lane opens a door, a socket in a directory that only its user may enter. A visitor speaks the
messages of the lane over it; what comes and goes is passed on, under a number of its own.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skybed.emulator.lanes.channel import Channel
from skybed.scripts.running import messages
from skybed.scripts.running.messages import Enter, Exited, Leave, Look, Message, Printed, Seen, Typed
from skybed.topologies.errors import InvalidRun

NAME = "door"


class Door:
    """ask: of the inside, from any thread."""

    def __init__(self, folder: Path, ask: Callable[[Message], None]) -> None:
        self._ask = ask
        self._inside: dict[int, Channel] = {}
        self._last = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(folder / NAME))
        self._socket.listen()
        threading.Thread(target=self._welcome, daemon=True).start()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                visitor, _ = self._socket.accept()
                self._last += 1
                threading.Thread(target=self._hear, args=(visitor, self._last), daemon=True).start()

    def _hear(self, visitor: socket.socket, number: int) -> None:
        with visitor:
            channel = self._inside[number] = Channel(visitor.fileno(), listens=True)
            with contextlib.suppress(InvalidRun):  # who does not speak our language is not heard
                for message in messages.said(channel):
                    if isinstance(message, Enter | Typed | Leave | Look):
                        self._ask(replace(message, visitor=number))
            self._inside.pop(number, None)
            self._ask(Leave(number))

    def pass_on(self, message: Printed | Exited | Seen) -> None:
        """To the visitor that it is for; who has left does not hear it."""
        if channel := self._inside.get(message.visitor):
            messages.say(channel, message)

    def close(self) -> None:
        self._socket.close()
