"""`skybed waits`, as a user and a script meet it, and docs/waits.md, which tells of it."""

import json
import pathlib
import re
import shlex

import pytest

from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.command import finished, skybed

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "waits.md").read_text()


# -- docs/waits.md -------------------------------------------------------------------------------


def test_the_example_prints_what_it_is_said_to():
    command, printed = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[:2]
    said = finished(*shlex.split(command)[1:]).stdout
    assert re.sub(" +$", "", said, flags=re.MULTILINE) == printed


def test_the_program_runs(capsys):
    (program,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(program, {})
    assert capsys.readouterr().out == "45.1% at once, else 173 min on average\n"


def test_all_fields_are_told():
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)))
    (row,) = rows("pair", "--from", "eo-0-0", "--to", "miyun")
    assert ["from", "to", *told] == [*row]


# -- waits ---------------------------------------------------------------------------------------


def rows(*words):
    return json.loads(finished("waits", *words, "--json").stdout)["waits"]


def test_until_miyun_has_acquired_the_satellite():
    """8.709 s after the begin of `pair`, see docs/passes.md. Sanya has it all the time."""
    slow, quick = rows("pair", "--from", "eo", "--to", "miyun", "--to", "ground")
    assert (slow["from"], slow["to"], quick["to"]) == ("eo-0-0", ["miyun"], ["miyun", "sanya"])
    assert slow["max_s"] == pytest.approx(8.709, abs=1e-3)
    assert slow["now"] == pytest.approx(1 - 8.709 / 30, abs=1e-4)
    assert slow["mean_s"] == pytest.approx(8.709**2 / 2 / 30, abs=1e-3)
    assert (quick["now"], quick["max_s"], quick["open_s"]) == (1, 0, 0)


def test_a_saved_plan_says_the_same(tmp_path):
    Plan.make(Scenario.load("pair")).save(tmp_path)
    asked = "--from", "miyun,sanya", "--to", "eo-0-0"
    assert rows(tmp_path, *asked) == rows("pair", *asked)


def test_what_is_not_known_is_told():
    """After the only passes of half a day over Sanya."""
    (row,) = rows("pair", "--from", "eo-0-0", "--to", "sanya", "--duration", 20_000)
    assert row["open_s"] > 19_000
    said = skybed(0, "waits", "pair", "--from", "eo-0-0", "--to", "sanya", "--duration", 20_000)
    assert f"Up to {row['open_s'] / 60:.1f} min at the end of the plan are followed by no way" in said


def test_without_any_way_there_is_nothing_to_tell():
    said = skybed(0, "waits", "pair", "--from", "eo-0-0", "--to", "miyun", "--start", "2026-05-09T06:00:00Z")
    assert re.search(r"eo-0-0 +miyun +0\.0 +- +- +- +-$", said, re.MULTILINE)
    (row,) = rows("pair", "--from", "eo-0-0", "--to", "miyun", "--start", "2026-05-09T06:00:00Z")
    assert (row["mean_s"], row["max_s"], row["open_s"]) == (None, None, 30)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pair", "--from", "eo-0-0", "--to", "miyum"), "no node and no layer miyum (did you mean miyun?)."),
        (("pair", "--from", "eo-0-0", "--to", "miyun,"), "pair has no node and no layer without a name ("),
        (("pair", "--from", "eo-0-0"), "Missing option '--to'"),
        ((".", "--from", "a", "--to", "b"), "there is no plan in it"),
        ((".", "--from", "a", "--to", "b", "--duration", 5), "--start and --duration are for scenarios"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = skybed(2, "waits", *words)
    assert says in " ".join(said.split())
