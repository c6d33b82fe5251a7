"""Mininet's prompt, for a moving sky."""

from __future__ import annotations

from mininet.cli import CLI
from mininet.log import error, output

from skybed.emulator.sky.hand import Effect, Hand
from skybed.emulator.sky.net import Sky
from skybed.topologies.errors import ChangeError


class Prompt(CLI):
    """Knows nodes by names such as relay-0-3, of which Mininet's own takes `relay` for the command."""

    identchars = f"{CLI.identchars}-."

    def __init__(self, sky: Sky, hand: Hand) -> None:
        self._hand = hand
        super().__init__(sky)

    def do_link(self, line: str) -> None:
        """Take the link between two nodes down, or let it be up again, as planned.
        Usage: link NODE NODE down|up"""
        match line.split():
            case [a, b, "down" | "up" as status]:
                try:
                    effect = self._hand.down(a, b) if status == "down" else self._hand.up(a, b)
                except ChangeError as why:
                    error(f"{why}\n")
                else:
                    output(f"{told(effect)}\n")
            case _:
                error("Type `link NODE NODE down` or `link NODE NODE up`.\n")


def told(effect: Effect) -> str:
    """What became of a link that was taken down, or is to be up again."""
    link, at = effect.link, f"since {effect.t_s:.3f} s"
    if effect.stands:
        return f"{link} is up {at}."
    if effect.contact:
        return f"{link} is down {at}, until you type `link {' '.join(link.split('--'))} up`."
    when = "has no contact any more in this run"
    if effect.next_contact_s is not None:
        when = f"has no contact; the next one begins at {effect.next_contact_s:.3f} s"
    held = " It is held down then too." if effect.held_down else ""
    return f"{link} {when}.{held}"
