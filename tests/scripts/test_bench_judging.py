"""The memory of judging does not depend on how long a run was, nor a verdict on how its tables are read."""

import json
import subprocess
import sys

from pytest import approx

from skybed.analysis import run as runs
from skybed.analysis import verdict
from skybed.analysis.measures import truth
from skybed.analysis.pages import figures
from skybed.scripts.bench import judging
from skybed.topologies.model import ready
from skybed.topologies.routing import forwarding
from skybed.topologies.scenario.file import Scenario

PAIR = Scenario.load(ready.SCENARIOS / "pair.yaml")


def probing(rate_hz):
    """Two stations, and a satellite that both see for some of the time: a probe flow comes and goes."""
    return PAIR.with_(**{"traffic[down].rate_hz": rate_hz, "traffic[across].rate_hz": rate_hz / 10})


def judged(folder):
    done = subprocess.run(
        [sys.executable, "-m", "skybed.scripts.bench.judging", folder], capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_three_times_as_long_a_run_is_judged_in_the_same_memory(tmp_path):
    """To hold all probes, with what each was to be, takes 440 bytes for each."""
    rows = [judging.write(probing(1000), duration_s, tmp_path / str(duration_s)) for duration_s in (200, 600)]
    short, long = (judged(tmp_path / str(duration_s))["memory_mib"] for duration_s in (200, 600))
    more_bytes = (long - short) * 2**20 / (rows[1] - rows[0])
    assert rows == [220_000, 660_000] and more_bytes < 200


def test_a_verdict_is_the_same_piece_by_piece(tmp_path, monkeypatch):
    judging.write(probing(20), 240, tmp_path / "run")
    whole = verdict.judge(runs.load(tmp_path / "run"))
    monkeypatch.setattr(runs, "PIECE_ROWS", 97)
    monkeypatch.setattr(forwarding, "AT_ONCE", 97)
    assert verdict.judge(runs.load(tmp_path / "run")).as_json() == whole.as_json()
    assert whole.status == "pass" and [flow.metrics["outages"] for flow in whole.flows] == [1, 2, None]


def test_figures_of_a_long_run_show_some_of_its_probes_and_say_so(tmp_path, monkeypatch):
    judging.write(probing(20), 240, tmp_path / "run")
    every = truth.probes(runs.load(tmp_path / "run"))
    for module in (runs, truth):
        monkeypatch.setattr(module, "PIECE_ROWS", 1000)
    run = runs.load(tmp_path / "run")
    some = truth.thinned(run)
    assert len(every) == 5280 and truth.shown_of(run) == 6 and len(some) == approx(5280 / 6, abs=6)
    of_flow = every[every["flow"] == "across"].set_index("seq")["true_rtt_us"]
    shown = some[some["flow"] == "across"].set_index("seq")["true_rtt_us"]
    assert shown.equals(of_flow.loc[shown.index])
    said = [drawing.caption for drawing in figures.all_figures(run, some)]
    assert sum(caption.endswith("One probe of 6 is shown.") for caption in said) == 5
