"""Link budgets that are published, and the laws in them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from skybed.topologies.orbits import geometry
from skybed.topologies.radio import budget


def test_free_space():
    """ITU-R P.525: 32.4 + 20 log f in MHz + 20 log d in km."""
    assert budget.free_space_db(1, 0.001) == approx(32.45, abs=0.01)
    assert budget.free_space_db(40_000, 12) == approx(206.07, abs=0.01)


def test_boltzmann_s_constant():
    assert 10 * np.log10(1.380649e-23) == approx(budget.BOLTZMANN_DBW_K_HZ, abs=1e-6)


def test_an_x_band_downlink_by_hand():
    """500 km at 5 deg, 2 W and 6 dBi, 8.15 GHz, 20 MHz, 32 dB/K on the ground."""
    range_km = geometry.slant_range_km(500, 5)
    loss_db = budget.free_space_db(range_km, 8.15)
    assert loss_db == approx(92.45 + 20 * np.log10(8.15) + 20 * np.log10(2077.8), abs=0.01)
    c_n0_dbhz = budget.c_n0_dbhz(10 * np.log10(2) + 6, 32, loss_db)
    assert c_n0_dbhz == approx(9.01 + 32 - 177.03 + 228.6, abs=0.02)
    assert budget.es_n0_db(c_n0_dbhz, 16) == approx(92.58 - 72.04, abs=0.03)


def test_symbols_of_a_band():
    assert budget.symbol_rate_mbd(36, 0.2) == approx(30)


def test_half_the_power_at_half_the_beamwidth():
    assert budget.pointing_db([0, 0.1, 0.2], 0.4) == approx([0, 0.75, 3.0])


def test_a_cold_receiver_suffers_more_from_warm_rain():
    """3 dB of rain: 272.3 x 0.499 = 135.8 K more."""
    assert budget.noise_rise_db(3, [135.8, 1358]) == approx([3.01, 0.414], abs=0.01)
    assert budget.noise_rise_db(0, 150) == 0
    assert budget.noise_rise_db(np.inf, 272.3) == approx(3.01, abs=0.01)


def test_doppler_of_bupt_1_over_tongchuan():
    """X band, 497 km: +191 kHz as the pass begins, -199 kHz as it ends, 0 at its middle."""
    rate = geometry.range_rate_km_s(497, 14)
    shift = budget.doppler_khz([-rate, 0, rate], 8.2)
    assert shift == approx([191, 0, -191], rel=0.05)


@given(st.floats(200, 50_000), st.floats(1, 50))
def test_twice_as_far_is_6_db(range_km, frequency):
    assert budget.free_space_db(2 * range_km, frequency) == approx(
        budget.free_space_db(range_km, frequency) + 6.0206, abs=1e-4
    )


@given(st.floats(0, 60), st.floats(20, 2000))
def test_more_rain_is_more_noise(attenuation_db, kelvin):
    less, more = budget.noise_rise_db([attenuation_db, attenuation_db + 1], kelvin)
    assert 0 <= less < more
