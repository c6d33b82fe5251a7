"""A long table is worked out part by part, and only some of it is in memory."""

import tracemalloc

import numpy as np
import pytest

from skybed.topologies.orbits.knots import BLOCK, KEPT_MIB, PART, Knots

NODES = 2 * BLOCK + 10
BLOCKS = np.array([0, BLOCK, 2 * BLOCK, NODES])


def value(node, k):
    return 1e6 * node + k


class Worker:
    """Works out a table whose six columns are the same, and counts what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, nodes, knots):
        self.asked.append((nodes.start, knots.start))
        node, k = np.arange(nodes.start, nodes.stop)[:, None], np.arange(knots.start, knots.stop)
        return np.repeat(value(node, k)[..., None], 6, axis=-1)


@pytest.mark.parametrize("count", [2, 3, PART, PART + 1, PART + 2, 5 * PART + 7])
def test_it_is_one_table(count):
    node, k = np.arange(NODES)[:, None], np.arange(count)
    table = Knots(BLOCKS, count, Worker())
    parts = [table.part(number).copy() for number in range(table.parts)]
    whole = np.concatenate([*(part[:, :-1] for part in parts), parts[-1][:, -1:]], axis=1)
    assert np.array_equal(whole[..., 0], value(node, k))
    assert np.array_equal(table.at(node, k)[..., 5], value(node, k))
    here, there = table.pair(node, k[:-1])
    assert np.array_equal(here[..., 3], value(node, k[:-1]))
    assert np.array_equal(there[..., 3], value(node, k[1:]))


def test_times_that_are_far_apart_are_found_too():
    count = 200 * PART
    table = Knots(BLOCKS, count, Worker())
    random = np.random.default_rng(1)
    node, k = random.integers(0, NODES, 300), random.integers(0, count - 1, 300)
    here, there = table.pair(node, k)
    assert np.array_equal(here[:, 0], value(node, k))
    assert np.array_equal(there[:, 0], value(node, k + 1))


def test_who_goes_through_time_has_each_part_worked_out_once():
    work_out = Worker()
    count = 200 * PART
    table = Knots(BLOCKS, count, work_out)
    for first in range(0, count - PART, PART // 2):
        table.pair(np.arange(BLOCK)[:, None], first + np.arange(PART))
    assert work_out.asked == [(0, part * PART) for part in range(200)]


def test_memory_does_not_grow_with_time():
    tracemalloc.start()
    for count in (500 * PART, 2000 * PART):  # 0.7 and 2.8 GiB, were it all there
        table = Knots(BLOCKS, count, Worker())
        for first in range(0, count - 1, 50 * PART):
            table.pair(np.array([1]), np.array([first]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * KEPT_MIB * 2**20  # the next table is made while the last one is there
