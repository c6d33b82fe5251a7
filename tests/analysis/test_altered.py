# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Run directories that somebody has changed since, or put together of several: that is said, and no more is read."""

import json

import numpy as np
import pandas as pd
import pytest

import skybed
from skybed.analysis import contents
from skybed.analysis.verdict import judging
from skybed.topologies.errors import RunError
from support.tiny_sky import TINY, Builder, plan_of


@pytest.fixture
def place(tmp_path):
    """The directory of a good run, with what it noted of its tables."""
    builder = Builder(tmp_path / "run", plan_of(TINY))
    builder.load()
    builder.manifest = builder.manifest | {"tables_sha256": contents.hashes(builder.dir)}
    (builder.dir / "manifest.json").write_text(json.dumps(builder.manifest))
    return builder.dir


def rewrite(path, change):
    table = pd.read_parquet(path)
    change(table).to_parquet(path)


def test_a_run_as_it_was_written_passes(place):
    assert judging.judge(skybed.load(place)).status == "pass"


def test_a_round_trip_that_was_tripled_by_hand_is_told(place):
    rewrite(
        place / "probes.parquet",
        lambda probes: probes.assign(rtt_us=probes["rtt_us"].where(probes.index != 7, 3e4)),
    )
    verdict = judging.judge(skybed.load(place))
    assert verdict.status == "invalid"
    assert verdict.reasons[0] == (
        "probes.parquet is not the table that the run wrote: its manifest has other hashes; run it again."
    )


def test_two_tables_that_were_changed_are_told_in_one_sentence(place):
    for name in ("probes", "paths"):
        rewrite(place / f"{name}.parquet", lambda rows: rows.assign(sent_s=rows["sent_s"] + 1e-3))
    first, *_ = judging.judge(skybed.load(place)).reasons
    assert first == (
        "probes.parquet and paths.parquet are not the tables that the run wrote: its manifest has other hashes; run it again."
    )


def test_the_same_rows_in_another_file_are_the_same_table(place):
    pd.read_parquet(place / "probes.parquet").to_parquet(
        place / "probes.parquet", compression=None, row_group_size=50
    )
    assert judging.judge(skybed.load(place)).status == "pass"


def first(column, value):
    def change(table):
        changed = table.copy()
        changed[column] = changed[column].astype(object if isinstance(value, str) else changed[column].dtype)
        changed.loc[0, column] = value
        return changed

    return change


@pytest.mark.parametrize(
    "name, change, says",
    [
        (
            "applied",
            first("link", "a--b"),
            "column link of applied.parquet has a--b, which is not of this run's plan",
        ),
        (
            "probes",
            first("dst", "Kourou"),
            "column dst of probes.parquet has Kourou, which is not of this run's plan",
        ),
        (
            "probes",
            first("rtt_us", np.inf),
            "column rtt_us of probes.parquet has inf, which is not of this run's plan",
        ),
        (
            "applied",
            first("delay_us", 1e308),
            "column delay_us of applied.parquet has 1e+308, which is not of",
        ),
        ("plan/contacts", first("link", 99), "is of another one: its link go from 1 to 99, and there are 4"),
        ("plan/contacts", first("end_s", np.inf), "this part of the plan has a contact without an end"),
        ("plan/routes", first("via", 99), "is of another one: its via go from -1 to 99, and there are 4"),
        ("plan/links", first("a", 99), "is of another one: its a go from 0 to 99, and there are 4"),
        (
            "plan/links",
            lambda table: table[:0],
            "is of another one: its link go from 0 to 3, and there are 0",
        ),
        (
            "plan/orbits",
            lambda table: table[:0],
            "this part of the plan has other satellites than nodes.parquet",
        ),
        ("plan/plan", lambda table: table[:0], "this part of the plan has no row"),
    ],
)
def test_a_table_of_another_run_is_told(place, name, change, says):
    rewrite(place / f"{name}.parquet", change)
    with pytest.raises(RunError) as error:
        judging.judge(skybed.load(place))
    assert says in str(error.value)
