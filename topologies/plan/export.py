"""A plan's contacts for other programs: a CSV table, and a contact plan for ION's `ionadmin`.

The format follows from the ending of the file. ION's is that of its manual page ionrc(5).
"""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Callable

import numpy as np
import pandas as pd

from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits.ephemeris import Array
from skybed.topologies.plan.plan import Plan

COARSE_S = 10.0  # between the instants at which the least and the greatest delay are first looked for
FINE = 101  # instants around each; between two of them a delay differs by nanoseconds
BYTES_S_PER_MBPS = 125_000


def contact_table(plan: Plan) -> pd.DataFrame:
    """A row for each contact, in the order of its start; delay_ms is at its start. a and b are names."""
    a, b = (np.array([plan.nodes[n].name for n in end], object) for end in plan.network.ends)
    kind = np.array([link.kind for link in plan.links], object)
    rate_mbps = np.array([link.link_class.rate_mbps for link in plan.links], float)
    contacts = plan.contacts.sort_values(["start_s", "link"], ignore_index=True)
    link, start_s, end_s = (contacts[name].to_numpy() for name in ("link", "start_s", "end_s"))
    delays_ms = np.array([_delays_ms(plan, *contact) for contact in zip(link, start_s, end_s, strict=True)])
    delays_ms = delays_ms.reshape(-1, 3).round(6)
    return pd.DataFrame(
        {
            "a": a[link],
            "b": b[link],
            "start_s": start_s.round(6),
            "end_s": end_s.round(6),
            "start_utc": _utc(plan, start_s),
            "end_utc": _utc(plan, end_s),
            "delay_ms": delays_ms[:, 0],
            "delay_min_ms": delays_ms[:, 1],
            "delay_max_ms": delays_ms[:, 2],
            "rate_mbps": rate_mbps[link],
            "kind": kind[link],
        }
    )


def _delays_ms(plan: Plan, link: int, start_s: float, end_s: float) -> tuple[float, float, float]:
    """Delay at the start of a contact, least and greatest."""
    coarse_s = np.linspace(start_s, end_s, int((end_s - start_s) / COARSE_S) + 2)
    coarse = plan.delay_s(link, coarse_s)
    near = []
    for at in (int(coarse.argmin()), int(coarse.argmax())):
        around_s = coarse_s[max(at - 1, 0) : at + 2]
        near.append(plan.delay_s(link, np.linspace(around_s[0], around_s[-1], FINE)))
    return float(coarse[0]) * 1e3, float(near[0].min()) * 1e3, float(near[1].max()) * 1e3


def _utc(plan: Plan, t_s: Array) -> list[str]:
    epoch = plan.scenario.begin
    return [f"{epoch + dt.timedelta(seconds=t):%Y-%m-%dT%H:%M:%S.%fZ}" for t in t_s.tolist()]


def csv(plan: Plan) -> str:
    """The table of contacts as CSV."""
    return contact_table(plan).to_csv(index=False, lineterminator="\n")


def ion(plan: Plan) -> str:
    """The contacts as commands of ionadmin, each in both directions.

    ION counts in whole seconds, of time and of distance: a contact begins at the next and ends at the last
    whole second within it, and one-way light time is rounded, which makes it 0 up to half a second.
    """
    table = contact_table(plan)
    epoch = plan.scenario.begin
    ahead_s = epoch.microsecond / 1e6  # ION's reference time is a whole second
    start_s = np.ceil((table.start_s + ahead_s).round(6)).astype(int)
    end_s = np.floor((table.end_s + ahead_s).round(6)).astype(int)
    whole = end_s > start_s
    lines = [
        f"# Contact plan of {plan.scenario.name} by skybed, for ionadmin.",
        "# Times are seconds after the reference time, which is when ionadmin starts. For the times of the",
        f"# scenario put this before the first contact: @ {epoch:%Y/%m/%d-%H:%M:%S}",
        "# Rates are bytes/s, ranges light seconds. ION knows whole seconds only.",
    ]
    if not whole.all():
        lines.append(f"# Left out: {(~whole).sum()} contacts that no whole second lies in.")
    lines += [f"# node {n}: {node.name}" for n, node in enumerate(plan.nodes, start=1)]
    for at in np.flatnonzero(whole):
        row = table.iloc[at]
        ends = plan.index[row.a] + 1, plan.index[row.b] + 1
        rate = max(int(row.rate_mbps * BYTES_S_PER_MBPS), 1)
        owlt_s = round((row.delay_min_ms + row.delay_max_ms) / 2000)
        for one, other in (ends, ends[::-1]):
            lines.append(f"a contact +{start_s[at]} +{end_s[at]} {one} {other} {rate}")
        for one, other in (ends, ends[::-1]):
            lines.append(f"a range +{start_s[at]} +{end_s[at]} {one} {other} {owlt_s}")
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Plan], str]] = {".csv": csv, ".ionrc": ion}


def check(path: pathlib.Path) -> None:
    """Raise ScenarioError if the file cannot become an export: before the plan is worked out."""
    if path.suffix not in FORMATS:
        raise ScenarioError(f"{path} cannot be exported to: its name must end in {' or '.join(FORMATS)}.")
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a directory" if path.is_dir() else "there is no such directory"
        raise ScenarioError(f"{path} cannot be written ({why}); name another file with --export.")


def write(plan: Plan, path: pathlib.Path) -> None:
    """Write the contacts in the format that the file's ending names; a file that is there is replaced."""
    check(path)
    try:
        path.write_text(FORMATS[path.suffix](plan), encoding="utf-8")
    except OSError as error:
        why = error.strerror
        raise ScenarioError(f"{path} cannot be written ({why}); name another file with --export.") from None
