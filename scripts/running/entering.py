"""Who comes through the door of a run: a command's other end, at a second terminal."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from skybed.analysis.manifest import Manifest
from skybed.emulator.lanes import lanes
from skybed.emulator.lanes.channel import AT_ONCE, Channel
from skybed.emulator.lanes.lanes import Begun
from skybed.scripts.running import door, messages
from skybed.scripts.running.messages import Enter, Exited, Look, Printed, Seen, Typed
from skybed.topologies.errors import RunError, SkybedError
from skybed.topologies.model.closest import hint


def going_on() -> Iterator[Begun]:
    """The runs that can be entered, on this machine."""
    return (begun for begun in lanes.all_begun() if (begun.folder / door.NAME).exists())


def found(name: str) -> Begun | None:
    """What `find` finds, or None."""
    with contextlib.suppress(RunError):
        return find(name)
    return None


def find(name: str) -> Begun:
    """The run that is meant: by its directory, the last part of it, or its scenario. RunError if none is."""
    runs = list(going_on())
    wanted = Path(name).absolute()
    for meant in (
        [begun for begun in runs if begun.run == wanted],
        [begun for begun in runs if begun.run.name == name],
        [begun for begun in runs if _scenario(begun) == name],
    ):
        if len(meant) == 1:
            return meant[0]
        if meant:
            several = ", ".join(str(begun.run) for begun in meant)
            raise RunError(f"{name}: more than one run goes by this name; name one of {several}.")
    there = hint(name, [begun.run.name for begun in runs]) if runs else ""
    raise RunError(f"{name}: no such run goes on{there}; `skybed ps` lists those that do.")


def manifest(begun: Begun) -> Manifest | None:
    """What is known of it; None where it has only just begun."""
    with contextlib.suppress(SkybedError):
        return Manifest.read(begun.run)
    return None


def _scenario(begun: Begun) -> str:
    about = manifest(begun)
    return about.scenario if about else ""


def enter(begun: Begun, node: str, command: list[str], output: BinaryIO | None = None) -> int:
    """Run a command in a node, this process's input and output being its, on a terminal where both are.
    output: in the place of this process's. Returns the command's exit code.
    """
    terminal = output is None and sys.stdin.isatty() and sys.stdout.isatty()
    with _through_the_door(begun) as channel:
        size = shutil.get_terminal_size()
        term = os.environ.get("TERM", "linux") if terminal else ""
        messages.say(channel, Enter(0, node, command, term, size.lines, size.columns))
        with _raw(terminal):
            threading.Thread(target=_type, args=(channel,), daemon=True).start()
            for message in messages.said(channel):
                if isinstance(message, Printed):
                    out = sys.stderr.buffer if message.stream == 2 else output or sys.stdout.buffer
                    out.write(base64.b64decode(message.data))
                    out.flush()
                elif isinstance(message, Exited):
                    return message.code
    raise RunError(f"{begun.run}: the run ended before the command did.")


def look(begun: Begun) -> Seen:
    """What is in force on its links."""
    with _through_the_door(begun) as channel:
        messages.say(channel, Look(0))
        for message in messages.said(channel):
            if isinstance(message, Seen):
                return message
    raise RunError(f"{begun.run}: the run ended before it answered.")


@contextlib.contextmanager
def _through_the_door(begun: Begun) -> Iterator[Channel]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(begun.folder / door.NAME))
        except OSError:
            raise RunError(f"{begun.run}: the run is over.") from None
        yield Channel(connection.fileno(), listens=True)


def _type(channel: Channel) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(0, AT_ONCE):
            messages.say(channel, Typed(0, base64.b64encode(data).decode()))
        messages.say(channel, Typed(0, ""))


@contextlib.contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    """Keys go to the node as they are pressed."""
    if not terminal:
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # what was typed already is kept
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
