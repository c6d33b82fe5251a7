"""RFC 4737: the definition, its examples and the properties that follow from it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skybed.traffic.wire.reordering import reordered

arrivals = st.lists(st.integers(0, 500), unique=True, max_size=60)


def by_definition(sequence):
    """RFC 4737 section 3.3 word by word."""
    next_exp, found = 0, []
    for s in sequence:
        if s >= next_exp:
            next_exp = s + 1
            found.append(False)
        else:
            found.append(True)
    return found


def test_one_late_packet_is_one_reordered_packet():
    """The first of the examples of RFC 4737 section 7: 4 arrives after 8."""
    assert reordered([1, 2, 3, 5, 6, 7, 8, 4, 9, 10]).nonzero()[0].tolist() == [7]


def test_two_early_packets_make_the_overtaken_ones_late():
    """7 and 8 arrive before 4, 5 and 6: the early ones are in order, the overtaken ones are not."""
    assert np.array([1, 2, 3, 7, 8, 4, 5, 6, 9])[reordered([1, 2, 3, 7, 8, 4, 5, 6, 9])].tolist() == [4, 5, 6]


@given(arrivals)
def test_it_is_the_definition(sequence):
    assert reordered(sequence).tolist() == by_definition(sequence)


@given(arrivals)
def test_packets_in_order_are_never_reordered_whatever_is_lost(sequence):
    assert not reordered(sorted(sequence)).any()


@given(arrivals)
def test_the_packets_that_are_not_reordered_are_in_order(sequence):
    kept = np.array(sequence, int)[~reordered(sequence)]
    assert (np.diff(kept) > 0).all()


@given(arrivals, st.integers(0, 60))
def test_a_stream_may_be_judged_in_parts(sequence, cut):
    first, second = sequence[:cut], sequence[cut:]
    parts = [*reordered(first), *reordered(second, next_expected=max(first, default=-1) + 1)]
    assert parts == reordered(sequence).tolist()
