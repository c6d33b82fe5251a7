"""Tables in pieces of time, as they are stored."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from skybed.topologies.routing import windowed

ROW = np.dtype([("t_s", "f8"), ("n", "i4")])


def rows(t_s):
    made = np.zeros(len(t_s), ROW)
    made["t_s"] = t_s
    return made


def test_a_piece_is_one_row_group_however_long(tmp_path):
    """Parquet's own limit is 2**20 rows; the routes of half an hour of a large sky can be more."""
    path = tmp_path / "rows.parquet"
    windowed.write(path, ROW, [rows(np.linspace(0, 1799, 2**20 + 1)), rows([]), rows([3600.0])])
    windowed.check(path, ROW, 5400.0)
    assert [len(piece) for piece in windowed.read(path, ROW, {"n": 1})] == [2**20 + 1, 0, 1]


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "rows.parquet"

    def pieces():
        yield rows([0.0])
        assert not path.exists()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        windowed.write(path, ROW, pieces())
    assert not path.exists()
    windowed.write(path, ROW, [rows([0.0])])
    assert pq.read_table(path).num_rows == 1


def test_an_instant_is_in_the_piece_that_holds_it():
    ends_s = windowed.WINDOW_S * np.arange(1, 4)
    cut = windowed.cut(rows(np.concatenate([ends_s - 1e-6, ends_s])[[0, 3, 1, 4, 2]]), ends_s[-1])
    for number, piece in enumerate(cut):
        assert {windowed.index(t_s) for t_s in piece["t_s"]} == {number}
