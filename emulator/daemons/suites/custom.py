"""A daemon of the user's own: its command line, configuration and test are templates of the scenario's."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from skybed.emulator.daemons.routers import Router
from skybed.emulator.daemons.suites.suite import Process, Unfit, render_text
from skybed.emulator.lanes import host
from skybed.topologies.model.routing import Custom, Routing

if TYPE_CHECKING:
    from skybed.emulator.sky.node import SkyNode

CONFIG = "config"
ANSWER_S = 5.0


def lacking(rule: Routing) -> str:
    program = _program(_custom(rule))
    return (
        "" if host.find_tool(program) else f"{program}; it is not on root's PATH, and no such file is there"
    )


def memory_mb(rule: Routing) -> float:
    return _custom(rule).memory_mb


def prepare(_homes: Path) -> None:
    pass


def configurations(router: Router, home: Path) -> dict[str, str]:
    return {CONFIG: _filled("config", router, home)}


def processes(router: Router, home: Path) -> list[Process]:
    _words("ready", router, home)  # if it is wrong, that is told before anything runs
    command = _words("command", router, home)
    return [Process(Path(command[0]).name, "daemon.log", command)]


def version(router: Router, node: SkyNode, home: Path) -> str | None:
    """The program's name; what version it is nobody knows."""
    if ready := _words("ready", router, home):
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with node.popen(ready, **silent) as process:
            try:
                answers = process.wait(ANSWER_S) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                answers = False
        if not answers:
            return None
    return Path(_program(_custom(router.rule))).name


def _custom(rule: Routing) -> Custom:
    assert rule.custom, "checked with the scenario"
    return rule.custom


def _program(custom: Custom) -> str:
    return custom.command.split()[0]


def _words(field: str, router: Router, home: Path) -> list[str]:
    text = _filled(field, router, home)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Unfit(field, f"filled for {router.node.name}, is no command line: {error}: {text}") from None
    if "\0" in text or (field == "command" and not words):
        says = "has a NUL" if words else "is empty; name the program that is to run"
        raise Unfit(field, f"filled for {router.node.name}, {says}.")
    return words


def _filled(field: str, router: Router, home: Path) -> str:
    """The template of a field; what it names is there, which is checked with the scenario."""
    template = getattr(_custom(router.rule), field) or ""
    return render_text(template, router, home=home, config=home / CONFIG)
