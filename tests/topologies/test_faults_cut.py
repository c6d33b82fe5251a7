"""What outages leave of a contact, and when routing knows: on one link that stands from 0 to 100 s."""

import numpy as np
import pandas as pd
import pytest

from skybed.topologies.contacts import faults
from skybed.topologies.model.routing import Routing

RULE = Routing(drain_ms=2000, detection_ms=500)


def contacts(*rows):
    """(link, start_s, end_s, route_start_s, route_end_s)"""
    columns = ["link", "start_s", "end_s", "route_start_s", "route_end_s"]
    return pd.DataFrame(rows or [(0, 0.0, 100.0, 0.0, 98.0)], columns=columns)


def outages(*rows):
    """(link, kind, planned, start_s, end_s)"""
    return pd.DataFrame(rows, columns=["link", "kind", "planned", "start_s", "end_s"])


def cut(*rows, of=()):
    left = faults.cut(contacts(*of), outages(*rows), RULE)
    return left[["start_s", "end_s", "route_start_s", "route_end_s"]].to_numpy().tolist()


def test_a_planned_outage_is_left_a_drain_time_before_it_begins():
    assert cut((0, "carrier", True, 40.0, 50.0)) == [[0, 40, 0, 38], [50, 100, 50, 98]]


def test_an_unplanned_one_is_noticed_after_it_began():
    assert cut((0, "carrier", False, 40.0, 50.0)) == [[0, 40, 0, 40.5], [50, 100, 50, 98]]


def test_a_contact_that_an_outage_leaves_alone_is_as_it_was():
    whole = [[0, 100, 0, 98]]
    assert cut((0, "silent", False, 40.0, 50.0)) == whole
    assert cut((1, "carrier", False, 40.0, 50.0)) == whole
    assert cut((0, "carrier", False, 100.0, 110.0)) == whole
    assert cut((0, "carrier", False, 0.0, 100.0)) == []


def test_routing_never_uses_a_link_longer_than_it_would_have_without_the_outage():
    """It was to leave at 98 s; that something fails at 97.8 s it would know at 98.3 s."""
    assert cut((0, "carrier", False, 97.8, 200.0)) == [[0, 97.8, 0, 98]]
    assert cut((0, "carrier", True, 1.0, 5.0)) == [[0, 1, 0, 0], [5, 100, 5, 98]]  # nor before it comes


def test_an_outage_that_begins_with_another_is_planned_if_one_of_them_is():
    both = (0, "carrier", True, 40.0, 50.0), (0, "carrier", False, 40.0, 60.0)
    assert cut(*both) == [[0, 40, 0, 38], [60, 100, 60, 98]]
    before = (0, "carrier", False, 30.0, 35.0), (0, "carrier", True, 40.0, 50.0)
    assert cut(*before) == [[0, 30, 0, 30.5], [35, 40, 35, 38], [50, 100, 50, 98]]
    after = (0, "carrier", True, 30.0, 35.0), (0, "carrier", False, 40.0, 50.0)
    assert cut(*after) == [[0, 30, 0, 28], [35, 40, 35, 40.5], [50, 100, 50, 98]]


def test_each_contact_of_a_link_keeps_its_own_times():
    of = (0, 0.0, 100.0, 3.0, 98.0), (0, 200.0, 300.0, 203.0, 298.0), (1, 0.0, 50.0, 0.0, 48.0)
    assert cut((0, "carrier", False, 250.0, 260.0), of=of) == [
        [0, 100, 3, 98], [200, 250, 203, 250.5], [260, 300, 260, 298], [0, 50, 0, 48],
    ]  # fmt: skip


def test_silent_outages_are_left_before_or_once_they_are_noticed():
    lost = outages(
        (0, "silent", True, 20.0, 30.0), (0, "silent", False, 60.0, 70.0), (0, "carrier", False, 80, 90)
    )
    used = faults.routed(contacts(), lost, RULE)
    assert used.of(0) == [(0, 18), (30, 60.5), (70, 98)]
    assert faults.silences(contacts(), lost).of(0) == [(20, 30), (60, 70)]
    short = outages((0, "silent", False, 60.0, 60.4))  # over before anybody notices
    assert faults.routed(contacts(), short, RULE).of(0) == [(0, 98)]


@pytest.mark.parametrize("planned, found", [(None, [(20, 35)]), (True, [(20, 30)]), (False, [(25, 35)])])
def test_outages_of_a_kind_that_overlap_are_one(planned, found):
    lost = outages(
        (0, "silent", True, 20.0, 30.0), (0, "silent", False, 25.0, 35.0), (0, "carrier", True, 1.0, np.inf)
    )
    assert faults.of_kind(lost, "silent", planned).of(0) == found
    assert faults.of_kind(lost, "carrier", True).of(0) == [(1, np.inf)]
