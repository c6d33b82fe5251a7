"""The figures of a run that tell whether its network did as well as another's, side by side.

Statistics over many runs are not the matter here: two runs, one number per flow and figure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis import metrics
from analysis.run import Run

# Of flow_metrics: what is compared, with its unit ("": a count).
UNITS = {
    "rtt_p50_ms": "ms", "rtt_p99_ms": "ms", "loss_pct": "%", "outages": "", "outage_s": "s",
    "throughput_mbps": "Mbit/s",
}  # fmt: skip

Figures = dict[str, dict[str, float]]  # by flow and figure; flows and figures that were not measured lack


def figures(run: Run) -> Figures:
    """What the flows of a run experienced."""
    table = metrics.flow_metrics(run).set_index("flow")[list(UNITS)].astype(float)
    rows = {str(flow): row.dropna().to_dict() for flow, row in table.iterrows()}
    return {flow: row for flow, row in rows.items() if row}


def compare(a: Run, b: Run) -> pd.DataFrame:
    """Two runs side by side: columns flow, figure, unit, a, b, difference (b less a).

    A row for each figure that either measured, in the order of the flows of `a`; nan where one did not.
    """
    mine, other = figures(a), figures(b)
    rows = [
        (flow, figure, unit, mine.get(flow, {}).get(figure, np.nan), other.get(flow, {}).get(figure, np.nan))
        for flow in dict.fromkeys([*mine, *other])
        for figure, unit in UNITS.items()
        if figure in mine.get(flow, {}) or figure in other.get(flow, {})
    ]
    table = pd.DataFrame(rows, columns=["flow", "figure", "unit", "a", "b"])
    return table.assign(difference=table["b"] - table["a"])
