import datetime as dt

import numpy as np
import pytest

from skybed.topologies.contacts import visibility
from skybed.topologies.contacts.visibility import Conditions, intervals, margin_km
from skybed.topologies.model.space import Layer, Walker
from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.tracks import standing
from skybed.topologies.orbits.walker import satellites

EPOCH = dt.datetime(2026, 5, 9, tzinfo=dt.UTC)
UNTIL_S = 7000.0
RULES = {
    "elevation": Conditions(min_elevation_deg=10),
    "range": Conditions(max_range_km=1500),
    "both": Conditions(min_elevation_deg=10, max_range_km=1500),
    "apart": Conditions(max_apart_km=1000),
    "off nadir": Conditions(min_elevation_deg=0, max_off_nadir_deg=45),
}
SPACE = {
    "grazing": Conditions(min_radius_km=6378.135 + 80),
    "cut-off": Conditions(max_range_km=5000, min_radius_km=6378.135 + 80, max_latitude_deg=60),
}


@pytest.fixture(scope="module")
def sky():
    """Twelve satellites, then a station at 40 N, one near the pole."""
    made = satellites(
        "x", Layer(walker=Walker(planes=3, per_plane=4, inclination_deg=75, altitude_km=700)), EPOCH
    )
    orbits = ephemeris.elements_table([s.name for s in made], [s.satrec for s in made])
    return ephemeris.make(orbits, [standing(40, 100), standing(80, 0)], EPOCH, UNTIL_S)


def ground_pairs():
    return np.repeat([12, 13], 12), np.tile(np.arange(12), 2)


def space_pairs():
    a, b = np.triu_indices(12, 1)
    return a, b


CASES = [(rule, ground_pairs) for rule in RULES.values()] + [(rule, space_pairs) for rule in SPACE.values()]


@pytest.mark.parametrize(("rule", "ends"), CASES, ids=[*RULES, *SPACE])
def test_the_rule_holds_inside_and_only_there(sky, rule, ends):
    a, b = ends()
    found = intervals(sky, a, b, rule, UNTIL_S)
    t = np.arange(0.0, UNTIL_S, 2.0)
    true = margin_km(rule, sky.position_km(a[:, None], t), sky.position_km(b[:, None], t))
    inside = np.zeros(true.shape, bool)
    for pair, start, end in zip(*found, strict=True):
        inside[pair] |= (t >= start) & (t < end)
    assert found.start_s.size
    assert np.array_equal(inside, true > 0)


@pytest.mark.parametrize(("rule", "ends"), CASES, ids=[*RULES, *SPACE])
def test_edges_are_exact_to_a_tenth_of_a_millisecond(sky, rule, ends):
    a, b = ends()
    found = intervals(sky, a, b, rule, UNTIL_S)

    def margin(t):
        i, j = a[found.pair], b[found.pair]
        return margin_km(rule, sky.position_km(i, t), sky.position_km(j, t))

    rises, falls = found.start_s > 0, found.end_s < UNTIL_S
    assert (margin(found.start_s + 1e-4) > 0).all()
    assert (margin(found.end_s - 1e-4) > 0).all()
    assert (margin(found.start_s - 1e-4)[rises] <= 0).all()
    assert (margin(found.end_s + 1e-4)[falls] <= 0).all()


def test_a_pass_of_a_second_between_two_samples_is_found(sky):
    whole = intervals(sky, *ground_pairs(), Conditions(min_elevation_deg=10), UNTIL_S)
    pair = whole.pair[0]
    a, b = (x[pair : pair + 1] for x in ground_pairs())
    t = np.arange(whole.start_s[0], whole.end_s[0], 1e-2)
    nearest_s = t[sky.distance_km(a, b, t).argmin()]
    reach_km = float(sky.distance_km(a, b, nearest_s + 0.5)[0])  # in range for about a second
    found = intervals(sky, a, b, Conditions(max_range_km=reach_km), UNTIL_S)
    mine = (found.start_s < nearest_s) & (found.end_s > nearest_s)
    assert (found.end_s - found.start_s)[mine] == pytest.approx([1.0], abs=0.05)


def test_a_dip_of_a_second_between_two_samples_is_found(sky):
    a, b = np.array([0]), np.array([1])
    t = np.arange(0, UNTIL_S, 1e-1)
    apart = sky.distance_km(a, b, t)
    k = np.flatnonzero((apart[1:-1] > apart[:-2]) & (apart[1:-1] > apart[2:]))[0] + 1
    reach_km = float(sky.distance_km(a, b, t[k] + 0.5)[0])
    found = intervals(sky, a, b, Conditions(max_range_km=reach_km), UNTIL_S)
    assert np.any(
        (found.end_s[:-1] < t[k]) & (found.start_s[1:] > t[k]) & (found.start_s[1:] - found.end_s[:-1] < 1.5)
    )


def test_batches_do_not_change_the_answer(sky, monkeypatch):
    whole = intervals(sky, *space_pairs(), SPACE["cut-off"], UNTIL_S)
    monkeypatch.setattr(visibility, "BATCH", 1000)
    monkeypatch.setattr(visibility, "LOT", 7)
    parts = intervals(sky, *space_pairs(), SPACE["cut-off"], UNTIL_S)
    assert np.array_equal(parts.pair, whole.pair)
    assert parts.start_s == pytest.approx(whole.start_s, abs=2e-6)
    assert parts.end_s == pytest.approx(whole.end_s, abs=2e-6)


