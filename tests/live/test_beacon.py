"""A flow kind that is not skybed's own, that of docs/extending.md: it runs, is measured, and stands wherever
what flows measure does.
"""

import json
import pathlib
import shutil

import pandas as pd
import pytest
import yaml

import skybed as face
from skybed.analysis import contents
from support import needs
from support.command import skybed
from support.extending import beacons, example

ROOT = pathlib.Path(__file__).parents[2]
CAMPAIGN = """
name: pulses
scenario: pulse.yaml
grid: {"traffic[pulse].every_s": [0.5, 1]}
metrics: [sent, heard_pct]
"""

pytestmark = [pytest.mark.live, needs.virtual_time]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with pulse.yaml, the smallest sky with beacons across it, and run/, which was played."""
    folder = tmp_path_factory.mktemp("beacon")
    fields = yaml.safe_load((ROOT / "scenarios" / "pair.yaml").read_text())
    fields |= yaml.safe_load(example("A flow kind", language="yaml")) | {"duration_s": 20}
    (folder / "pulse.yaml").write_text(yaml.safe_dump(fields))
    with beacons(folder):
        skybed(1, "run", folder / "pulse.yaml", "--clock", "virtual", "--out", folder / "run")
        yield folder


@pytest.fixture
def run(place):
    return face.load(place / "run")


def test_beacons_are_heard_once_the_satellite_is_there_and_its_delay_later(run):
    table = run.table("beacons")
    sent_s, heard_s = table["sent_s"], table["heard_s"]
    assert sent_s.tolist() == pytest.approx([0.5 * n for n in range(40)], abs=1e-4)
    there_s = run.plan.contacts["start_s"].max()
    assert (heard_s.notna() == (sent_s > there_s)).all() and 8 < there_s < 9
    heard = heard_s.notna()
    delay_s = [run.plan.delay_s([0, 1], t_s).sum() for t_s in sent_s[heard]]
    assert (heard_s - sent_s)[heard].tolist() == pytest.approx(delay_s, abs=2e-4)


def test_it_is_measured_judged_and_held_to_its_limit(place, run):
    verdict = json.loads((place / "run" / "verdict.json").read_text())
    (flow,) = verdict["flows"]
    assert verdict["status"] == "fail" and flow["kind"] == "beacon"
    assert flow["sending"] == {"unit": "beacons", "sent": 40, "due": 40}
    assert (flow["sent"], flow["lost"]) == (40, 18) and flow["heard_pct"] == pytest.approx(55)
    assert [limit["met"] for limit in verdict["limits"]] == [False]


def test_it_stands_in_the_report_and_on_the_terminal(place):
    assert "\npulse: sent 40, lost 18, heard 55 %\n" in skybed(1, "report", place / "run")
    page = (place / "run" / "report.html").read_text()
    assert "<h2>Other traffic</h2>" in page and "heard 55 %" in page


def test_its_table_repeats_to_the_bit_and_is_compared(place):
    hashes = contents.hashes(place / "run")
    assert list(hashes)[-1] == "beacons"
    again = place / "again"
    skybed(1, "run", place / "pulse.yaml", "--clock", "virtual", "--out", again)
    assert skybed(0, "compare", "--exact", place / "run", again) == "The same to the bit: all 8 tables.\n"
    table = pd.read_parquet(again / "beacons.parquet")
    table.loc[30, "heard_s"] = None
    table.to_parquet(again / "beacons.parquet")
    assert "beacons: 1 of 40 rows differ; the first is row 30 (flow pulse, seq 30)" in skybed(
        1, "compare", "--exact", place / "run", again
    )
    assert "its manifest has other hashes" in skybed(3, "compare", place / "run", again)
    manifest = json.loads((again / "manifest.json").read_text())  # as if that were what it had written
    manifest["tables_sha256"] = contents.hashes(again)
    (again / "manifest.json").write_text(json.dumps(manifest))
    assert "pulse  heard  %     55.000  52.500      -2.500" in skybed(0, "compare", place / "run", again)
    shutil.rmtree(again)


def test_it_stands_in_a_baseline(place, monkeypatch):
    monkeypatch.chdir(place)
    skybed(0, "baseline", "accept", "run", "--file", "pulse.json")
    figures = json.loads((place / "pulse.json").read_text())["flows"]["pulse"]
    assert figures == {"heard_pct": {"value": 55.0, "unit": "%", "tolerance": 0.1, "proposed": 0.1}}
    assert "1 figures within tolerance" in skybed(0, "baseline", "check", "run", "--file", "pulse.json")


def test_a_campaign_collects_it(place, monkeypatch):
    monkeypatch.chdir(place)
    (place / "campaign.yaml").write_text(CAMPAIGN)
    skybed(1, "campaign", "run", "campaign.yaml", "--out", "c", "--jobs", "2")  # none meets its limit
    table = face.results("c").table
    assert table["sent"].tolist() == [40, 20] and table["heard_pct"].tolist() == pytest.approx([55, 55])
    assert "heard %" in skybed(1, "campaign", "report", "c")
