"""The link class starlink-user against what was measured of Starlink (the recording that LeoCC publishes)."""

import datetime as dt

import numpy as np
import pytest

from skybed.topologies.contacts.courses import slots
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model import catalogue
from skybed.topologies.model.links import LinkClass

USER = LinkClass.model_validate(catalogue.LINKS["starlink-user"])
BEGIN = dt.datetime(2026, 5, 9, 2, 40, 12, tzinfo=dt.UTC)
HOURS_S = 6 * 3600.0
PEAKS_OVER_BASE_MS = (24, 21, 32, 28, 43, 57, 24, 36)
CAPACITIES_MBPS = (60, 58, 38, 45, 50, 48, 44, 50, 72)


@pytest.fixture(scope="module")
def drawn():
    contacts = Spans(np.zeros(1, np.int64), np.zeros(1), np.array([HOURS_S]))
    return slots.drawn(USER.capable(up=False).slots, contacts, {0: "home--satellite"}, 1, BEGIN, HOURS_S)


def test_capacities_are_distributed_as_those_of_the_recording(drawn):
    log = np.log(drawn.rate_mbps.value)
    assert np.exp(np.median(log)) == pytest.approx(np.median(CAPACITIES_MBPS), rel=0.03)
    assert log.std() == pytest.approx(np.log(CAPACITIES_MBPS).std(ddof=1), rel=0.05)


def test_spikes_come_every_15_s_as_high_and_wide_as_those_of_the_recording(drawn):
    """Reconfigurations are 12, 27, 42 and 57 s after the minute; the run begins with one."""
    t_s, height_ms = drawn.spike_us.t_s, drawn.spike_us.value / 1000
    up = height_ms > 0
    assert t_s[up] == pytest.approx(np.arange(0, HOURS_S, 15))
    assert np.median(height_ms[up]) == pytest.approx(np.exp(np.mean(np.log(PEAKS_OVER_BASE_MS))), rel=0.04)
    assert np.log(height_ms[up]).std() == pytest.approx(np.log(PEAKS_OVER_BASE_MS).std(ddof=1), rel=0.05)
    widths_ms = 1000 * np.diff(t_s)[up[:-1]]
    assert widths_ms.min() >= 30 and widths_ms.max() <= 110
    assert widths_ms.mean() == pytest.approx(70, rel=0.05)


def test_a_second_with_a_spike_loses_what_was_seen_of_one(drawn):
    """LeoCC: 0.5 to 6 % over windows of a second. IMC 2022: up to 50 % at handovers."""
    lost_pct = drawn.loss_pct.value
    assert lost_pct.max() <= 50
    widths_s = np.append(np.diff(drawn.loss_pct.t_s), 0)
    of_second = (lost_pct * widths_s)[lost_pct > 0]
    assert of_second.max() < 6
    assert 0.5 < of_second.mean() < 6


def test_the_round_trip_of_a_bent_pipe_is_starlinks():
    """20 to 40 ms, of which 7.3 to 15.0 ms are light time: twice user to satellite to gateway."""
    ways = [USER.capable(up) for up in (True, False)]
    beside_ms = sum(way.extra_delay_ms + way.jitter_ms for way in ways)
    assert 7.3 + beside_ms >= 18 and 15.0 + beside_ms <= 40
    recorded_ms = 2 * 11
    assert 7.3 + beside_ms < recorded_ms < 15.0 + beside_ms
