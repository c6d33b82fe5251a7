"""Network namespaces held by a file descriptor: no process, no mount, gone when the descriptor closes."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping

from skybed.topologies.errors import MachineError

CLONE_NEWNET = 0x40000000
LEAST_INHERITED = 10  # below it are those that programs expect to be something else
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        error = ctypes.get_errno()
        raise MachineError(
            f"{what} failed: {os.strerror(error)}; run as root, or in the uml lane (--lane uml)"
        )


class Namespace:
    """A network namespace. `sysctl` values ("net.ipv4.ip_forward": 1) are written at its birth."""

    def __init__(self, sysctl: Mapping[str, object] = {}):
        with open_current() as home:
            _check(_libc.unshare(CLONE_NEWNET), "making a network namespace")
            try:
                self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                for key, value in sysctl.items():  # /proc/sys/net is the caller's namespace
                    _write(f"/proc/sys/{key.replace('.', '/')}", str(value))
            finally:
                _setns(home)

    @classmethod
    def of(cls, fd: int) -> Namespace:
        """One that somebody else made."""
        namespace = cls.__new__(cls)
        namespace.fd = fd
        return namespace

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is inside; processes that it starts and sockets that it opens stay there."""
        with open_current() as home:
            _setns(self.fd)
            try:
                yield
            finally:
                _setns(home)

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:
        with self.entered():
            return socket.socket(family, type, proto)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextlib.contextmanager
def open_current() -> Iterator[int]:
    fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def inherited() -> Iterator[int]:
    """A descriptor of the current namespace that programs get that are started meanwhile."""
    with open_current() as fd:
        kept = fcntl.fcntl(fd, fcntl.F_DUPFD, LEAST_INHERITED)
    try:
        yield kept
    finally:
        os.close(kept)


def _setns(fd: int) -> None:
    _check(_libc.setns(fd, CLONE_NEWNET), "entering a network namespace")


def _write(path: str, value: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # three system calls; open() of Python makes seven
    except FileNotFoundError:  # this kernel does not have it (IPv6 off, an older one): no reason to stop
        return
    os.write(fd, value.encode())
    os.close(fd)
