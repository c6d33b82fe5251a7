"""What live tests share: a program run in a kernel lane, and the skybed command."""

import contextlib
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from skybed.analysis.run import load
from skybed.emulator.lanes import lanes, umlkernel
from support.begun import Begun
from support.command import finished
from support.lane import ZERO_NS, Programs
from support.places import ROOT, SKYBED
from support.plain_netns import NAMED

PATIENCE_S = 900  # with a machine that is busy
VIRTUAL = lanes.VirtualTime(ZERO_NS, seed=1)


@pytest.fixture
def in_lane(tmp_path):
    """in_lane(source) runs a Python program in a lane; returns what it gave to answer(...).

    Time is virtual where this machine can: what is told of networks is then true however busy it is.
    """
    return Programs(tmp_path, VIRTUAL if umlkernel.built_kernel() else None)


@pytest.fixture
def in_virtual_time(tmp_path):
    """The same in virtual time, with ZERO_NS as run time 0; for tests that need it."""
    return Programs(tmp_path, VIRTUAL)


@pytest.fixture
def in_real_time(tmp_path):
    """The same in real time."""
    return Programs(tmp_path)


@pytest.fixture(scope="session")
def skybed():
    """skybed("run", ...) in this process, as imports take longer than many a run: a finished process."""

    def run(*words):
        with contextlib.chdir(ROOT):
            return finished(*words)

    return run


@pytest.fixture(scope="session")
def virtual_run(skybed, tmp_path_factory):
    """virtual_run("pair", "--duration", 5): a run of that in virtual time, which comes to its end; loaded."""

    def run(*words):
        out = tmp_path_factory.mktemp("virtual") / "run"
        done = skybed("run", *words, "--clock", "virtual", "--out", out)
        assert done.returncode == 0, done.stdout + done.stderr
        return load(out)

    return run


@pytest.fixture(scope="session")
def typed():
    """typed("run", ...) as a user types it, in a process of its own: finished, too."""

    def run(*words):
        command = [str(SKYBED), *map(str, words)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)

    return run


@pytest.fixture
def begin(tmp_path):
    """begin("run", ...): a command that has begun (support.begun), whose --out is the directory `run`."""
    begun = []

    def of(*words):
        begun.append(Begun(tmp_path, *words))
        return begun[-1]

    yield of
    for one in begun:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def machine(tmp_path):
    """What a run into tmp_path must not leave changed: called before and after, it gives equal answers."""

    def look():
        commands = (["ip", "-o", "address"], ["ip", "route", "show", "table", "all"], ["ip", "netns"])
        told = [subprocess.run(command, capture_output=True, text=True).stdout for command in commands]
        told = [re.sub(r" expires \d+sec", "", text) for text in told]  # a router advertisement counts down
        told = [re.sub(rf"^{NAMED}\d+-.*\n", "", text, flags=re.M) for text in told]  # of other tests
        mark = f"{lanes.MARK}={tmp_path}".encode()
        marked = [pid.name for pid in Path("/proc").iterdir() if pid.name.isdigit() and mark in _environ(pid)]
        records = Path(tempfile.gettempdir()).glob(f"{lanes.TEMPORARY}*/run")
        return told, marked, [record for record in records if str(tmp_path) in record.read_text()]

    return look


def _environ(process):
    try:
        return (process / "environ").read_bytes()
    except OSError:  # gone
        return b""
