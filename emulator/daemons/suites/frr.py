"""FRR 8 and newer: zebra, which fills the kernel's tables, and a process for each protocol; no watchfrr.

Since FRR 9 there is mgmtd besides, which is to hold all configurations. Ours are read by each process itself,
but all look for mgmtd as long as it is not there, a hundred times a second.

All run as root, for what they are given is in directories of root's. FRR asks that its user be in the group
that the package was built with, and a primary group counts; so that is frrvty. The sockets of a node's are
below RUNNING, in a folder of its name: FRR's pathspace. What is told to `vtysh` can be told to a running node
too: vtysh -N NODE.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from skybed.emulator.daemons.routers import Router
from skybed.emulator.daemons.suites.suite import Process, render
from skybed.emulator.lanes import host
from skybed.topologies.errors import MachineError
from skybed.topologies.model.routing import Routing

if TYPE_CHECKING:
    from skybed.emulator.sky.node import SkyNode

# Built in. BUFFERS: of logs, which stay when a process is killed. RUNNING: sockets, and counters of ospf6d.
# TOLD: what the machine's own FRR is told; mgmtd would read it.
BUFFERS, RUNNING, TOLD = "/var/tmp/frr", "/var/run/frr", "/etc/frr"
SPEAKERS = {"ospf": ["ospfd", "ospf6d"], "isis": ["isisd"], "bgp": ["bgpd"]}
MEMORY_MB = {"mgmtd": 9, "zebra": 9, "bfdd": 5, "ospfd": 7, "ospf6d": 7, "isisd": 7, "bgpd": 16}
FIRST_AS = 4_200_000_000  # of the private ones (RFC 6996)
ANSWER_S = 2.0
MS_BIND = 4096
POLL, POLL_SOURCE = "frr-poll.so", Path(__file__).with_name("frr-poll.c")
_libc = ctypes.CDLL(None, use_errno=True)


def lacking(rule: Routing) -> str:
    if not all(map(host.find_tool, _daemons(rule))):
        return "FRR (package frr); `skybed install` installs it"
    return "" if host.find_tool("gcc") else "a C compiler for FRR (package gcc); `skybed install` installs it"


def memory_mb(rule: Routing) -> float:
    return sum(MEMORY_MB[name] for name in _daemons(rule))


def prepare(homes: Path) -> None:
    for path in (BUFFERS, TOLD):
        _mount("none", path, "tmpfs", 0, "mode=700")
    _mount(str(homes), RUNNING, "", MS_BIND, "")
    gcc = host.find_tool("gcc") or "gcc"
    command = [gcc, "-shared", "-fPIC", "-O1", "-nostdlib", "-o", str(homes / POLL), str(POLL_SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{POLL_SOURCE} could not be compiled: {done.stderr.strip()}")


def _mount(what: str, path: str, kind: str, flags: int, options: str) -> None:
    """Over a directory, in this lane's mount namespace: it goes with the lane."""
    os.makedirs(path, exist_ok=True)
    if _libc.mount(what.encode(), path.encode(), kind.encode(), flags, options.encode()):
        raise MachineError(f"Mounting {what} on {path} failed: {os.strerror(ctypes.get_errno())}.")


def configurations(router: Router, _home: Path) -> dict[str, str]:
    values = {"bfd": router.rule.means.bfd, "first_as": FIRST_AS}
    names = filter(_told, _daemons(router.rule))
    return {f"{name}.conf": render(f"{name}.config", router, **values) for name in names}


def processes(router: Router, home: Path) -> list[Process]:
    poll, names = {"LD_PRELOAD": str(home.parent / POLL)}, _daemons(router.rule)
    return [Process(f"FRR's {name}", f"{name}.log", _command(name, home), poll) for name in names]


def _command(name: str, home: Path) -> list[str]:
    told = ["-f", str(home / f"{name}.conf")] if _told(name) else ["--log", "stdout"]
    program = host.find_tool(name) or name
    return [program, "-u", "root", "-g", "frrvty", "-N", home.name, "-P", "0", *told]


def _told(name: str) -> bool:
    """Whether it reads a file of ours."""
    return name != "mgmtd"


def version(router: Router, _node: SkyNode, home: Path) -> str | None:
    """Every process is asked."""
    answers = [_answer(home / f"{name}.vty") for name in _daemons(router.rule)]
    return None if None in answers else answers[0]


def _answer(path: Path) -> str | None:
    """What a process says to `show version`, up to the first bracket: FRRouting 8.4.4."""
    with socket.socket(socket.AF_UNIX) as vty:
        vty.settimeout(ANSWER_S)
        try:
            vty.connect(str(path))
            vty.sendall(b"show version\0")
            said = b""
            while b"\0\0\0" not in said and (more := vty.recv(4096)):  # three, then a byte for how it went
                said += more
        except OSError:
            return None
    return said.decode(errors="replace").split(" (")[0].strip("\0\n") or None


def _daemons(rule: Routing) -> list[str]:
    """In the order of their start."""
    managed = ["mgmtd"] if host.find_tool("mgmtd") else []
    return [*managed, "zebra", *["bfdd"] * rule.means.bfd, *SPEAKERS[rule.means.family]]
