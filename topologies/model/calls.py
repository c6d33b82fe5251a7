"""Calls of functions that a user has brought: one that does not return is ended.

By the clock, or where that stands still while code is at work (virtual time, in which no processor time is
seen either) by the steps of Python that it has run.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

LONGEST_S = 15.0  # that a call may take
LOOK_S = 1.0  # how often somebody looks
MOST_STEPS = 20_000_000  # instructions and lines of Python that a call may run which is counted

T = TypeVar("T")

_begun_s: dict[int, float] = {}  # of the calls that go on: when, by the thread
_ending = threading.Lock()  # held by who takes a call out of these, and by who ends one
_looking: list[threading.Thread] = []


class EndlessError(Exception):
    """Raised where a call is that has taken more than LONGEST_S, or MOST_STEPS."""


class _Enough(BaseException):
    """Few catch it."""


def limited(call: Callable[[], T]) -> T:
    """What a call returns. Raises EndlessError, with the traceback of where it was, if it does not return.

    A call in the main thread is ended whatever it does. In another thread it is ended as soon as it is in
    Python: while it waits in the system, or for a library in C, nobody can.
    """
    thread, begun_s = threading.get_ident(), time.monotonic()
    if not (_looking and _looking[-1].is_alive()):  # the first call; or in a process that was forked
        _looking[:] = [threading.Thread(target=_look, daemon=True)]
        _looking[-1].start()
    _begun_s[thread] = begun_s
    try:
        try:
            return call()
        finally:
            _over(thread)
    except (EndlessError, KeyboardInterrupt) as error:
        _over(thread)  # once more: it may have come in the way of the first
        if time.monotonic() - begun_s <= LONGEST_S:
            raise  # Ctrl-C
        took_s = round(time.monotonic() - begun_s)
        raise EndlessError(f"it was still at work after {took_s} s").with_traceback(
            error.__traceback__
        ) from None


def counted(call: Callable[[], T]) -> T:
    """What a call returns. Raises EndlessError after MOST_STEPS, on any machine the same ones; what a library
    in C does counts as one.
    """
    left = MOST_STEPS

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        nonlocal left
        # A loop may stay in one line, which Python 3.11 tells once; 3.13 tells no instruction of some loops.
        frame.f_trace_lines = frame.f_trace_opcodes = True
        left -= 1
        if left < 0:
            raise _Enough
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return call()
    except _Enough as enough:
        says = f"it was still at work after {MOST_STEPS:,} steps"
        raise EndlessError(says).with_traceback(enough.__traceback__) from None
    finally:
        sys.settrace(before)


def _over(thread: int) -> None:
    with _ending:
        _begun_s.pop(thread, None)


def _look() -> None:
    while True:
        time.sleep(min(LOOK_S, LONGEST_S))
        now_s = time.monotonic()
        with _ending:
            for thread, begun_s in list(_begun_s.items()):
                if now_s - begun_s > LONGEST_S:
                    _end(thread)


def _end(thread: int) -> None:
    """Have an exception raised in a thread. Who catches it there gets another, a second later."""
    ctrl_c = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ctrl_c and thread == threading.main_thread().ident:
        with contextlib.suppress(ProcessLookupError):
            signal.pthread_kill(thread, signal.SIGINT)
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(EndlessError))
