"""Processes of the user's own that traffic starts in nodes: their end, and bringing it about."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable

from skybed.traffic.loop import Loop

FOLDER = "programs"  # of a run directory: a folder for each program of the user's


def when_ended(loop: Loop, process: subprocess.Popen[bytes], call: Callable[[int, float], None]) -> None:
    """Call `call(exit code, CPU s)` from the loop once a process has ended; below 0: by which signal."""
    pidfd = os.pidfd_open(process.pid)

    def ended() -> None:
        os.close(pidfd)
        if process.returncode is None and (result := reap(process)):
            call(*result)

    loop.watch(pidfd, ended)


def reap(process: subprocess.Popen[bytes], options: int = 0) -> tuple[int, float] | None:
    """(exit code, CPU s) of a process that has ended; None if, by WNOHANG, it has not."""
    pid, status, usage = os.wait4(process.pid, options)
    if not pid:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def signal_all(process: subprocess.Popen[bytes] | None, number: int) -> None:
    """To a process and to all that it has started: it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        if process:
            os.killpg(process.pid, number)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        signal_all(process, signal.SIGKILL)
        process.wait()
