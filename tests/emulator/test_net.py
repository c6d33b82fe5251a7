"""What a sky takes from a plan of several windows."""

import pathlib
from dataclasses import replace

import numpy as np
import pytest

from skybed.emulator import mn
from skybed.emulator.sky import net
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan import lines, steps
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario

RING = pathlib.Path(__file__).parents[2] / "scenarios" / "ring12.yaml"


@pytest.fixture
def plan(monkeypatch):
    """Five windows of a minute."""
    monkeypatch.setattr(windowed, "WINDOW_S", 60.0)
    monkeypatch.setattr(steps, "CHUNK_S", 20.0)
    return Plan.make(Scenario.load(RING), duration_s=300)


@pytest.mark.parametrize("at_s", [0.0, 59.9, 60.0, 130.0])
def test_the_table_at_a_time_takes_no_window_beyond_it(plan, at_s):
    changes = plan.routes.whole()
    expected = np.full((len(plan.nodes), len(plan.nodes)), -1)
    for row in changes[changes["t_s"] <= at_s]:
        expected[row["node"], row["dst"]] = row["via"]
    asked = []

    def watched():
        for piece in windowed.cut(changes, 300.0):
            asked.append(piece)
            yield piece

    assert (mn.table(replace(plan, routes=Pieces(watched)), at_s) == expected).all()
    assert (expected >= 0).any() and len(asked) == at_s // 60 + 1


def test_the_longest_delay_is_that_of_all_windows(plan):
    longest_us = net.longest_delay_us(plan)
    events = plan.events.whole()
    for link in range(len(plan.links)):
        mine = events[events["link"] == link]
        assert longest_us[link] == mine["value"][mine["property"] == Property.DELAY].max()


def test_a_still_has_no_route_over_a_link_without_carrier():
    """A fault that a schedule does not know: the route stays, and is not in any kernel."""
    scenario = Scenario.load(RING.with_name("reroute-schedule.yaml"))
    broken = Plan.make(scenario, duration_s=90)
    a, b = (broken.node(name) for name in scenario.faults[1].link)
    before, during = (mn.table(broken, at_s) for at_s in (79.0, 85.0))
    assert (before[a] == b).any() and (before[b] == a).any()
    assert not (during[a] == b).any() and not (during[b] == a).any()
    assert mn.Still(plan=broken, at_s=85.0).nodes()


def test_the_longest_delay_is_that_at_the_end_of_a_line(monkeypatch):
    monkeypatch.setattr(windowed, "WINDOW_S", 60.0)
    monkeypatch.setattr(lines, "SPAN_S", 60.0)
    plan = Plan.make(Scenario.load(RING).in_virtual_time(), duration_s=300)
    assert (plan.events.whole()["slope"] > 10).any()
    longest_us, contacts = net.longest_delay_us(plan), plan.contacts
    true_us = np.zeros(len(plan.links))
    for link, start_s, end_s in contacts[["link", "start_s", "end_s"]].itertuples(index=False):
        mine_us = 1e6 * plan.delay_s(link, np.linspace(start_s, end_s, 1000))
        true_us[link] = max(true_us[link], mine_us.max())
    np.testing.assert_allclose(longest_us, true_us, rtol=0, atol=1)
