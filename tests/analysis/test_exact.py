"""Tables hashed and compared: what is the same content stays the same, whatever else changes."""

import hashlib
import math
import shutil
import struct

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skybed
from skybed.analysis import contents
from skybed.analysis.compare import exact
from skybed.topologies.errors import RunError

TABLE = pa.table({
    "flow": pa.array(["command", None, "", "straße"] * 5),
    "seq": pa.array([3, None, -(2**62), 7] * 5, pa.int64()),
    "rtt_us": pa.array([0.1, None, math.nan, -0.0] * 5),
    "lost": pa.array([True, False, None, True] * 5),
    "none": pa.nulls(20),
})  # fmt: skip


@pytest.fixture
def hash_of(tmp_path):
    """The hash of a table that is written with the options given."""

    def made(table, **options):
        pq.write_table(table, tmp_path / "probes.parquet", **options)
        return contents.hashes(tmp_path)["probes"]

    return made


def test_how_a_table_is_written_does_not_matter(hash_of):
    plain = hash_of(TABLE)
    assert hash_of(TABLE, row_group_size=3, compression="gzip", use_dictionary=False) == plain
    large = TABLE.set_column(0, "flow", TABLE["flow"].cast(pa.large_string()))
    assert hash_of(large) == plain
    coded = TABLE.set_column(0, "flow", TABLE["flow"].dictionary_encode())
    assert hash_of(coded, row_group_size=7) == plain
    assert hash_of(TABLE.replace_schema_metadata({"pandas": "{}"})) == plain
    assert hash_of(pa.concat_tables([TABLE[:9], TABLE[9:]])) == plain


def test_the_hash_is_the_one_that_is_promised(hash_of):
    """Worked out here from what the module says, for a table of two rows."""
    table = pa.table({"flow": ["a", "é"], "rtt_us": pa.array([1.5, None])})
    content = b'[["flow", "string"], ["rtt_us", "double"]]\n' + struct.pack("<q", 2)
    content += b"\1\1" + struct.pack("<2q", 1, 2) + "aé".encode() + b"\1\0" + struct.pack("<2d", 1.5, 0)
    assert hash_of(table) == hashlib.sha256(content).hexdigest()


def test_rows_beyond_a_chunk_are_cut_alike(hash_of, monkeypatch):
    monkeypatch.setattr(contents, "CHUNK_ROWS", 6)
    assert len({hash_of(TABLE, row_group_size=size) for size in (1, 4, 6, 7, 20)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        TABLE[::-1],
        TABLE[:19],
        TABLE.rename_columns(["flow", "seq", "rtt_us", "lost", "nothing"]),
        TABLE.set_column(1, "seq", pa.array([3, None, 1, 7] * 5, pa.int32())),
        TABLE.set_column(2, "rtt_us", pa.array([0.1, math.nan, math.nan, -0.0] * 5)),  # nan is not null
        TABLE.set_column(2, "rtt_us", pa.array([0.1, None, math.nan, 0.0] * 5)),
        TABLE.set_column(2, "rtt_us", pa.array([math.nextafter(0.1, 1), None, math.nan, -0.0] * 5)),
        TABLE.set_column(0, "flow", pa.array(["comman", "d", "", "straße"] * 5)),
        TABLE.set_column(0, "flow", pa.array(["command", "", "", "straße"] * 5)),
    ],
)
def test_another_content_has_another_hash(hash_of, other):
    assert hash_of(other) != hash_of(TABLE)


def test_every_nan_is_the_same(hash_of):
    odd = np.array([0x7FF8000000000001], "u8").view("f8")
    assert hash_of(pa.table({"a": odd})) == hash_of(pa.table({"a": [math.nan]}))


values = st.one_of(st.none(), st.floats())


