"""Contacts in the formats of others: numbers of a small sky, and ION's rules for a contact plan."""

import io
import itertools
import pathlib
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan import export
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"
# ionrc(5): times as seconds after the reference time, node numbers, bytes/s or light seconds.
CONTACT = re.compile(r"a contact \+(\d+) \+(\d+) ([1-9]\d*) ([1-9]\d*) ([1-9]\d*)")
RANGE = re.compile(r"a range \+(\d+) \+(\d+) ([1-9]\d*) ([1-9]\d*) (\d+)")


def pair(**changes):
    fields = yaml.safe_load((SCENARIOS / "pair.yaml").read_text()) | {"traffic": []}
    return Plan.make(Scenario.model_validate(fields | changes))


@pytest.fixture(scope="module")
def ring():
    return Plan.make(Scenario.load(SCENARIOS / "ring12.yaml"), duration_s=3600)


def table(plan):
    return pd.read_csv(io.StringIO(export.csv.text(plan)), parse_dates=["start_utc", "end_utc"])


def test_the_two_contacts_of_the_smallest_sky():
    rows = table(pair())
    assert list(zip(rows.a, rows.b, strict=True)) == [("eo-0-0", "sanya"), ("eo-0-0", "miyun")]
    assert list(rows.start_s) == pytest.approx([0, 8.709], abs=1e-3)
    assert list(rows.end_s) == [30, 30]
    assert list(rows.delay_ms) == pytest.approx([3.705, 7.221], abs=1e-3)
    assert list(rows.delay_min_ms) == pytest.approx([3.705, 6.875], abs=1e-3)
    assert list(rows.delay_max_ms) == pytest.approx([4.313, 7.221], abs=1e-3)
    assert list(rows.rate_mbps) == [9, 9]  # 900, a hundredth of it
    assert set(rows.kind) == {"access"}
    epoch = pd.Timestamp("2026-05-09T01:41:50Z")
    assert all(abs((rows.start_utc - epoch).dt.total_seconds() - rows.start_s) <= 1e-6)
    assert all(rows.end_utc == pd.Timestamp("2026-05-09T01:42:20Z"))


def test_delays_are_between_the_least_and_the_greatest(ring):
    rows = table(ring)
    assert len(rows) == len(ring.contacts)
    numbers = {frozenset((ring.nodes[x.a].name, ring.nodes[x.b].name)): n for n, x in enumerate(ring.links)}
    for row in rows.itertuples():
        delay_ms = 1e3 * ring.delay_s(
            numbers[frozenset((row.a, row.b))], np.linspace(row.start_s, row.end_s, 3001)
        )
        assert delay_ms[0] == pytest.approx(row.delay_ms, abs=1e-5)
        assert delay_ms.min() == pytest.approx(row.delay_min_ms, abs=1e-5)
        assert delay_ms.max() == pytest.approx(row.delay_max_ms, abs=1e-5)


def test_an_ion_contact_plan_of_the_smallest_sky():
    lines = export.ion.text(pair()).splitlines()
    comments, commands = [x for x in lines if x[0] == "#"], [x for x in lines if x[0] != "#"]
    assert comments[-3:] == ["# node 1: eo-0-0", "# node 2: miyun", "# node 3: sanya"]
    assert any(line.endswith("@ 2026/05/09-01:41:50") for line in comments)
    assert commands == [
        "a contact +0 +30 1 3 1125000",
        "a contact +0 +30 3 1 1125000",
        "a range +0 +30 1 3 0",
        "a range +0 +30 3 1 0",
        "a contact +9 +30 1 2 1125000",
        "a contact +9 +30 2 1 1125000",
        "a range +9 +30 1 2 0",
        "a range +9 +30 2 1 0",
    ]


def test_ion_gets_both_directions_within_each_contact_and_none_that_overlap(ring):
    commands = [line for line in export.ion.text(ring).splitlines() if not line.startswith("#")]
    contacts = [tuple(map(int, found.groups())) for found in map(CONTACT.fullmatch, commands) if found]
    ranges = [tuple(map(int, found.groups())) for found in map(RANGE.fullmatch, commands) if found]
    assert len(contacts) + len(ranges) == len(commands)
    assert [row[:4] for row in contacts] == [row[:4] for row in ranges]
    assert {(start, end, b, a, rate) for start, end, a, b, rate in contacts} == set(contacts)
    real = table(ring)
    assert len(contacts) == 2 * len(real)
    for start, end, a, b, rate in contacts:
        names = {ring.nodes[a - 1].name, ring.nodes[b - 1].name}
        (one,) = real[
            [names == {x.a, x.b} and x.start_s <= start and end <= x.end_s for x in real.itertuples()]
        ].itertuples()
        assert start - one.start_s < 1 and one.end_s - end < 1
        assert rate == pytest.approx(one.rate_mbps * 1e6 / 8, abs=1)
    for way in {row[2:4] for row in contacts}:
        spans = sorted(row[:2] for row in contacts if row[2:4] == way)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_ion_counts_from_a_whole_second_though_the_epoch_is_none():
    """The reference time is the whole second before the epoch, so run times are half a second more in it."""
    text = export.ion.text(pair(epoch="2026-05-09T01:41:50.5Z"))
    assert "@ 2026/05/09-01:41:50\n" in text
    assert "a contact +1 +30 1 3 1125000" in text  # from 0.5 to 30.5
    assert "a contact +10 +30 1 2 1125000" in text  # from 8.709 + 0.5


def test_a_contact_without_a_whole_second_is_left_out_and_counted():
    text = export.ion.text(pair(duration_s=8.9))  # Miyun's lasts 0.2 s
    assert "# Left out: 1 contacts" in text
    assert "1 2 1125000" not in text


def test_a_geostationary_range_is_rounded_to_whole_light_seconds():
    plan = pair(links={"x-quick": {"rate_mbps": 900, "min_elevation_deg": 5, "fixed_delay_ms": 600}})
    assert "a range +0 +30 1 3 1\n" in export.ion.text(plan)


def test_a_sky_without_contacts_is_a_table_without_rows():
    plan = pair(access=[])
    assert table(plan).empty
    assert all(line.startswith("#") for line in export.ion.text(plan).splitlines())


def test_the_ending_of_the_file_is_the_format(tmp_path):
    plan = pair()
    export.write(plan, tmp_path / "contacts.csv")
    export.write(plan, tmp_path / "contacts.ionrc")
    assert (tmp_path / "contacts.csv").read_text() == export.csv.text(plan)
    assert (tmp_path / "contacts.ionrc").read_text() == export.ion.text(plan)
    with pytest.raises(ScenarioError, match=r"its name must end in \.csv, \.ionrc, .* or \.graphml"):
        export.write(plan, tmp_path / "contacts.json")
