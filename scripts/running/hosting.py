"""`skybed host`: what runs on another host than the first one of a run, outside of the lane there.

It speaks with the first host over standard input and output, and passes on what that and the lane tell each
other; of files it takes those that come, and gives those that the lane wrote.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from skybed.emulator.kernel import netns
from skybed.emulator.lanes import host, lanes
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.lanes.lanes import Lane
from skybed.scripts.running import handover, messages, pieces
from skybed.topologies.errors import InvalidRun, MachineError, SkybedError
from skybed.topologies.model.tables import APPLIED, CARRIED, CONTROL, ROUTES

FOLDER = "part"  # the run directory here
TABLES = APPLIED, ROUTES, CONTROL, CARRIED  # those of which each host writes a part


def serve() -> int:
    """One run; returns the exit code."""
    first = Channel(sys.stdin.fileno(), listens=True, writes=sys.stdout.fileno())
    messages.say(first, messages.Greeting(importlib.metadata.version("skybed"), os.uname().release))
    try:
        with lanes.temporary(Path.cwd()) as folder:
            _serve(first, folder / FOLDER)
    except SkybedError as error:
        messages.say(first, messages.Refused(str(error), error.exit_code))
        return error.exit_code
    return 0


def _serve(first: Channel, run: Path) -> None:
    run.mkdir()
    number = _taken(first, run)
    if not (native := host.can_native()):
        raise MachineError(f"no sky can be played there: {native.why}; run `skybed doctor` there.")
    with netns.inherited() as underlay:
        program = [sys.executable, "-m", "skybed.scripts.running.inside", str(run)]
        command = [*program, f"--underlay={underlay}", f"--host={number}"]
        with lanes.running("native", command, run, memory_mb=0) as begun:
            threading.Thread(target=_pass_on, args=(first, begun), daemon=True).start()
            for message in messages.said(begun.channel):
                if isinstance(message, messages.Done):
                    for piece in _made(run):
                        messages.say(first, piece)
                messages.say(first, message)
            begun.process.wait()
    for log in (*sorted(run.glob("*.log")), run / lanes.LOG):
        sys.stderr.write(log.read_text(errors="replace"))


def _made(run: Path) -> Iterator[messages.Given]:
    """What was written there, and is wanted here."""
    tables = [file for table in TABLES if (file := run / f"{table.name}.parquet").exists()]
    said = sorted(path for path in (run / handover.ROUTING).rglob("*") if path.is_file())
    for file in (*tables, *said):
        yield from pieces.pieces(run, file)


def _taken(first: Channel, run: Path) -> int:
    """Files, and then the number of this host."""
    for message in messages.said(first):
        match message:
            case messages.Given():
                pieces.take(run, message)
            case messages.Stand(number):
                return number
            case _:
                break
    raise InvalidRun("`skybed host` is run by `skybed run --hosts`, which says what is to stand here.")


def _pass_on(first: Channel, lane: Lane) -> None:
    """To the lane, until the first host is gone; then the lane ends, too."""
    with contextlib.suppress(OSError):  # the lane has ended
        for line in first.lines():
            lane.channel.send(line)
    lane.process.kill()
