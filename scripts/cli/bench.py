"""Measure skybed beside stock Mininet, tc, Skyfield and Scapy.

\b
bring-up    time and memory of nodes and links, against Mininet
updates     delays of links, against TCIntf.config and tc
planning    a day of contacts and delays, against a loop with Skyfield
live        command to first ping; how exact a run of a scenario is
start       CPU and time of the smallest run, phase by phase
virtual     virtual time against the clock; whether runs repeat
judging     CPU and memory of judging a short run and a long one
forwarding  UDP over 1, 5 and 12 hops
generator   probes a second, against Scapy's send

±: half of what lies between the least and the greatest of the rounds.

\b
Only when named, for they take minutes, ten each, and half an hour:
accuracy    how exact runs in real time are on this machine
ns-3        CPU of playing UDP and TCP over 5 and 12 hops, against ns-3
cores       large skies in virtual time on two cores, against one
daemons     the largest sky with OSPF in every node
"""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skybed.scripts.bench import bench
from skybed.scripts.cli.terminal import Terminal

WIDTH = 80
# A blank after each: 80.
COLUMNS = {"": 32, "skybed": 7, "±": 4, "other": 7, "± ": 4, "which": 13, "ratio": 6}


@click.command("bench", help=__doc__)
@click.option("--quick", is_flag=True, help="Small sizes: to see that all of it works.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="This section; may be repeated.")
@click.option("--scenario", type=click.Path(path_type=Path), metavar="FILE",
              help="What to run live.  [default: starlink-550; quick: sc-mini]")  # fmt: skip
@click.option("--budget", "budget_s", type=click.FloatRange(min=1), metavar="SECONDS",
              help="For stock Mininet to come up in.  [default: 120; quick: 2]")  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), metavar="N",
              help="How often each is measured.  [default: 3; quick: 2]")  # fmt: skip
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="Where all of it is measured.")  # fmt: skip
@click.option("--json", "json_file", type=click.File("w", lazy=False), metavar="FILE",
              help="Write all figures there; - is standard output, instead of tables.")  # fmt: skip
@click.option("--page", "page_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a page of it there, in Markdown, to send to others.")  # fmt: skip
def command(
    quick: bool, names: tuple[str, ...], scenario: Path | None, budget_s: float | None, rounds: int | None,
    lane: str, json_file: TextIO | None, page_file: Path | None,
) -> None:  # fmt: skip
    sizes = bench.sizes(quick, scenario=scenario, budget_s=budget_s, rounds=rounds)
    measured = bench.run(names, lane, sizes)
    if json_file is not None:
        json.dump(measured, json_file, indent=2)
    if page_file is not None:
        page_file.write_text(page(measured))
    if json_file is None or json_file.name != "<stdout>":
        render(measured, Terminal())


def render(measured: dict[str, Any], console: Console) -> None:
    """Print what the benchmark measured in 80 columns: each section a table under its sentence."""
    console.print(Text(textwrap.fill(_head(measured), WIDTH)))
    for section in measured["sections"].values():
        console.print(Text("\n" + textwrap.fill(section["about"], WIDTH), "bold"))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for name, width in COLUMNS.items():
            table.add_column(name, width=width, justify="left" if name in ("", "which") else "right")
        for row in section["figures"]:
            table.add_row(*_cells(row))
        console.print(table)
        for note in section.get("notes", ()):
            console.print(Text(textwrap.fill(note, WIDTH)))


def page(measured: dict[str, Any]) -> str:
    """The same as Markdown, with what the machine tells of itself."""
    facts = {"kernel": measured["host_kernel"], "Python": measured["python"]} | measured["machine"]
    lines = [_head(measured), "", *(f"* {name}: {value}" for name, value in facts.items())]
    for section in measured["sections"].values():
        lines += ["", f"## {section['about']}", ""]
        lines += [f"| {' | '.join(map(str.strip, COLUMNS))} |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in section["figures"]]
        lines += [f"\n{note}" for note in section.get("notes", ())]
    return "\n".join(lines) + "\n"


def _head(measured: dict[str, Any]) -> str:
    load = " to ".join(f"{load:g}" for load in measured["host_load_1m"])
    machine = f"{measured['cpu_count']} CPUs ({measured['cpu']}), load {load}, {measured['started_utc']}"
    return f"skybed {measured['skybed']}, {measured['lane']} lane, {machine}"


def _cells(row: dict[str, Any]) -> list[str]:
    """Of a figure, by COLUMNS."""
    sides = [(number(row[side]), spread(row["samples"][side])) for side in ("skybed", "other")]
    ratio = "" if row["ratio"] is None else number(row["ratio"])
    return [row["what"], *itertools.chain(*sides), row["against"], ratio]


def spread(samples: Sequence[float | None]) -> str:
    """Half of what lies between the least and the greatest, of their mean."""
    known = [value for value in samples if value is not None]
    if len(known) < 2 or not sum(known):
        return ""
    return f"{100 * (max(known) - min(known)) / (max(known) + min(known)):.0f}%"


def number(value: float | None) -> str:
    """Three significant digits, or all before the point where there are more."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"
