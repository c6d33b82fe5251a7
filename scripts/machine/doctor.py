"""What this machine has of what skybed needs, found out by trying, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from skybed.emulator.lanes import host, umlkernel

INSTALL = "run `skybed install`"
UML_MEMORY_MB = 1024  # what a small scenario's kernel asks for
UML_NODES = 2000
MEMORY_GB = 3.5
CORES = 2


@dataclass(frozen=True)
class Check:
    """One thing looked at. needed_for: "everything", "native", "uml", "the prompt's iperf", "captures",
    "routing", "native srv6" or "comfort".
    """

    name: str
    ok: bool
    found: str
    remedy: str  # what to do if it is not ok
    needed_for: str


def examine() -> list[Check]:
    """All checks, the lane that `auto` chooses last. Takes about a second; changes nothing."""
    looks: tuple[Callable[[], Check], ...] = (
        _python, packages, _root, _namespaces, _netem, _mnexec, _kernel, _kernel_memory, _mappings,
        _iperf3, _tshark, _bird, _frr, _segments, _memory, _cores, _lane,
    )  # fmt: skip
    return [look() for look in looks]


def exit_code(checks: list[Check]) -> int:
    """4 when a scenario cannot be run here, else 0: what only the other lane needs may be lacking."""
    return 0 if all(check.ok for check in checks if check.needed_for == "everything") else 4


def _python() -> Check:
    version = sys.version.split()[0]
    return Check("python", sys.version_info >= (3, 11), version, "use Python 3.11 or newer", "everything")


def packages() -> Check:
    """Whether what skybed requires is installed, in whatever version."""
    name = "python packages"
    try:
        wanted = importlib.metadata.requires("skybed") or []
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "skybed itself is not installed", "install it with pip", "everything")
    names = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in wanted if "extra ==" not in line]
    there = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    missing = [package for package in names if package.lower() not in there]
    summary = f"missing: {', '.join(missing)}" if missing else f"all {len(names)}"
    return Check(name, not missing, summary, f"run `pip install {' '.join(missing)}`", "everything")


def _root() -> Check:
    root = os.geteuid() == 0
    return Check("root", root, "yes" if root else "no", "use sudo; the uml lane does without", "native")


def _namespaces() -> Check:
    answer = host.namespaces_available()
    return Check("network namespaces", answer.yes, answer.why, "use sudo, or the uml lane", "native")


def _netem() -> Check:
    answer = host.netem_available()
    remedy = "install its module (Ubuntu: linux-modules-extra-$(uname -r)), or use the uml lane"
    return Check("sch_netem", answer.yes, answer.why, remedy, "native")


def _mnexec() -> Check:
    path = host.find_tool("mnexec")
    remedy = f"{INSTALL} (package mininet)"
    return Check("mnexec", path is not None, path or "not installed", remedy, "native")


def _kernel() -> Check:
    kernel = umlkernel.find_kernel()
    if kernel is None:
        summary = "none that boots"
        if os.access(umlkernel.PACKAGED, os.X_OK):
            summary += f" ({umlkernel.PACKAGED} does not)"
        return Check("uml kernel", False, summary, "run `skybed install --kernel`", "uml")
    failure = umlkernel.boot_failure(kernel.path) if kernel.built else None
    if failure is not None:
        last = failure.splitlines()[-1] if failure else "it printed nothing"
        remedy = f"see what it prints: run {kernel.path} by hand; it needs ptrace and /proc"
        return Check("uml kernel", False, f"{kernel.path} does not boot: {last}", remedy, "uml")
    return Check("uml kernel", True, f"Linux {kernel.version}, boots, {kernel.path}", "", "uml")


def _kernel_memory() -> Check:
    folder = host.memory_dir(UML_MEMORY_MB)
    if folder is not None:
        return Check("uml memory", True, f"{folder} has room and may hold programs", "", "uml")
    shm = host.unfit_for_memory("/dev/shm", UML_MEMORY_MB)
    remedy = "mount -o remount,exec,size=4G /dev/shm, or set TMPDIR to a directory with room"
    return Check("uml memory", False, f"/dev/shm: {shm}; /tmp and /var/tmp neither", remedy, "uml")


def _mappings() -> Check:
    nodes = host.most_uml_nodes()
    found = f"vm.max_map_count is enough for {nodes:,} nodes"
    remedy = "run `sysctl -w vm.max_map_count=1048576` as root"
    return Check("uml mappings", nodes >= UML_NODES, found, remedy, "uml")


def _iperf3() -> Check:
    path = host.find_tool("iperf3")
    return Check(
        "iperf3", path is not None, _version(path), f"{INSTALL} (package iperf3)", "the prompt's iperf"
    )


def _tshark() -> Check:
    path = host.find_tool("tshark")
    return Check("tshark", path is not None, _version(path), f"{INSTALL} (package tshark)", "captures")


def _bird() -> Check:
    path = host.find_tool("bird")
    remedy = f"{INSTALL} (package bird2); without it no routing by BIRD"
    return Check("bird", path is not None, _version(path), remedy, "routing")


def _segments() -> Check:
    answer = host.segments_available()
    return Check("srv6", answer.yes, answer.why, "use --lane uml", "native srv6")


def _frr() -> Check:
    path = host.find_tool("zebra")
    remedy = f"{INSTALL} (package frr); without it no routing by FRR"
    return Check("frr", path is not None, _version(path), remedy, "routing")


def _memory() -> Check:
    total_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    remedy = "keep to scenarios of some 100 nodes, or give the machine 4 GB"
    return Check("memory", total_gb >= MEMORY_GB, f"{total_gb:.1f} GB", remedy, "comfort")


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    remedy = "expect invalid runs under load: one core plays the events, another carries traffic"
    return Check("cores", cores >= CORES, str(cores), remedy, "comfort")


def _lane() -> Check:
    choice = host.choose_lane()
    summary = f"auto takes {choice.lane or 'none'}: {choice.why}"
    return Check("lane", choice.lane is not None, summary, INSTALL, "everything")


def _version(path: str | None) -> str:
    """The version that a program says it has."""
    if path is None:
        return "not installed"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return f"{number[0]}, {path}" if number else path
