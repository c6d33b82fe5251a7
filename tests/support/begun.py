"""A command of skybed's that runs until somebody of it is killed; nothing may be left of it then."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.places import ROOT

END_S = 30.0  # that a run may take from the signal on
PATIENCE_S = 120  # for a moment to come
ALL = ("KILL", "TERM", "HUP", "QUIT", "INT INT")


def heard():
    """In a child: no signal is ignored, as some are in the background of a script."""
    for name in {name for how in ALL for name in how.split()} - {"KILL"}:
        signal.signal(signal.Signals[f"SIG{name}"], signal.SIG_DFL)


class Begun:
    """A command of skybed's that runs: in a session of its own, as in a terminal."""

    def __init__(self, folder, *words):
        self.out, self._said = folder / "run", folder / "said.txt"
        program = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]
        with open(self._said, "w") as said:
            self.process = subprocess.Popen(
                [*program, *map(str, words), "--out", self.out], cwd=ROOT, stdout=said, stderr=said,
                start_new_session=True, preexec_fn=heard,
            )  # fmt: skip

    @property
    def said(self):
        return self._said.read_text()

    @property
    def played_s(self):
        with contextlib.suppress(OSError):
            return json.loads((self.out / "manifest.json").read_text())["played_s"]
        return 0.0

    def wait_for(self, come):
        """Until a moment has come, or the end."""
        until_s = time.monotonic() + PATIENCE_S
        while not come() and self.process.poll() is None:
            assert time.monotonic() < until_s, self.said
            time.sleep(0.01)

    def ends(self):
        """Its exit code, in time."""
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it goes on {END_S:g} s later: {self.said}")


def children(pid):
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            found += map(int, path.read_text().split())
    return found


def lanes_of(run):
    return [pid for pid in children(run.process.pid) if b"mem=" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def send(pid, how):
    for name in how.split():
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.kill(pid, signal.Signals[f"SIG{name}"])
        time.sleep(0.1)


def nothing_is_left(before, machine, tmp_path):
    """No process, folder or mount of a lane; what ends with its skybed may take a moment."""
    until_s = time.monotonic() + END_S
    while (now := machine()) != before and time.monotonic() < until_s:
        time.sleep(0.1)
    assert now == before
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