@given(st.lists(values, min_size=1, max_size=40), st.data())
def test_a_hash_tells_two_columns_apart_where_a_comparison_does(tmp_path_factory, column, data):
    folder = tmp_path_factory.mktemp("tables")
    other = list(column)
    other[data.draw(st.integers(0, len(column) - 1))] = data.draw(values)
    for name, numbers in (("a", column), ("b", other)):
        (folder / name).mkdir()
        pq.write_table(pa.table({"x": pa.array(numbers, pa.float64())}), folder / name / "probes.parquet")
    same = contents.hashes(folder / "a") == contents.hashes(folder / "b")
    found = exact.first_difference("probes", folder / "a" / "probes.parquet", folder / "b" / "probes.parquet")
    assert same == (found is None)


@pytest.fixture
def pair(builder, tmp_path):
    """Two equal runs; the second is open to changes: pair(change) gives both, loaded."""

    def made(**changed):
        run = builder().load()
        shutil.copytree(run.dir, tmp_path / "other", dirs_exist_ok=True)
        for name, change in changed.items():
            path = tmp_path / "other" / f"{name}.parquet"
            change(pd.read_parquet(path)).to_parquet(path)
        return run, skybed.load(tmp_path / "other")

    return made


def test_a_run_is_the_same_as_its_copy(pair):
    assert exact.compare(*pair()).differences == []


def test_a_table_that_is_the_same_is_read_once(pair, monkeypatch):
    read, open_file = [], contents.pq.ParquetFile
    monkeypatch.setattr(contents.pq, "ParquetFile", lambda path: read.append(path) or open_file(path))
    exact.compare(*pair())
    assert len(read) == len(set(read)) == 2 * 7


def test_the_first_cell_that_differs_is_named(pair):
    def change(probes):
        probes.loc[[400, 17], "owd_us"] = [1.0, np.nan]
        return probes

    (found,) = exact.compare(*pair(probes=change)).differences
    owd_us = found.values[0]
    assert found == ("probes", (600, 600), 2, 17, {"flow": "p1", "seq": 17}, "owd_us", (owd_us, None))
    assert str(found) == (
        f"probes: 2 of 600 rows differ; the first is row 17 (flow p1, seq 17): owd_us is {owd_us!r} and null."
    )


@pytest.mark.parametrize("chunk", [100, 7, 65_536])  # the shorter ends with a chunk, or in one
def test_rows_that_only_one_run_has(pair, chunk, monkeypatch):
    monkeypatch.setattr(contents, "CHUNK_ROWS", chunk)
    (found,) = exact.compare(*pair(probes=lambda probes: probes[:500])).differences
    assert (found.rows, found.differing, found.row, found.column) == ((600, 500), 100, 500, "")
    assert str(found).startswith("probes: 100 of 600 rows differ; the first is row 500")
    assert str(found).endswith(", which only the first run has.")


def test_other_columns(pair):
    other = pair(paths=lambda paths: paths.assign(hop=paths.hop.astype("float64")))
    (found,) = exact.compare(*other).differences
    assert str(found) == "paths: other columns: hop (int64) and hop (double)."


def test_a_table_that_is_missing(pair):
    a, b = pair()
    (b.dir / "routes.parquet").unlink()
    with pytest.raises(RunError, match=r"other: the table routes.parquet is missing"):
        exact.compare(a, b)
    assert list(contents.hashes(b.dir)) == ["events", "applied", "control", "probes", "paths", "flows"]


def test_a_damaged_table(pair):
    a, b = pair()
    (b.dir / "probes.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"other/probes.parquet: the table cannot be read"):
        exact.compare(a, b)


def test_what_two_manifests_explain(pair):
    a, b = pair()
    other = {"seed": 2, "clock": "virtual", "versions": {"scapy": "2.8.1", "numpy": "2.4.0"}}
    b.manifest = b.manifest.with_(other)
    assert exact.circumstances(a, b) == [
        "seed: 1 and 2",
        "clock: real and virtual",
        "numpy: null and 2.4.0",
        "scapy: 2.8.0 and 2.8.1",
        "clock: runs in real time are never the same to the bit",
    ]
