"""Mininet's prompt, for a moving sky."""

from __future__ import annotations

from mininet.cli import CLI


class Prompt(CLI):
    """Knows nodes by names such as relay-0-3, of which Mininet's own takes `relay` for the command."""

    identchars = f"{CLI.identchars}-."
