"""Control traffic: what routing itself sent, of the table `control`, in bytes with Ethernet headers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skybed.analysis.run import Run


def summary(run: Run, busy: np.ndarray) -> pd.DataFrame:
    """A row for each protocol, and for `all` of several: packets_s and bytes_s, of the whole network; and, in
    bytes a second of one direction of a link while it stands, link_bytes_s (mean), link_max_bytes_s (of any,
    in any second), link_quiet_bytes_s and link_busy_bytes_s (mean of the seconds that are not busy, and are).

    busy: bool[seconds], see `routing.busy`. No rows where nothing was sent.
    """
    sent = run.control[run.control["t_s"] < len(busy)]
    stands_s = standing_s(run, len(busy))
    everything = sent.assign(protocol="all")
    if sent["protocol"].nunique() == 1:
        everything = everything.iloc[:0]
    rows = []
    for protocol, group in pd.concat([sent, everything]).groupby("protocol", sort=False):
        second = group["t_s"].to_numpy(int)
        by_second = np.bincount(second, group["bytes"], len(busy))
        rows.append({
            "protocol": protocol,
            "packets_s": group["packets"].sum() / run.played_s,
            "bytes_s": group["bytes"].sum() / run.played_s,
            "link_bytes_s": _share(by_second, stands_s),
            "link_max_bytes_s": float(group.groupby(["t_s", "node", "peer"])["bytes"].sum().max()),
            "link_quiet_bytes_s": _share(by_second[~busy], stands_s[~busy]),
            "link_busy_bytes_s": _share(by_second[busy], stands_s[busy]),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    "protocol", "packets_s", "bytes_s", "link_bytes_s", "link_max_bytes_s", "link_quiet_bytes_s",
    "link_busy_bytes_s",
]  # fmt: skip


def by_second(run: Run) -> pd.Series:
    """Bytes of all links together, by the second in which they left; every second of the run has a value."""
    seconds = np.arange(np.ceil(run.played_s))
    return run.control.groupby("t_s")["bytes"].sum().reindex(seconds, fill_value=0)


def standing_s(run: Run, seconds: int) -> np.ndarray:
    """For how long links stood in each second, all directions together."""
    rows = run.plan.contacts
    edges = np.arange(seconds + 1, dtype=float)
    edges[-1] = max(min(edges[-1], run.played_s), 0.0)
    # Up to each edge: how long all contacts have stood by then.
    start_s, end_s = np.sort(rows["start_s"].to_numpy()), np.sort(rows["end_s"].to_numpy())
    return 2 * np.diff(_since(start_s, edges) - _since(end_s, edges))


def _since(instants_s: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """The sum of the times that have passed since instants (sorted), at each time."""
    passed = np.searchsorted(instants_s, t_s)
    return passed * t_s - np.concatenate([[0.0], np.cumsum(instants_s)])[passed]


def _share(size: np.ndarray, stands_s: np.ndarray) -> float:
    return float(size.sum() / stands_s.sum()) if stands_s.sum() > 0 else np.nan
