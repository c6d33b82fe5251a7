"""Rows that are in a file are as those in memory, and memory does not grow with them."""

import errno
import random
import tracemalloc
from tempfile import TemporaryFile

import numpy as np
import pytest

from skybed.traffic.rows import Rows

FIELDS = {"sent_ns": "q", "answers": "3i"}


@pytest.fixture
def file():
    with TemporaryFile() as file:
        yield file


def fill(rows, count):
    for number in range(count):
        rows.append(10**18 + number, 0, 0, 0)


@pytest.mark.parametrize("held", [1, 3, 1000])
def test_what_is_read_is_what_was_written_last_however_few_rows_are_held(file, held):
    chance, rows, expected = random.Random(3), Rows(FIELDS, lambda: file, held), []
    for number in range(200):
        row = (10**18 + number, number, -number, 0)
        rows.append(*row)
        expected.append(row)
        changed = chance.randrange(len(expected))
        expected[changed] = rows[changed] = (*rows[changed][:3], number)
    assert len(rows) == 200
    assert [rows[number] for number in range(200)] == expected
    for first, end in [(0, 200), (0, 1), (150, 200), (199, 200), (7, 7), (200, 200)]:
        found = rows.array(first, end)
        assert [(sent_ns, *answers) for sent_ns, answers in found.tolist()] == expected[first:end]
    pieces = [*rows.pieces(64)]
    assert [(first, len(piece)) for first, piece in pieces] == [(0, 64), (64, 64), (128, 64), (192, 8)]
    assert np.concatenate([piece["sent_ns"] for _, piece in pieces]).tolist() == [row[0] for row in expected]


def test_a_file_is_made_only_when_it_is_needed():
    rows = Rows(FIELDS, lambda: pytest.fail("a file"), held=10)
    fill(rows, 19)
    assert len(rows) == 19


def test_memory_does_not_grow_with_the_rows(file):
    rows = Rows(FIELDS, lambda: file)
    tracemalloc.start()
    fill(rows, 100_000)
    total = sum(len(piece) for _, piece in rows.pieces(5000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 100_000
    assert peak < 400_000  # 2 MB of rows


def test_rows_that_a_full_disk_did_not_keep_are_told(file):
    rows = Rows(FIELDS, lambda: file, held=10)
    fill(rows, 100)
    file.flush()
    file.truncate(0)
    file.truncate(10_000)  # what is lost is read as zeros
    with pytest.raises(OSError) as raised:
        rows.array(0, 50)
    assert raised.value.errno == errno.ENOSPC
