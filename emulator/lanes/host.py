"""What this machine can do: found out by trying, in namespaces that end with the trial.

Nothing here touches the machine's own network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skybed.emulator.lanes import umlkernel

_TRIAL_TIMEOUT_S = 20.0
MAPPINGS_A_NODE = 7  # of a process of a uml guest, of which each page may be one; 6.4 with 4,418 nodes


@dataclass(frozen=True)
class Answer:
    """Yes or no, true or false in a condition, and the reason in words that end a sentence."""

    yes: bool
    why: str

    def __bool__(self) -> bool:
        return self.yes


@dataclass(frozen=True)
class Choice:
    """The lane that `auto` takes: "native", "uml", or None when the machine has none; and why."""

    lane: str | None
    why: str


def find_tool(name: str) -> str | None:
    """The path of a program. An ordinary user's PATH often lacks the directories where `tc` and `ip` are, and
    everyone's that of FRR."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin:/usr/lib/frr")


@cache
def namespaces_available() -> Answer:
    """Whether this user may make network namespaces; without root that takes a user namespace as well."""
    return _try_in_namespace("true", "network namespaces can be made")


@cache
def netem_available() -> Answer:
    """Whether the running kernel has, or loads, `sch_netem`."""
    tc = find_tool("tc")
    if tc is None:
        return Answer(False, "`tc` is not installed (package iproute2)")
    return _try_in_namespace(f"{tc} qdisc add dev lo root netem delay 1ms", "the kernel has sch_netem")


@cache
def segments_available() -> Answer:
    """Whether the running kernel encapsulates with IPv6 segments, as `routing: {protocol: srv6}` wants it."""
    ip = find_tool("ip")
    if ip is None:
        return Answer(False, "`ip` is not installed (package iproute2)")
    route = "route add 192.0.2.1/32 encap seg6 mode encap segs fd5b:1::1 dev lo"
    return _try_in_namespace(f"{ip} link set lo up && {ip} {route}", "the kernel has SRv6")


def can_native() -> Answer:
    """Whether a network can be played in the running kernel: root, mnexec, namespaces and netem."""
    if os.geteuid() != 0:
        return Answer(False, "it needs root")
    if find_tool("mnexec") is None:
        return Answer(False, "`mnexec` is not installed (package mininet)")
    return namespaces_available() and netem_available()


@cache
def choose_lane() -> Choice:
    """The lane that `auto` takes here: native where it can serve, else uml."""
    native = can_native()
    if native:
        return Choice("native", "root, and the kernel has sch_netem")
    kernel = umlkernel.find_kernel()
    if kernel is None:
        return Choice(None, f"native cannot serve ({native.why}), and no User Mode Linux kernel boots")
    return Choice("uml", f"native cannot serve: {native.why}")


def memory_dir(need_mb: int) -> Path | None:
    """A directory for the memory of a User Mode Linux kernel, which maps a file there, executable.

    need_mb: its memory. The first of TMPDIR, /dev/shm, /tmp, /var/tmp that is not mounted noexec and has
    room; None when there is none. The file grows as pages are touched, and a tmpfs that fills up kills the
    kernel with SIGBUS, so room is asked for in full.
    """
    places = (os.environ.get("TMPDIR"), "/dev/shm", "/tmp", "/var/tmp")
    return next((Path(place) for place in places if place and unfit_for_memory(place, need_mb) is None), None)


def unfit_for_memory(path: str | Path, need_mb: int) -> str | None:
    """Why a User Mode Linux kernel of need_mb cannot have its memory in the directory `path`, or None."""
    if not os.access(path, os.W_OK | os.X_OK):
        return "it is not a directory that can be written"
    status = os.statvfs(path)
    if status.f_flag & os.ST_NOEXEC:
        return "it is mounted noexec"
    free_mb = status.f_bavail * status.f_frsize / 2**20
    if free_mb < need_mb:
        return f"it has {free_mb:.0f} MB free, {need_mb} MB are needed"
    return None


def most_uml_nodes() -> int:
    """Of how many nodes a sky in the uml lane may be: a process that needs more mappings of memory than the
    kernel allows is killed.
    """
    return most_mappings() // MAPPINGS_A_NODE


def most_mappings() -> int:
    """Of memory, that this machine's kernel allows a process."""
    return int(Path("/proc/sys/vm/max_map_count").read_text())


def _try_in_namespace(command: str, success: str) -> Answer:
    """Runs a shell command in a network namespace of its own."""
    unshare = find_tool("unshare")
    if unshare is None:
        return Answer(False, "`unshare` is not installed (package util-linux)")
    options = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
    try:
        done = subprocess.run(
            [unshare, *options, "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(False, f"`{command}` did not end within {_TRIAL_TIMEOUT_S:.0f} s")
    if done.returncode == 0:
        return Answer(True, success)
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
    if "qdisc kind is unknown" in said:
        return Answer(False, "the kernel has no sch_netem")
    if "encapsulation type not supported" in said or "CONFIG_LWTUNNEL is not enabled" in said:
        return Answer(False, "the kernel has no CONFIG_IPV6_SEG6_LWTUNNEL")
    return Answer(False, f"`{command}` in a new network namespace: {said}")
