"""How a process of ours begins and ends: without looking through what it imports, or taking that apart.

Both are work for nothing: modules stay until the end, and then the kernel takes everything. Of a short run
they were a third of a second each outside, and taking apart was as much in a guest.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator

AGAIN_S = 0.01


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """While modules are imported: the collector neither looks at what comes nor, later on, at what came."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def interrupt_on_signals() -> None:
    """Who asks the process to end, or closes its terminal, is heard as Ctrl-C is: what it made goes with it.

    What is ignored from the beginning stays so, as under `nohup`. Python drops what is raised in a destructor
    or while it forks, so what comes then comes again.
    """
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    sys.unraisablehook = _dropped


def _dropped(what: sys.UnraisableHookArgs) -> None:
    if issubclass(what.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    else:
        sys.__unraisablehook__(what)


def leave(status: int) -> None:
    """End the process, once all that is to be done at exit is done and all that was printed is out.

    Returns where it is not, for who calls to end as usual: Python then tells.
    """
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):  # a full disk, nobody who reads, a stream that is closed
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
