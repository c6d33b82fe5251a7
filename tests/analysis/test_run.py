"""What is said of a directory that is not (or not quite) a run."""

import pytest
from pydantic import ValidationError

import skybed
from skybed.analysis.manifest import Manifest
from skybed.analysis.measures import truth
from skybed.topologies.errors import RunError


def error_of(builder) -> str:
    with pytest.raises(RunError) as caught:
        run = builder.load()
        for table in ("events", "applied", "probes", "paths", "flows"):
            getattr(run, table)
    return str(caught.value)


def test_no_directory(tmp_path):
    with pytest.raises(RunError) as caught:
        skybed.load(tmp_path / "x")
    assert str(caught.value) == f"{tmp_path}/x: there is no such directory; name one that `skybed run` made."


def test_not_a_run(tmp_path):
    with pytest.raises(RunError) as caught:
        skybed.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: not a run directory, it has no manifest.json; name one that `skybed run` made."
    )


def test_broken_manifest(tmp_path):
    (tmp_path / "manifest.json").write_text('{"lane": ')
    with pytest.raises(RunError) as caught:
        skybed.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/manifest.json: the manifest cannot be read "
        "(Expecting value: line 1 column 10 (char 9)); the file is damaged, run the scenario again."
    )


def test_manifest_of_another_version(builder):
    run = builder()
    del run.manifest["lane"]
    assert error_of(run) == (
        f"{run.dir}/manifest.json: the manifest has no lane; "
        "it was written by another version of skybed, run the scenario again."
    )


WRONG = [
    ({"played_s": "long"}, "played_s of the manifest is 'long'"),
    ({"lane": "bare"}, "lane of the manifest is 'bare'"),
    ({"routing": {"daemon": "BIRD"}}, "the manifest has no routing.protocol"),
    ({"weather": "fine"}, "the manifest has a weather, which is not known"),
    ({"steal_pct": None}, "the manifest is of a finished run and has no steal_pct"),
    ({"format": 2}, "the manifest has format 2, expected is 1"),
    ({"format": "1"}, "the manifest has format '1', expected is 1"),
]


@pytest.mark.parametrize("fields, says", WRONG, ids=lambda value: "")
def test_a_manifest_that_is_not_of_this_version_says_so_in_a_sentence(builder, fields, says):
    run = builder()
    run.manifest |= fields
    other = "it was written by another version of skybed, run the scenario again"
    assert error_of(run) == f"{run.dir}/manifest.json: {says}; {other}."


def test_a_manifest_is_read_as_it_was_written(builder):
    run = builder().load()
    assert Manifest.read(run.dir) == run.manifest
    run.manifest.write(run.dir)
    assert Manifest.read(run.dir) == run.manifest
    with pytest.raises(ValidationError):  # nobody can change it by mistake
        run.manifest.finished = False


def test_a_probe_of_no_flow_of_the_scenario(builder):
    run = builder()
    run.tables["probes"].loc[7, "flow"] = "p9"
    loaded = run.load()
    with pytest.raises(RunError, match=r"run: probes.parquet holds p9, no probe flow of the scenario\.$"):
        truth.probes(loaded)


def test_missing_table(builder):
    run = builder()
    del run.tables["probes"]
    assert error_of(run) == (
        f"{run.dir}: the table probes.parquet is missing; the run was not finished, run it again."
    )


def test_missing_column(builder):
    run = builder()
    del run.tables["probes"]["rtt_us"]
    assert error_of(run) == (
        f"{run.dir}: the table probes.parquet has no column rtt_us; "
        "it was written by another version of skybed, run the scenario again."
    )


def test_column_of_another_type(builder):
    run = builder()
    run.tables["applied"]["late_us"] = "50"
    assert error_of(run).startswith(f"{run.dir}: column late_us of applied.parquet holds ")
    assert error_of(run).endswith(
        "string, numbers were expected; it was written by another version of skybed, run the scenario again."
    )


def test_torn_table(builder):
    run = builder()
    loaded = run.load()
    (run.dir / "probes.parquet").write_bytes(b"PAR1")
    with pytest.raises(
        RunError, match=r"probes.parquet: the table cannot be read \([^/]*\); the file is damaged"
    ):
        _ = loaded.probes


def test_columns_without_a_value_are_numbers_all_the_same(builder):
    run = builder()
    run.tables["probes"]["owd_us"] = None
    assert run.load().probes["owd_us"].dtype == "float64"


def test_integers_with_gaps_are_read_as_numbers(builder):
    udp, tcp = {"kind": "udp", "name": "u1", "rate_mbps": 1}, {"kind": "tcp", "name": "c1"}
    run = builder(traffic=[flow | {"from": "Miyun", "to": "Sanya"} for flow in (udp, tcp)])
    run.flow_rows("u1", "udp", 1.0)
    run.flow_rows("c1", "tcp", 2.0)
    assert run.load().flows["retransmits"].isna().sum() == 60
