import datetime as dt

import numpy as np
import pytest

from skybed.topologies.contacts import visibility
from skybed.topologies.contacts.visibility import Conditions, holds, intervals, margin_km, reach
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


# -- how far apart two may be that are looked at ---------------------------------------------------

LOW_KM, HIGH_KM, GROUND_KM, GRAZING_KM = 6378.135 + 700, 6378.135 + 1500, 6369.3, 6458.0  # radii
LOW, HIGH, GROUND = np.array([0, 1]), np.array([2, 3]), np.array([4])
BOTH = np.concatenate([LOW, HIGH])


@pytest.fixture(scope="module")
def shells():
    """Two satellites 700 km high, two 1,500 km high, and a station at 40 N."""
    made = [
        satellite for name, km in (("low", 700), ("high", 1500))
        for satellite in satellites(
            name, Layer(walker=Walker(planes=1, per_plane=2, inclination_deg=75, altitude_km=km)), EPOCH
        )
    ]  # fmt: skip
    orbits = ephemeris.elements_table([s.name for s in made], [s.satrec for s in made])
    return ephemeris.make(orbits, [standing(40, 100)], EPOCH, UNTIL_S)


def moved_km(*radii_km):
    """By how much two come nearer in 40 s at most: half a block and a grid step, a hundredth and 2 km more.
    On a circle the speed is the root of mu / r; the ground at 40 N turns with the Earth.
    """
    spin_km_s = 7.2921e-5 * GROUND_KM * np.cos(np.radians(40))
    fastest = [spin_km_s if r == GROUND_KM else np.sqrt(398_600.4 / r) for r in radii_km]
    return 1.01 * sum(fastest) * 40 + 2


def horizon_km(radius_km):
    return np.sqrt(radius_km**2 - GRAZING_KM**2)


def chord_km(a_km, b_km, apart_km):
    return np.sqrt(a_km**2 + b_km**2 - 2 * a_km * b_km * np.cos(apart_km / 6371.0))


def slant_km(from_km, to_km, elevation_deg):
    sine, cosine = np.sin(np.radians(elevation_deg)), np.cos(np.radians(elevation_deg))
    return np.sqrt(to_km**2 - (from_km * cosine) ** 2) - from_km * sine


@pytest.mark.parametrize("limits, a, b, km, moved, abs_km", [
    ({"max_range_km": 1500}, LOW, LOW, 1500, (LOW_KM, LOW_KM), 5),
    ({"max_range_km": 1500}, GROUND, LOW, 1500, (GROUND_KM, LOW_KM), 5),
    ({"max_range_km": 1500}, BOTH, BOTH, 1500, (LOW_KM, LOW_KM), 5),  # the quicker ones
    # An orbit is up to 10 km higher or lower than its mean, and a horizon 2.5 times as much further.
    ({"min_radius_km": GRAZING_KM}, LOW, LOW, 2 * horizon_km(LOW_KM), (LOW_KM, LOW_KM), 60),
    ({"min_radius_km": GRAZING_KM}, LOW, HIGH, horizon_km(LOW_KM) + horizon_km(HIGH_KM), (LOW_KM, HIGH_KM),
     60),
    ({"min_radius_km": GRAZING_KM}, BOTH, BOTH, 2 * horizon_km(HIGH_KM), (LOW_KM, LOW_KM), 60),
    ({"min_radius_km": GRAZING_KM, "max_range_km": 2000}, LOW, LOW, 2000, (LOW_KM, LOW_KM), 5),
    ({"max_apart_km": 1000}, LOW, LOW, chord_km(LOW_KM, LOW_KM, 1000), (LOW_KM, LOW_KM), 20),
    ({"max_apart_km": 1000}, GROUND, LOW, chord_km(GROUND_KM, LOW_KM, 1000), (GROUND_KM, LOW_KM), 20),
    ({"max_apart_km": 1000}, LOW, GROUND, chord_km(GROUND_KM, LOW_KM, 1000), (GROUND_KM, LOW_KM), 20),
    ({"min_elevation_deg": 10}, GROUND, LOW, slant_km(GROUND_KM, LOW_KM, 9.8), (GROUND_KM, LOW_KM), 50),
    ({"min_elevation_deg": 10, "max_range_km": 9000}, GROUND, BOTH, slant_km(GROUND_KM, HIGH_KM, 9.8),
     (GROUND_KM, LOW_KM), 50),
    ({"min_elevation_deg": 10, "max_range_km": 900}, GROUND, LOW, 900, (GROUND_KM, LOW_KM), 5),
])  # fmt: skip
def test_who_is_further_apart_than_limits_allow_is_left_out(shells, limits, a, b, km, moved, abs_km):
    """By Kepler's speeds, and the laws of cosines and sines. Further would be right, too, and slow."""
    _, reach_km = reach(shells, a, b, Conditions(**limits))
    assert reach_km == pytest.approx(km + moved_km(*moved), abs=abs_km)


@pytest.mark.parametrize("range_km, a, b, binds", [
    (5500, LOW, LOW, False), (6000, LOW, LOW, True), (7500, LOW, HIGH, True), (7300, LOW, HIGH, False),
    (5500, BOTH, BOTH, False), (6000, BOTH, BOTH, True), (100, GROUND, LOW, True), (8900, HIGH, HIGH, False),
])  # fmt: skip
def test_the_earth_is_in_the_way_of_long_lines_only(shells, range_km, a, b, binds):
    """Over the horizon of both are 5,795 km between low ones, 9,024 between high ones, 7,409 of one and the
    other.
    """
    limits = Conditions(max_range_km=range_km, min_radius_km=GRAZING_KM)
    found, _ = reach(shells, a, b, limits)
    assert found == (limits if binds else Conditions(max_range_km=range_km))


def test_what_holds_at_a_time_is_what_stands_then(sky):
    a, b = ground_pairs()
    found = intervals(sky, a, b, RULES["elevation"], UNTIL_S)
    for t_s in (0.0, 1000.0, float((found.start_s[2] + found.end_s[2]) / 2)):
        standing_now = np.zeros(len(a), bool)
        standing_now[found.pair[(found.start_s <= t_s) & (found.end_s > t_s)]] = True
        assert holds(sky, a, b, RULES["elevation"], t_s).tolist() == standing_now.tolist()
