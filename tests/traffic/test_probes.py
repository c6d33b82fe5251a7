"""What a probe log makes of answers, late, double and missing."""

import random
import tracemalloc
from tempfile import TemporaryFile

import numpy as np
import pytest

from skybed.topologies.model.tables import PROBES
from skybed.traffic import tables
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.probing.log import ProbeLog
from skybed.traffic.wire.reordering import reordered
from support.plain_netns import FakeClock

CLOCK = FakeClock()


def sent_ns(seq):
    return CLOCK.epoch_ns + seq * 1_000_000


def make_log(protocol="stamp", sent=4, make_file=TemporaryFile):
    flow = ProbeFlow(name="p", kind="probe", source="a", target="b", protocol=protocol)
    log = ProbeLog(flow, make_file)
    for i in range(sent):
        log.add(sent_ns(i))
    return log


def answer(log, seq, out_us, inside_us, back_us):
    t2 = sent_ns(seq) + int(out_us * 1000)
    t3 = t2 + int(inside_us * 1000)
    log.add_answer(seq, t3 + int(back_us * 1000), t2, t3)


def rows(log):
    return tables.arrow(PROBES, log.columns(CLOCK)).to_pandas()


def test_round_trip_leaves_out_the_time_inside_the_reflector():
    log = make_log()
    answer(log, 2, out_us=5000, inside_us=700, back_us=6000)
    row = rows(log).iloc[2]
    assert (row.rtt_us, row.owd_us, row.owd_back_us) == (11000, 5000, 6000)
    assert row.sent_s == pytest.approx(0.002)


def test_a_probe_without_an_answer_is_lost_and_has_no_times():
    log = make_log(sent=3)
    answer(log, 0, 10, 0, 10)
    answer(log, 2, 10, 0, 10)
    found = rows(log)
    assert found.lost.tolist() == [False, True, False]
    assert found.rtt_us.isna().tolist() == [False, True, False]


def test_echo_has_a_round_trip_and_no_one_way_delays():
    log = make_log("echo", sent=1)
    log.add_answer(0, sent_ns(0) + 20_000_000)
    row = rows(log).iloc[0]
    assert row.rtt_us == 20_000 and np.isnan(row.owd_us) and np.isnan(row.owd_back_us)


def test_the_first_of_two_answers_counts():
    log = make_log(sent=2)
    answer(log, 0, 10, 0, 10)
    answer(log, 1, 10, 0, 10)
    answer(log, 0, 500, 0, 500)
    found = rows(log)
    assert found.rtt_us.tolist() == [20, 20]
    assert not found.reordered.any()


def test_an_answer_overtaken_by_another_is_reordered():
    log = make_log(sent=3)
    for seq in (0, 2, 1):
        answer(log, seq, 10, 0, 10)
    assert rows(log).reordered.tolist() == [False, True, False]


@pytest.fixture
def file():
    with TemporaryFile() as file:
        yield file


def test_answers_late_double_and_missing_of_probes_that_are_in_a_file(file):
    """Some of which ran out of hops besides."""
    chance, log, arrived, expired = random.Random(5), make_log(sent=0, make_file=lambda: file), [], {}
    for seq in range(6000):
        log.add(sent_ns(seq))
        for other in {max(0, seq - chance.choice([0, 1, 50, 5000])) for _ in range(chance.randrange(3))}:
            answer(log, other, 10, 3, len(arrived) % 77)
            arrived.append(other)
        if seq % 7 == 0:
            expired[other := chance.randrange(seq + 1)] = f"node-{seq % 5}"
            log.add_expiry(other, expired[other])
    found, firsts = rows(log), [*dict.fromkeys(arrived)]
    back_us = {seq: arrived.index(seq) % 77 for seq in firsts}
    assert found.seq.tolist() == [*range(6000)]
    assert found.sent_s.tolist() == pytest.approx([seq / 1000 for seq in range(6000)])
    assert found.owd_back_us.dropna().to_dict() == pytest.approx(back_us)
    assert found.rtt_us.dropna().to_dict() == pytest.approx({seq: us + 10 for seq, us in back_us.items()})
    assert [*found.index[~found.lost]] == sorted(firsts)
    assert [*found.index[found.reordered]] == sorted(np.array(firsts)[reordered(np.array(firsts))])
    assert found.expired_at.dropna().to_dict() == expired


def test_memory_of_a_log_does_not_grow_with_its_probes(file):
    log = make_log(sent=0, make_file=lambda: file)
    tracemalloc.start()
    for seq in range(60_000):
        log.add(sent_ns(seq))
        answer(log, seq, 10, 0, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert log.sent == 60_000
    assert peak < 400_000  # 2.4 MB of probes


def test_an_answer_to_a_probe_never_sent_is_no_answer():
    log = make_log(sent=1)
    log.add_answer(7, sent_ns(0) + 1)
    assert rows(log).lost.tolist() == [True]
