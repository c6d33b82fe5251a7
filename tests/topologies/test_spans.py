import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts.spans import by_key, common, covered_s, joined, latest, minus, spans, union

TIMES = np.arange(-1.0, 12.0, 0.5)


def held(many):
    """(key, time) in any of the spans."""
    return {(k, t) for k, a, b in zip(*many, strict=True) for t in TIMES if a <= t < b}


drawn = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 10)), max_size=12).map(
    lambda rows: spans(*(zip(*rows, strict=True) if rows else ()))
)


@given(drawn, drawn)
def test_what_is_held_is_that_of_sets(a, b):
    sets = {union: set.union, common: set.intersection, minus: set.difference}
    for function, of_sets in sets.items():
        found = function(a, b)
        assert held(found) == of_sets(held(a), held(b))
        assert (found.start_s < found.end_s).all()
        order = np.lexsort((found.start_s, found.key))
        assert (order == np.arange(len(order))).all()
        next_of_key = np.diff(found.key) == 0
        assert (found.start_s[1:] > found.end_s[:-1])[next_of_key].all()  # those that touch are one


@given(drawn)
def test_the_latest_span_is_the_last_that_began(many):
    many = union(many)
    key, t_s = (x.ravel() for x in np.meshgrid(np.arange(4), TIMES))
    for k, t, row in zip(key, t_s, latest(many, key, t_s), strict=True):
        begun = np.flatnonzero((many.key == k) & (many.start_s <= t))
        assert row == (begun[-1] if len(begun) else -1)


@given(drawn, drawn)
def test_what_is_covered_of_a_time_is_what_it_has_in_common(many, times):
    many, times = union(many), times.where(times.start_s < times.end_s)
    both = [common(many, times.where(np.arange(len(times.key)) == n)) for n in range(len(times.key))]
    shared_s = [(x.end_s - x.start_s).sum() for x in both]
    assert covered_s(many, *times).tolist() == shared_s


def test_a_span_may_have_no_end():
    assert minus(spans(3, 0, np.inf), spans(3, [2, 5], [4, np.inf])).of(3) == [(0, 2), (4, 5)]
    assert union(joined([spans(1, 0, 2), spans(1, 1, np.inf)])).of(1) == [(0, np.inf)]
    assert len(joined([]).key) == 0


@given(drawn)
def test_by_key_there_are_the_spans_of_each_key_that_has_any(many):
    assert by_key(many) == {key: many.of(key) for key in range(3) if (many.key == key).any()}
