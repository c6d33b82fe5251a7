"""Names of nodes, which programs in the nodes look up as those of any other host."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from skybed.emulator.sky.node import SkyNode
from skybed.topologies.errors import MachineError

HOSTS = "/etc/hosts"
MS_BIND = 0x1000
LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"

_libc = ctypes.CDLL(None, use_errno=True)


def resolve(nodes: Iterable[SkyNode], file: Path) -> None:
    """Have all programs of this lane find nodes by their names: `file` stands in the place of /etc/hosts.

    A lane sees files of its own there; the machine's are left as they are.
    """
    lines = [f"{ip}\t{node.name}\n" for node in nodes for ip in (node.ip, node.ip6) if ip]
    file.write_text(LOCAL + "".join(lines))
    if _libc.mount(os.fsencode(file.resolve()), HOSTS.encode(), None, MS_BIND, None):
        error = os.strerror(ctypes.get_errno())
        raise MachineError(f"{HOSTS} cannot be replaced in the lane ({error}); run as root.")
