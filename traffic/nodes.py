"""What traffic needs of the emulation: a node to open sockets in and a clock. No more."""

from __future__ import annotations

import socket
import subprocess
from typing import Any, Protocol


class NodeHandle(Protocol):
    """A node of the emulated network."""

    @property
    def name(self) -> str: ...

    @property
    def ip(self) -> str:
        """The node's IPv4 loopback address, reachable over the routes of the sky."""

    @property
    def ip6(self) -> str:
        """The same for IPv6."""

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:
        """A socket opened inside the node; it stays there whatever the caller does next."""

    def popen(self, args: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
        """A process inside the node; the pid is that of the process itself."""


class Clock(Protocol):
    """Run time, in s since the scenario's epoch; negative before the run starts."""

    def now_s(self) -> float: ...

    def sleep_until(self, t_s: float) -> None: ...

    def from_realtime_ns(self, ns: Any) -> Any:
        """Kernel time stamps (CLOCK_REALTIME, ns, a number or an array) as run time in s."""

    def to_realtime_ns(self, t_s: Any) -> Any:
        """Run time in s as CLOCK_REALTIME ns."""


def address(node: NodeHandle, family: int) -> str:
    """The loopback address of a node. family: 4 or 6."""
    return node.ip if family == 4 else node.ip6


def bound_socket(node: NodeHandle, family: int, kind: int, proto: int = 0, port: int = 0) -> socket.socket:
    """A non-blocking socket inside the node, bound to its loopback address. family: 4 or 6."""
    sock = node.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind, proto)
    try:
        sock.setblocking(False)
        sock.bind((address(node, family), port))
    except BaseException:
        sock.close()
        raise
    return sock
