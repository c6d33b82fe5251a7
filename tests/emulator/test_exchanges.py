"""What exchanged packets tell of another host's clock, and of the way there (RFC 5905, section 8)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.emulator.sky import exchanges

US = 1000  # ns
WAY = st.integers(1, 50_000_000)  # ns


def exchanged(offset_ns, there_ns, back_ns, stayed_ns=0, sent_ns=10**18):
    """The four times of one exchange."""
    came = sent_ns + there_ns + offset_ns
    return sent_ns, came, came + stayed_ns, sent_ns + there_ns + stayed_ns + back_ns


def test_over_equal_ways_the_offset_is_exact_however_long_the_answer_took():
    times = [exchanged(7_000_000 * US, 500 * US, 500 * US, stayed_ns=n * US) for n in (0, 30, 9000)]
    assert exchanges.estimate(np.array(times)) == (7_000_000.0, 1000.0, 1000.0)


@given(st.integers(-(10**15), 10**15), WAY, WAY)
def test_the_offset_is_off_by_half_the_round_trip_at_most(offset_ns, there_ns, back_ns):
    found = exchanges.estimate(np.array([exchanged(offset_ns, there_ns, back_ns)]))
    assert abs(found.offset_us * US - offset_ns) <= found.uncertainty_us * US + 1
    assert found.uncertainty_us * 2 * US == pytest.approx(there_ns + back_ns)


def test_a_packet_that_waited_on_one_way_does_not_count_for_the_clock():
    """For links a quarter may be quicker, and how late the others were makes no difference."""
    waited = [exchanged(5 * US, (500 + late) * US, 500 * US) for late in (0, 40, 50, 60, 9000)]
    found = exchanges.estimate(np.array(waited))
    assert (found.offset_us, found.least_us, found.rtt_us) == (5.0, 1000.0, 1040.0)
    assert (found.uncertainty_us, found.one_way_us) == (500.0, 520.0)
