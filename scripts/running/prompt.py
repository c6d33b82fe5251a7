"""Mininet's prompt, for a moving sky."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TextIO

from mininet.cli import CLI
from mininet.log import error, output
from mininet.node import Node

from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.hand import Effect, Hand
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.standstill import Standstill
from skybed.topologies.contacts.properties import Direction
from skybed.topologies.errors import ChangeError, SkybedError

ONE_WAY = "one_way"
LINK = "Type `link NODE NODE down`, `up`, `set loss_pct=10 rate_mbps=5 delay_ms=20` or `release`."


class Prompt(CLI):
    """Knows nodes by names such as relay-0-3, of which Mininet's own takes `relay` for the command. What is
    typed after a node's name goes there as it is: programs find nodes by their names.

    typed: where commands come from, if from no terminal; they are shown then, and nothing that runs in a node
    is given what follows. standstill: of virtual time, while the prompt waits for a command.
    """

    identchars = f"{CLI.identchars}-."

    def __init__(
        self, sky: Sky, hand: Hand, clock: Clock, typed: TextIO, standstill: Standstill | None
    ) -> None:
        self._hand, self._clock, self._standstill = hand, clock, standstill
        self.use_rawinput = typed.isatty()
        super().__init__(sky, stdin=typed)

    @classmethod
    def initReadline(cls) -> None:
        """Lines are kept for the next time where there may be a file of them."""
        if os.access(Path.home(), os.W_OK):
            super().initReadline()

    def preloop(self) -> None:
        if self._standstill:
            self._standstill.begin()

    def precmd(self, line: str) -> str:
        if self._standstill:
            self._standstill.end()
        if not self.use_rawinput and line != "EOF":
            output(line.rstrip("\n") + "\n")
        command: str = super().precmd(line)
        return command

    def postcmd(self, stop: bool, _line: str) -> bool:
        self.preloop()
        return stop

    def onecmd(self, line: str) -> bool:
        """What cannot be done is a sentence."""
        try:
            return bool(super().onecmd(line))
        except SkybedError as why:
            error(f"{why}\n")
            return False

    def default(self, line: str) -> None:
        name, command, line = self.parseline(line)
        if name not in self.mn:
            error(f"There is no command and no node {name or line}; `help` and `nodes` tell what there is.\n")
        elif not command:
            error(f"Type a command for {name}: {name} ip route\n")
        else:
            node = self.mn[name]
            node.sendCmd(command)
            self.waitForNode(node)

    def waitForNode(self, node: Node) -> None:
        if self.use_rawinput:
            super().waitForNode(node)
            return
        while node.waiting:
            output(node.monitor())

    def do_link(self, line: str) -> None:
        """Change the link between two nodes, against the plan.
        link NODE NODE down               without its carrier
        link NODE NODE up                 with it, as planned
        link NODE NODE set loss_pct=10    also rate_mbps, delay_ms; loss_pct=planned: as planned again
        link NODE NODE set rate_mbps=1 one_way      from the first node to the second only
        link NODE NODE release            all as planned again"""
        match line.split():
            case [a, b, "down"]:
                said = told(self._hand.down(a, b))
            case [a, b, "up"]:
                said = told(self._hand.up(a, b))
            case [a, b, "set", *words] if words:
                direction, settings = read(words)
                said = told(self._hand.set(a, b, direction, **settings), f"has {' '.join(words)}")
            case [a, b, "release"]:
                said = told(self._hand.release(a, b), "is as planned")
            case _:
                raise ChangeError(LINK)
        output(f"{said}\n")

    def do_source(self, line: str) -> None:
        """Do the commands in a file. Usage: source FILE"""
        if Path(line.strip()).is_file():
            super().do_source(line.strip())
        else:
            error(f"There is no file {line.strip() or 'named'}; type `source FILE`.\n")

    def do_py(self, line: str) -> None:
        """Evaluate Python; `net` and the nodes are at hand. Usage: py EXPRESSION"""
        try:
            super().do_py(line)
        except SystemExit:
            error("Type `exit` to leave.\n")

    def do_wait(self, line: str) -> None:
        """Let run time pass. Usage: wait SECONDS"""
        try:
            for_s = float(line)
        except ValueError:
            for_s = math.nan
        if not 0 <= for_s < math.inf:
            error("Type `wait SECONDS`.\n")
            return
        time.sleep(for_s)
        self.do_now("")

    def do_now(self, _line: str) -> None:
        """Run time, in seconds."""
        output(f"Run time is {self._clock.now_s():.3f} s.\n")

    def do_switch(self, _line: str) -> None:
        """There are no switches: every node is a router."""
        error("There are no switches in a sky: every node is a router.\n")

    do_dpctl = do_ports = do_switch


def read(words: list[str]) -> tuple[Direction, dict[str, float | None]]:
    """What `link NODE NODE set` is told: NAME=NUMBER, NAME=planned, one_way."""
    settings: dict[str, float | None] = {}
    for word in words:
        name, _, value = word.partition("=")
        if word == ONE_WAY:
            continue
        try:
            settings[name] = None if value == "planned" else float(value)
        except ValueError:
            raise ChangeError(LINK) from None
    return Direction.THERE if ONE_WAY in words else Direction.BOTH, settings


def told(effect: Effect, now: str = "") -> str:
    """What became of a link. now: what is to be said of it, where not its carrier was changed."""
    link, since = effect.link, f"since {effect.t_s:.3f} s"
    if now:
        return f"{link} {now} {since}." + ("" if effect.stands else f" {told(effect)}")
    if effect.stands:
        return f"{link} is up {since}."
    if effect.contact:
        return f"{link} is down {since}, until `link {link.replace('--', ' ')} up`."
    held = ", and is held down then" if effect.held_down else ""
    if effect.next_contact_s is None:
        return f"{link} has no contact any more in this run."
    return f"{link} has no contact now; the next one begins at {effect.next_contact_s:.3f} s{held}."
