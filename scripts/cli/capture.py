"""Capture what crosses a link of a run that goes on, until Ctrl-C.

RUN is its directory, the last part of it, or the name of its scenario: `skybed ps` lists all. NODE is where
to listen, PEER the node at the other end of the link.

\b
  skybed capture sc-mini beijing miyun -w link.pcap
  skybed capture sc-mini beijing miyun | wireshark -k -i -
"""

from __future__ import annotations

import contextlib
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from skybed.scripts.running import entering
from skybed.topologies.errors import ScenarioError


@click.command("capture", help=__doc__)
@click.argument("run")
@click.argument("node")
@click.argument("peer")
@click.option("-w", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a pcap file.  [default: to standard output]")  # fmt: skip
def command(run: str, node: str, peer: str, file: Path | None) -> None:
    if not file and sys.stdout.isatty():
        raise ScenarioError("A capture is not for a terminal; name a file with -w, or send it on with |.")
    begun = entering.find(run)
    words = ["tcpdump", "--immediate-mode", "-Z", "root", "-U", "-n", "-i", peer, "-w", "-"]
    with ExitStack() as stack:
        output = stack.enter_context(file.open("wb")) if file else None
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        sys.exit(entering.enter(begun, node, words, output))
