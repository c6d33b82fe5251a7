"""A process that leaves without taking itself apart: what it owes at its end is done all the same."""

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys
from skybed.scripts.running.leaving import leave

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()
atexit.register(print, "at exit")
print("first")
leave(3)
print("still here")
sys.exit(4)
"""
OUTSIDE = """
import sys
from skybed.scripts.cli import run
print(*sys.modules)
"""


@pytest.fixture
def said():
    """said(program, ...): its exit code and output."""

    def run(program, *words):
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    return run


def test_what_is_printed_is_out_and_what_is_due_at_exit_is_done(said):
    assert said(PROGRAM) == (3, "first\nat exit\n")


def test_who_cannot_write_what_is_left_ends_as_usual(said):
    full = PROGRAM.replace("leave(3)", "sys.stdout.close(); leave(3)").replace(
        'print("still here")', "kept = None"
    )
    assert said(full.replace('print, "at exit"', "bool"))[0] == 4


def test_a_command_that_runs_imports_nothing_that_lanes_and_reports_need(said):
    code, modules = said(OUTSIDE)
    assert code == 0
    assert not {"mininet", "pyroute2", "matplotlib", "scapy"} & {
        name.split(".")[0] for name in modules.split()
    }


SIGNALLED = """
import signal, sys
from skybed.scripts.running.leaving import interrupt_on_signals

class Dropped:
    def __del__(self):
        signal.raise_signal(getattr(signal, sys.argv[1]))
        print("not said")

interrupt_on_signals()
try:
    dropped = Dropped()
    del dropped  # what is raised in there Python drops
    while True:
        signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_that_python_drops_comes_again(said, name):
    assert said(SIGNALLED, name) == (0, "interrupted\n")


def test_who_is_told_to_ignore_that_the_terminal_is_closed_does(said):
    ignoring = f"import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n{SIGNALLED}"
    assert said(ignoring.replace("    while True:\n        signal.pause()", ""), "SIGHUP") == (
        0,
        "not said\n",
    )
