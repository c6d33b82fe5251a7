"""Values of links: what is held is in force whatever the plan sets; released, they are as planned."""

from types import SimpleNamespace

import pytest

from skybed.emulator.sky.values import Values
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.links import LinkClass


@pytest.fixture
def values():
    link_class = LinkClass(rate_mbps=10, loss_pct=1, jitter_ms=[[0, 1], [2, 3]])
    return Values(SimpleNamespace(links=[Link(0, 1, "isl", "laser", link_class, "a--b")] * 3))


def test_at_first_they_are_those_of_the_class(values):
    assert values.in_force[2, 1, Property.LOSS] == 1 and values.in_force[2, 0, Property.RATE] == 10
    assert (values.in_force[:, :, Property.JITTER] == 0).all()  # until the plan sets it


def test_what_is_held_stays_while_the_plan_goes_on_and_is_then_as_planned(values):
    values.hold(0, 1, Property.LOSS, 50.0)
    values.plan(0, 1, Property.LOSS, 5.0)
    values.plan(0, 0, Property.LOSS, 6.0)
    assert values.in_force[0, :, Property.LOSS].tolist() == [6, 50]
    assert values.planned(0, 1, Property.LOSS) == 5 and values.holds(0, 1, Property.LOSS)
    values.hold(0, 1, Property.LOSS, 60.0)
    values.hold(0, 1, Property.LOSS, None)
    assert values.in_force[0, 1, Property.LOSS] == 5 and not values.holds(0, 1, Property.LOSS)
    values.hold(0, 1, Property.LOSS, None)  # what is not held
    assert values.in_force[0, 1, Property.LOSS] == 5


def test_a_link_that_is_held_down_is_in_contact_as_planned(values):
    for link in (0, 1):
        for side in (0, 1):
            values.plan(link, side, Property.CARRIER, 1.0)
            values.hold(link, side, Property.CARRIER, 0.0)
    assert values.in_contact() == {0, 1} and values.holds_lost(0)
    for side in (0, 1):
        values.plan(1, side, Property.CARRIER, 0.0)
    assert values.in_contact() == {0}


def test_a_delay_goes_on_by_its_slope_unless_it_is_held(values):
    values.plan(0, 0, Property.DELAY, 5000.0, 20.0, 10.0)
    assert values.at(12.5, 0)[:, Property.DELAY].tolist() == [5050, 0]
    assert values.at(5.0, [0, 1])[0, 0, Property.DELAY] == 5000  # before it begins
    values.hold(0, 0, Property.DELAY, 7000.0)
    values.plan(0, 0, Property.DELAY, 5200.0, -10.0, 20.0)
    assert values.at(25.0, 0)[0, Property.DELAY] == 7000
    values.hold(0, 0, Property.DELAY, None)
    assert values.at(25.0, 0)[0, Property.DELAY] == 5150
