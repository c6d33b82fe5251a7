"""How long things took: packets on their way, products of tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skybed.analysis.units import Quantity


@dataclass(frozen=True, repr=False)
class Delays:
    """How long each of n things took. of: what of which flow; what: the things."""

    of: str
    n: int
    min: Quantity
    mean: Quantity
    p50: Quantity
    p90: Quantity
    p99: Quantity
    max: Quantity
    what: str = "packets"

    @staticmethod
    def make(of: str, delay_us: np.ndarray, what: str = "packets") -> Delays:
        values = {
            "min": delay_us.min(), "mean": delay_us.mean(), "p50": np.quantile(delay_us, 0.5),
            "p90": np.quantile(delay_us, 0.9), "p99": np.quantile(delay_us, 0.99), "max": delay_us.max(),
        }  # fmt: skip
        quantities = {k: Quantity(us * 1e-6, "time", f"{k} of the {of}") for k, us in values.items()}
        return Delays(of, len(delay_us), **quantities, what=what)

    def __repr__(self) -> str:
        quantiles = ", ".join(f"{name} {getattr(self, name)}" for name in ("min", "p50", "p90", "p99", "max"))
        return f"<{self.of}: {quantiles} ({self.n:,} {self.what})>"
