"""What probes came to, each held to its truth: all of them are gone through once, and are not held.

So a run of days is judged in the memory of one of minutes.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.analysis.measures import truth
from skybed.analysis.run import Run, kept
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.samples import Sample

STRETCHED = 1.05
CHANCE = ["packets", "lost", "by_links", "variance"]  # what of packets the links were to lose, and did


class Errors(NamedTuple):
    """|measured - true| of n probes that met no load; nan of none."""

    n: int
    p50_us: float
    p99_us: float
    max_us: float


class Stretch(NamedTuple):
    """Path stretch: measured round trip over that of the oracle's path at the time, of the n probes that have
    both, and met no load. above_pct: those above STRETCHED. nan of none.
    """

    n: int
    p50: float
    p99: float
    above_pct: float


class Late(NamedTuple):
    """Of stamped probes over links with jitter, on the way there: how much later they were on average, and
    were to be; the standard error of that; least_us: the earliest, against a packet without jitter.
    """

    flow: str
    n: int
    mean_us: float
    meant_us: float
    error_us: float
    least_us: float


class OfFlow(NamedTuple):
    """counts: of its probes, how many are `loaded`; were lost though a path stood (`unexpected_lost`, on a
    known way), or came back though none did (`unexpected_back`); are `judged` for loss, without load and on a
    known way; and are `back`, of these, though no path stood. chance: of the rest of these, CHANCE by the
    classes of links that lose packets ("": none does).
    """

    true_rtt_p50_us: float
    true_rtt_p99_us: float
    errors: Errors
    stretch: Stretch
    counts: Counter[str]
    chance: pd.DataFrame
    late: Late | None


class Probed(NamedTuple):
    """owd_errors: of both directions. flows: by name, in the order of the table."""

    rtt_errors: Errors
    owd_errors: Errors
    stretch: Stretch
    flows: dict[str, OfFlow]


class Ratios(Sample):
    """Of round trips to those of the oracle's path."""

    above = 0

    def add(self, values: ArrayLike) -> None:
        super().add(values)
        self.above += int((np.asarray(values) > STRETCHED).sum())

    @property
    def stretch(self) -> Stretch:
        above_pct = 100 * (self.above / self.n) if self.n else np.nan
        return Stretch(self.n, self.quantile(0.5), self.quantile(0.99), above_pct)


def ratios(probes: pd.DataFrame) -> pd.Series:
    """Measured round trip over that of the oracle's path, of the probes that have both and met no load."""
    return (probes["rtt_us"] / probes["oracle_rtt_us"])[~probes["loaded"]].dropna()


@kept
def of_run(run: Run) -> Probed:
    with Sample() as rtt_errors, Sample() as owd_errors, Ratios() as stretch:
        flows = {}
        for flow in truth.flows(run):
            flows[str(flow.name)] = _of_flow(run, flow, rtt_errors, owd_errors, stretch)
        return Probed(_errors(rtt_errors), _errors(owd_errors), stretch.stretch, flows)


def _of_flow(
    run: Run, flow: ProbingFlow, rtt_errors: Sample, owd_errors: Sample, all_ratios: Ratios
) -> OfFlow:
    """What a flow's probes came to; what is told of all flows together gains them."""
    counts, chances, late = Counter[str](), [], []
    with Sample() as true_us, Sample() as errors, Ratios() as stretch:
        for part in truth.pieces(run, flow):
            free = part[~part["loaded"]]
            judged = free[free["known"]]
            due = judged[~judged["expected_lost"]]
            true_us.add(part["true_rtt_us"])
            errors.add(free["error_us"].abs())
            rtt_errors.add(judged["error_us"].abs())
            for way in ("owd_error_us", "owd_back_error_us"):
                owd_errors.add(judged[way].abs())
            ratio = ratios(part)
            stretch.add(ratio)
            all_ratios.add(ratio)
            expected = part["expected_lost"]
            counts.update({
                "loaded": len(part) - len(free),
                "unexpected_lost": (part["known"] & part["lost"] & ~expected).sum(),
                "unexpected_back": (~part["lost"] & expected).sum(),
                "judged": len(judged), "back": (~judged["lost"] & judged["expected_lost"]).sum(),
            })  # fmt: skip
            chances.append(_chance(due))
            late.append(_lateness(judged[(judged["jitter_us"] > 0) & judged["owd_us"].notna()]))
        return OfFlow(
            true_us.quantile(0.5), true_us.quantile(0.99), _errors(errors), stretch.stretch, counts,
            pd.concat(chances).groupby(level=0).sum(), _late(str(flow.name), late),
        )  # fmt: skip


def _errors(sizes: Sample) -> Errors:
    return Errors(sizes.n, sizes.quantile(0.5), sizes.quantile(0.99), sizes.greatest)


def _chance(due: pd.DataFrame) -> pd.DataFrame:
    """CHANCE by the classes that lose packets."""
    chance = due["loss_probability"]
    columns = 1, due["lost"].astype(int), chance, chance * (1 - chance)
    return pd.DataFrame(dict(zip(CHANCE, columns, strict=True)), due.index).groupby(due["losing"]).sum()


def _lateness(met: pd.DataFrame) -> tuple[float, ...]:
    """What `_late` sums up, and the least."""
    off_us = met["owd_us"] - met["true_owd_us"]
    sums = off_us.sum(), met["jitter_us"].sum(), (met["jitter_deviation_us"] ** 2).sum()
    return len(met), *sums, (off_us + met["jitter_us"]).min()


def _late(flow: str, parts: list[tuple[float, ...]]) -> Late | None:
    counts, *sums, least_us = map(np.array, zip(*parts, strict=True))
    if not (n := int(counts.sum())):
        return None
    off_us, meant_us, variance = (column.sum() for column in sums)
    mean_us = meant_us / n + off_us / n
    return Late(flow, n, mean_us, meant_us / n, float(np.sqrt(variance) / n), float(np.nanmin(least_us)))
