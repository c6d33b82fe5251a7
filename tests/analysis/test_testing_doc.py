"""docs/testing.md tells every question that a run answers and every tolerance that is proposed."""

import pathlib
import re

from skybed.analysis.tested import TestedRun
from skybed.topologies.model.metrics import METRICS, compared

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "testing.md").read_text()


def test_the_tolerances_are_those_that_are_proposed():
    def told(figure, clock):
        absolute, share = METRICS[figure].tolerances[clock]
        unit = f" {METRICS[figure].unit}" if METRICS[figure].unit in ("ms", "s") else ""
        return f"{absolute:g}{unit}" + (f", {100 * share:g} %" if share else "")

    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", TEXT, re.MULTILINE)
    table = {figure: values for figure, *values in rows}
    assert table == {figure: [told(figure, "virtual"), told(figure, "real")] for figure in compared()}


def test_the_questions_are_those_that_a_run_answers():
    asked = set(re.findall(r"^\| `run\.(\w+)\(", TEXT, re.MULTILINE))
    methods = {name for name, value in vars(TestedRun).items() if callable(value) and name[0] != "_"}
    assert asked == methods - {"asked"}
