"""Draw the best path between two nodes over the map, and its round trip over time.

WHAT is a scenario (a file, or a name that `skybed list` shows), the directory of a plan, or that of a run: of
a run what its probes measured between the two is shown too. The path is that of `skybed path`.

\b
  skybed draw path sc-mini --from beijing --to eo-0-0 --at 20
"""

from __future__ import annotations

import click
import pandas as pd

from skybed.analysis.pages.sky import way
from skybed.analysis.run import Run
from skybed.scripts.cli.draw import options
from skybed.scripts.cli.draw.options import Asked


@click.command("path", help=__doc__)
@options.of_an_instant(path=True)
def command(asked: Asked) -> None:
    plan, measured = options.planned(asked.what, asked.start, asked.duration_s)
    ends = options.ends(plan, asked.source, asked.target)
    assert ends is not None
    paths, probes = way.over_time(plan, ends), _probes(measured, *ends)
    options.write("path", asked, plan, lambda instant: way.picture(instant, paths, probes))


def _probes(measured: Run | None, source: str, target: str) -> pd.DataFrame | None:
    """Of a run, those between the two that came back."""
    if measured is None:
        return None
    probes = measured.probes
    return probes[(probes["src"] == source) & (probes["dst"] == target) & probes["rtt_us"].notna()]
