"""What a run adds to its plan on a page: its verdict, of flows of probes what was measured and is true, and
which ways traces saw.

Probes are told in bins of equal length, BINS a flow at most; where there are fewer probes each has its own. A
bin tells how many were sent and lost, the least, median and greatest round trip, and the median of the true
ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis import verdict
from skybed.analysis.measures import paths, truth
from skybed.analysis.pages.view.packing import narrow, offsets
from skybed.analysis.run import Run

BINS = 1500
COUNTED, TIMED = ("sent", "lost"), ("least_ms", "median_ms", "greatest_ms", "true_ms")


def facts(run: Run) -> dict[str, Any]:
    judged, manifest = verdict.judge(run), run.manifest
    return {
        "run": run.name, "status": judged.status, "reasons": judged.reasons, "notes": judged.notes,
        "played_s": run.played_s, "clock": manifest.clock, "lane": manifest.lane,
        "probed": truth.probes(run)["flow"].unique().tolist(),
        "traced": _traced(run),
    }  # fmt: skip


def arrays(run: Run) -> dict[str, np.ndarray]:
    """Of the flows in `probed`, one after the other: where the bins of each begin, and their columns."""
    probes = truth.probes(run)
    parts = [_binned(rows) for _, rows in probes.groupby("flow", sort=False)]
    bins = pd.concat(parts) if parts else _binned(probes)
    arrays = {
        "probe": offsets(np.array([len(part) for part in parts], int)),
        "probe_s": bins["t_s"].to_numpy(float),
    }
    for name in COUNTED:
        arrays[f"probe_{name}"] = narrow(bins[name].to_numpy(int))
    for name in TIMED:
        arrays[f"probe_{name}"] = bins[name].to_numpy("f4")
    return arrays | _paths(run)


def _paths(run: Run) -> dict[str, np.ndarray]:
    """Of the flows in `traced`: trace: where the paths of each begin; trace_s: since when one was seen;
    trace_hop: where its nodes begin; trace_node: a node and 1, 0 for one that did not answer.
    """
    seen = [paths.paths(run, name) for name in _traced(run)]
    every = pd.concat(seen) if seen else pd.DataFrame({"start_s": [], "path": []})
    names = [path.split(" > ") if path else [] for path in every["path"]]
    numbers = {node.name: number for number, node in enumerate(run.plan.nodes, 1)}
    return {
        "trace": offsets(np.array([len(part) for part in seen], int)),
        "trace_s": every["start_s"].to_numpy(float),
        "trace_hop": offsets(np.array([len(path) for path in names], int)),
        "trace_node": narrow(np.array([numbers.get(name, 0) for path in names for name in path], int)),
    }


def _traced(run: Run) -> list[str]:
    names: list[str] = run.paths["flow"].unique().tolist()
    return names


def _binned(rows: pd.DataFrame) -> pd.DataFrame:
    """t_s: when the first probe of a bin was sent; round trips in ms, nan where none came back."""
    rows = rows.sort_values("sent_s")
    bins = np.arange(len(rows))
    if len(rows) > BINS:
        first_s, last_s = rows["sent_s"].iloc[[0, -1]]
        bins = np.minimum(((rows["sent_s"] - first_s) / (last_s - first_s) * BINS).to_numpy(int), BINS - 1)
    by_bin = rows.assign(bin=bins, lost=rows["rtt_us"].isna()).groupby("bin")
    rtt_ms, true_ms = by_bin["rtt_us"], by_bin["true_rtt_us"]
    return pd.DataFrame({
        "t_s": by_bin["sent_s"].min(), "sent": by_bin.size(), "lost": by_bin["lost"].sum(),
        "least_ms": rtt_ms.min() / 1e3, "median_ms": rtt_ms.median() / 1e3, "greatest_ms": rtt_ms.max() / 1e3,
        "true_ms": true_ms.median() / 1e3,
    })  # fmt: skip
