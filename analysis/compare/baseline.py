"""Baselines: what a network did when someone looked at it and found it right.

A baseline is a JSON file that is kept beside the scenario and read in reviews: how it came about, and a line
per flow and figure,

    "rtt_p99_ms": {"value": 84.1, "unit": "ms", "tolerance": 0.84, "proposed": 0.84}

A run keeps to it if every figure is within its tolerance, above or below: a network that has become better
has changed too. The tolerance in the file is what counts, and a person may edit it (null: not checked).
`proposed` is what `accept` thought right; where the two are not the same, accepting anew leaves the tolerance
as it is.

What is proposed, of one run: the metric's own tolerance (`topologies.model.metrics`). Of several: twice the
distance from their median to the one furthest from it, and at least what is proposed in virtual time.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skybed.analysis import contents
from skybed.analysis.compare.comparison import comparable, figures
from skybed.analysis.run import Run
from skybed.topologies.errors import RunError
from skybed.topologies.model.metrics import label, tolerance

DECIMALS = 6  # of values in the file: ns in ms


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Entry(_Model):
    value: float
    unit: str
    tolerance: Annotated[float, Field(ge=0)] | None
    proposed: Annotated[float, Field(ge=0)]


class Baseline(_Model):
    """The file. tables_sha256: of the first run, in virtual time only; see `analysis.compare.exact`."""

    scenario: str
    scenario_sha256: str
    seed: int
    clock: Literal["real", "virtual"]
    skybed: str
    runs: int
    flows: dict[str, dict[str, Entry]]
    tables_sha256: dict[str, str] = {}


class Check(NamedTuple):
    """One figure against a baseline. value: None where the run did not measure it."""

    flow: str
    figure: str
    expected: float
    tolerance: float
    value: float | None

    @property
    def kept(self) -> bool:
        return self.value is not None and abs(self.value - self.expected) <= self.tolerance + 10**-DECIMALS

    def __str__(self) -> str:
        unit = f" {label(self.figure)[1]}".rstrip()
        actual = "was not measured" if self.value is None else f"is {self.value:.6g}{unit}"
        return (
            f"{self.flow} {self.figure} {actual}; "
            f"the baseline is {self.expected:.6g}{unit}, give or take {self.tolerance:.6g}{unit}."
        )


class Outcome(NamedTuple):
    """A run against a baseline. notes: sentences worth knowing that change nothing."""

    checks: list[Check]
    notes: list[str]

    @property
    def left(self) -> list[Check]:
        """The figures that left their tolerance."""
        return [check for check in self.checks if not check.kept]


def default_file(run: Run) -> Path:
    """baselines/NAME.json, NAME being the scenario's."""
    return Path("baselines") / f"{run.scenario.name}.json"


def accept(runs: Sequence[Run], file: Path) -> Baseline:
    """Write a baseline from valid runs of one scenario and clock; tolerances that a person edited stay."""
    first, *others = runs
    for run in others:
        if (run.scenario.sha256, run.manifest.clock) != (first.scenario.sha256, first.manifest.clock):
            raise RunError(
                f"{run.dir}: another scenario or clock than in {first.dir}; "
                "a baseline is made of runs of one scenario and one clock."
            )
    clock, before = first.manifest.clock, read(file).flows if file.exists() else {}
    measured: dict[str, dict[str, list[float]]] = {}
    for by_flow in comparable(runs):
        for flow, row in by_flow.items():
            for figure, value in row.items():
                measured.setdefault(flow, {}).setdefault(figure, []).append(value)
    baseline = Baseline(
        scenario=first.scenario.name,
        scenario_sha256=first.scenario.sha256,
        seed=first.scenario.seed,
        clock=clock,
        skybed=first.manifest.skybed,
        runs=len(runs),
        flows={
            flow: {
                figure: _entry(figure, values, clock, before.get(flow, {}).get(figure))
                for figure, values in row.items()
            }
            for flow, row in sorted(measured.items())
        },
        tables_sha256=contents.hashes(first.dir) if clock == "virtual" else {},
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_text(baseline))
    return baseline


def check(run: Run, file: Path) -> Outcome:
    """A valid run against the baseline in a file; RunError where that is of the other clock."""
    baseline, clock = read(file), run.manifest.clock
    if clock != baseline.clock:
        raise RunError(
            f"{file}: a baseline of {baseline.clock} time, and {run.dir} ran in {clock} time; "
            f"run the scenario with --clock {baseline.clock}, or accept a baseline of its own."
        )
    measured = figures(run)
    checks = [
        Check(flow, figure, entry.value, entry.tolerance, measured.get(flow, {}).get(figure))
        for flow, row in baseline.flows.items()
        for figure, entry in row.items()
        if entry.tolerance is not None
    ]
    return Outcome(checks, [*_news(run, baseline), *_unknown(measured, baseline)])


def read(file: Path) -> Baseline:
    """The baseline in a file; RunError where there is none or it cannot be used."""
    try:
        return Baseline.model_validate(json.loads(file.read_text()))
    except FileNotFoundError:
        raise RunError(
            f"{file}: there is no such baseline; `skybed baseline accept RUN` writes one."
        ) from None
    except OSError as why:
        raise RunError(f"{file}: the baseline cannot be read ({why.strerror}).") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise RunError(f"{file}: {where} is wrong ({first['msg']}); mend it or accept a run anew.") from None
    except ValueError as why:
        raise RunError(f"{file}: not JSON ({why}); mend it, or remove it and accept a run anew.") from None


def _entry(figure: str, values: list[float], clock: str, before: Entry | None) -> Entry:
    value = statistics.median_low(values)
    absolute, share = tolerance(figure, "virtual" if len(values) > 1 else clock)
    spread = 2 * max(abs(other - value) for other in values)
    proposed = float(f"{max(absolute, share * abs(value), spread):.3g}")
    edited = before is not None and before.tolerance != before.proposed
    return Entry(
        value=round(value, DECIMALS),
        unit=label(figure)[1],
        tolerance=before.tolerance if before and edited else proposed,
        proposed=proposed,
    )


def _text(baseline: Baseline) -> str:
    """JSON with a line for each figure."""
    text = json.dumps(baseline.model_dump(exclude_defaults=True), indent=2)
    entry = re.compile(r'\{\s+("value":[^{}]*?)\s+\}')
    return entry.sub(lambda match: "{" + re.sub(r"\s+", " ", match[1]) + "}", text) + "\n"


def _news(run: Run, baseline: Baseline) -> list[str]:
    """What else is not as it was when the baseline was accepted."""
    if run.scenario.sha256 != baseline.scenario_sha256:
        seed = f", its seed from {baseline.seed} to {run.scenario.seed}"
        changed = seed if run.scenario.seed != baseline.seed else ""
        return [f"The scenario has changed since the baseline was accepted{changed}."]
    hashes = contents.hashes(run.dir) if baseline.tables_sha256 else {}
    other = [name for name, value in hashes.items() if value != baseline.tables_sha256.get(name)]
    return [f"Not the same to the bit as what was accepted: {', '.join(other)}."] if other else []


def _unknown(measured: dict[str, dict[str, float]], baseline: Baseline) -> list[str]:
    new = [
        f"{flow} {x}" for flow, row in measured.items() for x in row if x not in baseline.flows.get(flow, {})
    ]
    return [f"Not in the baseline, so not checked: {', '.join(new)}."] if new else []