@pytest.mark.parametrize("rule", [*RULES.values(), SPACE["cut-off"]], ids=[*RULES, "cut-off"])
def test_pairs_too_far_apart_are_left_out_only_if_they_cannot_meet_the_rule(sky, rule, monkeypatch):
    a, b = ground_pairs() if rule.min_elevation_deg else space_pairs()
    quick = intervals(sky, a, b, rule, UNTIL_S)
    monkeypatch.setattr(visibility, "reach", lambda sky, a, b, rule: (rule, np.inf))
    thorough = intervals(sky, a, b, rule, UNTIL_S)
    assert np.array_equal(quick.pair, thorough.pair)
    assert quick.start_s == pytest.approx(thorough.start_s, abs=2e-6)
    assert quick.end_s == pytest.approx(thorough.end_s, abs=2e-6)


def test_a_column_and_a_row_are_all_pairs(sky):
    a, b = ground_pairs()
    listed = intervals(sky, a, b, RULES["elevation"], UNTIL_S)
    crossed = intervals(sky, np.array([[12], [13]]), np.arange(12)[None], RULES["elevation"], UNTIL_S)
    assert all(np.array_equal(x, y) for x, y in zip(listed, crossed, strict=True))


def test_a_longer_look_sees_the_same(sky):
    """And an interval that is not over is cut at the end asked for."""
    long = intervals(sky, *ground_pairs(), RULES["elevation"], UNTIL_S)
    for until_s in (3000.0, 3001.0, float(long.start_s[3]) + 1e-3):
        short = intervals(sky, *ground_pairs(), RULES["elevation"], until_s)
        begun = long.start_s < until_s
        assert np.array_equal(short.pair, long.pair[begun])
        assert short.start_s == pytest.approx(long.start_s[begun], abs=2e-6)
        assert short.end_s == pytest.approx(np.minimum(long.end_s[begun], until_s), abs=2e-6)


def test_a_range_that_hardly_changes():
    """Range of a geostationary satellite to a station: it varies by metres, about the limit of the rule."""
    made = satellites("g", Layer(geostationary={"longitudes_deg": [100]}), EPOCH)
    orbits = ephemeris.elements_table([s.name for s in made], [s.satrec for s in made])
    still = ephemeris.make(orbits, [standing(20, 110)], EPOCH, 86400)
    one, other = np.array([1]), np.array([0])
    apart = still.distance_km(one, other, np.arange(0, 86400, 60.0))
    for limit_km in (apart.min() - 1, float(np.median(apart)), apart.max() + 1):
        found = intervals(still, one, other, Conditions(max_range_km=limit_km), 86400)
        inside = np.zeros(len(apart), bool)
        for start, end in zip(found.start_s, found.end_s, strict=True):
            inside |= (np.arange(0, 86400, 60.0) >= start) & (np.arange(0, 86400, 60.0) < end)
        assert np.array_equal(inside, apart < limit_km)


X, Y, Z = np.eye(3)
DIAGONAL_KM = 7000 * np.sqrt(2)  # between two at 7,000 km from the middle, a right angle apart


@pytest.mark.parametrize("limits, a, b, km", [
    ({"max_range_km": 10_000}, 7000 * X, 7000 * Y, 10_000 - DIAGONAL_KM),
    ({"min_radius_km": 6458}, 7000 * X, 7000 * Y, DIAGONAL_KM / 2 - 6458),
    ({"min_radius_km": 6458}, 7000 * X, 8000 * X, 542), ({"min_radius_km": 6458}, 8000 * X, 7000 * X, 542),
    ({"min_radius_km": 6458}, 7000 * X, 7000 * X + 9000 * Y, 542),
    # Two limits: the narrower counts, also where the other one is nearly reached.
    ({"min_radius_km": 6458, "max_range_km": DIAGONAL_KM + 10}, 7000 * X, 7000 * Y, DIAGONAL_KM / 2 - 6458),
    ({"min_radius_km": 4000, "max_range_km": DIAGONAL_KM + 10}, 7000 * X, 7000 * Y, 10),
    ({"min_radius_km": 6458, "max_range_km": DIAGONAL_KM - 10}, 7000 * X, 7000 * Y, DIAGONAL_KM / 2 - 6458),
    ({"max_latitude_deg": 30}, 7000 * X, 7000 * Z, 3500 - 7000),
    ({"max_latitude_deg": 30}, -8000 * Z, 7000 * X, 4000 - 8000),
    ({"max_latitude_deg": 30}, 7000 * X, 8000 * Y, 3500),
    ({"min_elevation_deg": 30}, 6378.137 * X, 7078.137 * X, 700 - 350),
    ({"min_elevation_deg": 30}, 6378.137 * X, 6378.137 * X + 700 * Y, 0 - 350),
    ({"min_elevation_deg": 30}, 6356.752 * Z, 7056.752 * Z, 700 - 350),
    ({"max_off_nadir_deg": 60}, 6400 * X, 7000 * X, 600 - 300),
    ({"max_off_nadir_deg": 60}, 7000 * X + 600 * Y, 7000 * X, 0 - 300),
    ({"max_apart_km": 1000}, 6400 * X, 7000 * Y, 1000 - 6371 * np.pi / 2),
    ({"max_apart_km": 1000}, 6400 * X, 7000 * X, 1000),
    ({}, 7000 * X, 7000 * Y, np.inf),
])  # fmt: skip
def test_a_margin_is_how_many_km_a_limit_is_met_by(limits, a, b, km):
    assert margin_km(Conditions(**limits), a[None], b[None]) == pytest.approx([km], abs=1e-2)


def test_two_at_one_place_are_apart_by_nothing():
    at = np.array([[7000.0, 0.0, 0.0]])
    with np.errstate(all="raise"):
        assert margin_km(Conditions(min_radius_km=6478.0), at, at).tolist() == [522.0]
