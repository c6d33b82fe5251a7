"""What came of a task, as a test asks for it: how long its products took, how many arrived, how old what is
known is, and what it all cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures import ledger
from skybed.analysis.measures.quantiles import Delays
from skybed.analysis.run import Run
from skybed.analysis.units import Quantity
from skybed.topologies.errors import RunError
from skybed.topologies.model import kinds
from skybed.topologies.model.closest import hint
from skybed.topologies.model.tables import TASKS
from skybed.topologies.model.tasks import Task
from skybed.topologies.tasks.responses import STAGES, stages_s


class Age(NamedTuple):
    """Of information: how long ago the newest product at the receiver was asked for."""

    mean: Quantity
    max: Quantity


class Stages(dict[str, Quantity]):
    """Of a mean response, by stage. Asking for one that is not there raises RunError."""

    def __missing__(self, stage: str) -> Quantity:
        raise RunError(f"A response has no stage {stage}{hint(stage, list(self), few=len(self))}.")


@dataclass(frozen=True, repr=False, eq=False)
class Products:
    """Of a task of a run. Raises RunError for what no product tells of, as none arrived."""

    run: Run
    task: Task

    @property
    def asked(self) -> int:
        """How often it was asked for."""
        return len(self.table)

    @property
    def delivered(self) -> Quantity:
        """Share of what was asked for that arrived."""
        return Quantity(self._figure("delivered_pct") / 100, "share", f"share delivered of {self._named}")

    @property
    def response(self) -> Delays:
        """From when it was asked for until its product was there, of those that arrived."""
        return Delays.make(f"response of {self._named}", self._responses_s * 1e6, "products")

    @property
    def age(self) -> Age:
        mean, most = (
            Quantity(self._figure(f"age_{which}_s"), "time", f"{which} age of information of {self._named}")
            for which in ("mean", "max")
        )
        return Age(mean, most)

    @property
    def saved(self) -> Quantity:
        """Of the bytes of the scenes, what did not cross to the ground."""
        return Quantity(self._figure("saved_pct") / 100, "share", f"share of bytes saved by {self._named}")

    @property
    def energy(self) -> Quantity:
        """That nodes spent on a product."""
        return Quantity(self._figure("product_wh"), "energy", f"energy a product of {self._named}")

    @property
    def stages(self) -> Stages:
        """What the mean response is made up of."""
        return Stages(
            (stage, Quantity(self._figure(f"{stage}_s"), "time", f"mean {stage} of {self._named}"))
            for stage in STAGES
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """By number: asked_s, ended_s, response_s, bound_s (the shortest response that the plan allows; inf:
        none by its end), outcome, and for those that arrived the seconds of each stage.
        """
        return outcomes(self.run, str(self.task.name))

    def __repr__(self) -> str:
        arrived = self.table["response_s"].notna().sum()
        took = f", response mean {self.response.mean}, p90 {self.response.p90}" if arrived else ""
        return f"<{self._named}: {arrived} of {self.asked} delivered{took}>"

    @property
    def _named(self) -> str:
        return f"{self.task.name}, to {self.task.to}"

    @property
    def _responses_s(self) -> np.ndarray:
        responses_s = self.table["response_s"].dropna().to_numpy()
        if not len(responses_s):
            times = "once" if self.asked == 1 else f"{self.asked} times"
            raise RunError(f"No product of {self._named}, arrived; it was asked for {times}.")
        return responses_s

    @cached_property
    def _figures(self) -> Mapping[str, float]:
        return kinds.of(self.task).measure(self.run, self.task)

    def _figure(self, name: str) -> float:
        value = self._figures[name]
        if np.isnan(value):
            raise RunError(f"The run did not measure {name} of {self._named}: no product arrived.")
        return value


def outcomes(run: Run, name: str) -> pd.DataFrame:
    """See Products.table."""
    (task,) = [task for task in ledger.tasks(run) if task.name == name]
    table, rows = ledger.responses(run, name), run.rows(task)
    bad = rows[rows["outcome"] != "done"].groupby("number")["outcome"].last()
    parts = stages_s(rows, table["response_s"].dropna().index)
    return table.assign(outcome=bad.reindex(table.index).fillna("delivered")).join(parts)


def not_delivered(run: Run) -> pd.DataFrame:
    """The last stage of each number that did not arrive, which tells why: rows of the table `tasks`."""
    if not ledger.tasks(run):
        return pd.DataFrame(columns=list(TASKS.dtypes))
    rows = run.table(TASKS.name)
    return rows[rows["outcome"] != "done"].groupby(["flow", "number"], sort=False).tail(1)
