"""A comparison as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skybed.analysis.compare import junit

OUTCOMES: dict[str, junit.Outcome] = {
    "beyond noise": "failure", "identical": "passed", "within noise": "passed", "missing": "error",
}  # fmt: skip


def write_junit(compared: dict[str, Any], file: Path, sides: Sequence[Path]) -> int:
    """A case for each figure of a comparison; returns how many did not pass.

    A failure is beyond the noise; of an error one side has no figure; what cannot be told is skipped.
    """
    cases = []
    for row in [*compared["figures"], *compared.get("overall", ())]:
        at = [f"{at}={row[at]}" for at in compared.get("parameters", ()) if at in row]
        name = ".".join([*at, row["flow"], row["figure"]])
        cases.append(junit.Case(name, OUTCOMES.get(row["outcome"], "skipped"), row["says"]))
    junit.write(file, "compare", cases, dict(zip("AB", sides, strict=True)))
    return sum(case.outcome in ("failure", "error") for case in cases)
