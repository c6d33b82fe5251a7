"""The DVB tables, and which of their entries a link uses when."""

from fractions import Fraction
from math import ceil, log2

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark, raises

from skybed.topologies.radio import modcods
from skybed.topologies.radio.modcods import DVB_S2, NONE, TABLES, Modcod

THREE = [Modcod("slow", 0.0, 0.5), Modcod("middle", 4.0, 1.5), Modcod("fast", 9.0, 3.0)]
signals = st.lists(st.floats(-5, 25), min_size=1, max_size=40).map(np.array)


@mark.parametrize("modcod", TABLES["dvb-s2x"], ids=lambda modcod: modcod.name)
def test_efficiency_follows_from_the_frame(modcod):
    """64,800 bits less the code's redundancy and 80 bits of header, in slots of 90 symbols and one more.

    The outer code corrects 8, 10 or 12 errors: 128, 160 or 192 bits.
    """
    kind, rate = modcod.name.removesuffix("-L").split()
    bits = 2 if kind == "QPSK" else int(log2(int(kind.rstrip("APSK"))))
    symbols = 90 * (ceil(Fraction(64_800, bits * 90)) + 1)
    coded = 64_800 * Fraction(rate)
    possible = [(coded - outer - 80) / symbols for outer in (128, 160, 192)]
    assert modcod.bit_per_s_per_hz in [approx(float(p), abs=6e-7) for p in possible]


@mark.parametrize("name", TABLES)
def test_no_modcod_beats_shannon_nor_is_far_from_it(name):
    for modcod in TABLES[name]:
        bound_db = 10 * np.log10(2**modcod.bit_per_s_per_hz - 1)
        assert bound_db < modcod.es_n0_db < bound_db + 4.0, modcod.name


@mark.parametrize("name, count, first, last", [
    ("dvb-s2", 28, ("QPSK 1/4", -2.35), ("32APSK 9/10", 16.05)),
    ("dvb-s2x", 67, ("QPSK 2/9", -2.85), ("256APSK 3/4", 19.57)),
])  # fmt: skip
def test_tables(name, count, first, last):
    table = TABLES[name]
    assert len({modcod.name for modcod in table}) == len(table) == count
    ladder = modcods.ladder(table)
    assert (ladder[0][:2], ladder[-1][:2]) == (first, last)


def test_a_ladder_leaves_out_what_another_does_better():
    """8PSK 3/5 carries more than QPSK 8/9, and with 0.7 dB less."""
    names = [modcod.name for modcod in modcods.ladder(DVB_S2)]
    assert "8PSK 3/5" in names and "QPSK 8/9" not in names
    assert "16APSK 2/3" in names and "8PSK 9/10" not in names


@mark.parametrize("name", TABLES)
def test_a_ladder_goes_up(name):
    steps = modcods.ladder(reversed(TABLES[name]))
    assert steps == modcods.ladder(TABLES[name])
    assert (np.diff([(s.es_n0_db, s.bit_per_s_per_hz) for s in steps], axis=0) > 0).all()


def test_up_late_and_down_at_once():
    signal = np.array([-1, 0.5, 1.0, 4.5, 5.0, 4.2, 4.0, 3.9, 20.0, 9.5, 8.9, -0.1, 0.9])
    used = modcods.adaptive(THREE, signal, hysteresis_db=1.0)
    assert [*used] == [NONE, NONE, 0, 0, 1, 1, 1, 0, 2, 2, 1, NONE, NONE]


@given(signals, st.floats(0, 3))
def test_what_is_in_use_works(signal, hysteresis_db):
    steps = modcods.ladder(DVB_S2)
    used = modcods.adaptive(steps, signal, hysteresis_db)
    best = modcods.adaptive(steps, signal)
    needed = np.array([*(step.es_n0_db for step in steps), -np.inf])[used]
    assert (needed <= signal).all() and (used <= best).all()
    assert (np.searchsorted([step.es_n0_db for step in steps], signal, side="right") - 1 == best).all()
    spare = np.searchsorted([step.es_n0_db + hysteresis_db for step in steps], signal, side="right") - 1
    assert (used >= spare).all()


@given(st.lists(signals, min_size=2, max_size=5))
def test_links_one_after_the_other_do_not_disturb_each_other(links):
    begins = np.concatenate([np.arange(len(signal)) == 0 for signal in links])
    together = modcods.adaptive(THREE, np.concatenate(links), 1.0, begins)
    alone = [modcods.adaptive(THREE, signal, 1.0) for signal in links]
    assert (together == np.concatenate(alone)).all()


def test_by_a_plan_it_changes_when_the_plan_says_and_fails_when_it_does_not_fit():
    plan = [(60.0, "fast"), (0.0, "slow"), (120.0, "slow")]
    used = modcods.planned(THREE, plan, [-1, 0, 59, 60, 80, 120], np.array([9, 9, 9, 9, 8.9, 8.9]))
    assert [*used] == [NONE, 0, 0, 2, NONE, 0]


def test_a_plan_names_what_is_in_the_table():
    with raises(KeyError):
        modcods.planned(THREE, [(0, "faster")], 0, 9)


def test_rates():
    assert modcods.rate_mbps(THREE, [NONE, 0, 2], 100) == approx([0, 50, 300])
    assert modcods.rate_mbps(DVB_S2, 3, 30) == approx(29.67, abs=0.01)  # QPSK 1/2 in 36 MHz
