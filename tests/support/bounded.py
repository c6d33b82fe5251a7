"""What is tried may take so much time and memory, and no more."""

import contextlib
import resource
import signal

ROOM_BYTES = 2 << 30


class TooLongError(Exception):
    pass


@contextlib.contextmanager
def bounded(cpu_s):
    """Raises TooLongError, or MemoryError, for what takes more than cpu_s or ROOM_BYTES."""

    def end(*_):
        raise TooLongError(f"more than {cpu_s:g} s")

    with open("/proc/self/statm") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    before, limits = signal.signal(signal.SIGVTALRM, end), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, limits[1]))
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGVTALRM, before)
