"""Gases against sums over all spectral lines."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark

from skybed.topologies.radio import gases

# GHz, and dB from the zenith and at 10 deg: P.676-12, annex 1, standard atmosphere, 7.5 g/m3; ITU-Rpy 0.4.0.
LINES = [
    (2.2, 0.0358, 0.203),
    (8.2, 0.0460, 0.261),
    (14.25, 0.0746, 0.424),
    (20, 0.2526, 1.440),
    (22.2, 0.5203, 2.963),
    (26.25, 0.2711, 1.545),
    (29, 0.2322, 1.322),
    (38.5, 0.3535, 2.008),
    (45, 0.6665, 3.780),
    (50, 1.5648, 8.866),
    (54, 12.6742, 71.566),
]


@mark.parametrize("frequency, zenith_db, low_db", LINES)
def test_the_sum_over_all_lines(frequency, zenith_db, low_db):
    assert gases.slant_db(frequency, [90, 10]) == approx([zenith_db, low_db], rel=0.06)


def test_the_itu_s_validation_example_for_its_later_edition():
    """P.676-13, annex 2: 38.5 GHz, 45 deg, 14 g/m3, 988 hPa and 295 K; 0.672 dB."""
    assert gases.slant_db(38.5, 45, 14.0, 0.21) == approx(0.672, rel=0.2)


def test_there_is_less_oxygen_above_a_mountain():
    """It halves in 5.5 km, and so does the pressure that widens its lines."""
    assert gases.slant_db(8.2, 30, 0, 5.5) / gases.slant_db(8.2, 30, 0, 0) == approx(0.3, abs=0.05)


def test_water_vapour_absorbs_at_22_ghz():
    _, wet = gases.specific_db_km([18, 22.235, 26], 7.5)
    assert wet.argmax() == 1
    assert wet[1] == approx(0.18, abs=0.02)  # P.676, figure 5


@given(st.floats(1, 54), st.floats(0, 89), st.floats(0, 25), st.floats(0, 4))
def test_longer_and_moister_paths_absorb_more(frequency, elevation, vapour, altitude_km):
    higher = gases.slant_db(frequency, elevation + 1, vapour, altitude_km)
    assert 0 < higher < gases.slant_db(frequency, elevation, vapour, altitude_km)
    assert higher < gases.slant_db(frequency, elevation + 1, vapour + 1, altitude_km)


def test_the_cosecant_law_and_the_horizon():
    ratio = gases.slant_db(8.2, [5, 10, 30]) / gases.slant_db(8.2, 90) * np.sin(np.radians([5, 10, 30]))
    assert ratio == approx([0.96, 0.99, 1.0], abs=0.01)
    assert gases.slant_db(8.2, 0) < 3.5
