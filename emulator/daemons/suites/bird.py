"""BIRD 2: one process a node."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from skybed.emulator.daemons.routers import Router
from skybed.emulator.daemons.suites.suite import Process, render
from skybed.emulator.lanes import host
from skybed.topologies.model.routing import Routing

if TYPE_CHECKING:
    from skybed.emulator.sky.node import SkyNode

CONTROL = "bird.ctl"
ANSWER_S = 2.0


def lacking(_rule: Routing) -> str:
    return "" if host.find_tool("bird") else "BIRD 2 (package bird2); `skybed install` installs it"


def memory_mb(_rule: Routing) -> float:
    return 5


def prepare(_homes: Path) -> None:
    pass


def configurations(router: Router, _home: Path) -> dict[str, str]:
    return {"bird.conf": render("bird.config", router)}


def processes(_router: Router, home: Path) -> list[Process]:
    bird = host.find_tool("bird") or "bird"
    command = [bird, "-f", "-c", str(home / "bird.conf"), "-s", str(home / CONTROL)]
    return [Process("BIRD", "bird.log", command)]


def version(_router: Router, _node: SkyNode, home: Path) -> str | None:
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(ANSWER_S)
        try:
            control.connect(str(home / CONTROL))
            greeting = control.recv(256).decode()  # 0001 BIRD 2.0.12 ready.
        except OSError:
            return None
    code, _, words = greeting.strip().partition(" ")
    return words.removesuffix(" ready.") if code == "0001" else None
