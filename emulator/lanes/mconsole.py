"""Asks a uml kernel that does not end what it is doing, over its management console."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import tempfile
from pathlib import Path

UMID = "guest"
TIMEOUT_S = 5.0
# <arch/um/drivers/mconsole.h>: magic, version, length, text; error, more to come, length, text
_REQUEST, _REPLY = struct.Struct("=III512s"), struct.Struct("=III")
_MAGIC, _VERSION = 0xCAFEBABE, 2


def crash(uml_dir: Path) -> str | None:
    """End a kernel by a crash, and tell which process it was running: "python (process 34)".

    None if it does not answer, or runs none. A kernel in virtual time that hangs runs a process that never
    waits, and so cannot be asked in any way that takes a process of the guest's.
    """
    for line in _ask(uml_dir / UMID / "mconsole", b"sysrq c"):
        match = re.search(r"PID: ([1-9]\d*) Comm: (.*?) (?:Not tainted|Tainted)", line)
        if match:
            return f"{match[2]} (process {match[1]})"
    return None


def _ask(console: Path, command: bytes) -> list[str]:
    """The lines of the answer, as far as they come."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"{folder}/me")
        sock.settimeout(TIMEOUT_S)
        with contextlib.suppress(OSError):  # it has ended, or is stuck below its own interrupts
            sock.sendto(_REQUEST.pack(_MAGIC, _VERSION, len(command), command), str(console))
            more = True
            while more:
                reply = sock.recv(4096)
                _, more, length = _REPLY.unpack_from(reply)
                lines.append(reply[_REPLY.size : _REPLY.size + length].decode(errors="replace"))
    return lines
