"""Paths that Hypatia published for Kuiper's first shell (Kassing et al., IMC 2020); its Starlink geometry."""

import pathlib

import numpy as np
import pytest

from skybed.topologies.orbits.geometry import chord_km
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"
T_S = np.arange(2000) * 0.1


@pytest.fixture(scope="module")
def kuiper():
    return Plan.make(Scenario.load(SCENARIOS / "kuiper-630.yaml"), duration_s=200)


@pytest.fixture(scope="module")
def to_dalian(kuiper):
    return kuiper.path("Manila", "Dalian", T_S)


def changes(paths):
    """(time, satellite numbers) each time the path becomes another; no satellites when there is no path."""
    found = []
    for k in np.flatnonzero(np.diff(paths.path_id, prepend=-2)):
        names = paths.paths[paths.path_id[k]][1:-1] if paths.path_id[k] >= 0 else ()
        found.append((paths.t_s[k], "-".join(name.removeprefix("kuiper-") for name in names)))
    return found


def test_manila_to_dalian_takes_hypatias_paths(to_dalian):
    when, which = zip(*changes(to_dalian), strict=True)
    assert which == (
        "184-183-217", "218-217", "648-649-650-616",
        "218-217-216-250", "647-648-649-650-616", "647-648-649-615",
    )  # fmt: skip
    assert when == pytest.approx([0, 18.0, 27.6, 74.3, 125.9, 128.7], abs=0.1001)


def test_manila_to_dalian_has_hypatias_round_trips(to_dalian):
    rtt_ms = to_dalian.rtt_ms
    assert rtt_ms.min() == pytest.approx(25.2298, abs=0.005)
    assert rtt_ms.max() == pytest.approx(48.1651, abs=0.005)
    assert T_S[rtt_ms.argmin()] == pytest.approx(27.5, abs=0.1001)
    assert T_S[rtt_ms.argmax()] == pytest.approx(128.6, abs=0.1001)
    at = {0: 29.423138, 18.0: 25.346493, 27.6: 41.142504, 74.3: 42.043405, 125.9: 48.139384, 128.7: 42.971324}
    assert [rtt_ms[round(t * 10)] for t in at] == pytest.approx(list(at.values()), abs=0.005)


def test_one_outage_between_manila_and_st_petersburg(kuiper):
    paths = kuiper.path("Manila", "Sankt-Peterburg", T_S)
    when, which = zip(*changes(paths), strict=True)
    assert when == pytest.approx([0, 3.3, 139.5, 150.1, 155.4, 165.2, 178.8], abs=0.1001)
    assert [t for t, path in zip(when, which, strict=True) if not path] == [when[4]]
    gone = T_S[np.isnan(paths.rtt_ms)]
    assert (gone[0], len(gone)) == (when[4], round((when[5] - when[4]) * 10))
    assert paths.rtt_ms[[0, 33]] == pytest.approx([76.846049, 75.979320], abs=0.005)
    assert np.nanmin(paths.rtt_ms) == pytest.approx(69.41, abs=0.005)
    assert np.nanmax(paths.rtt_ms) == pytest.approx(77.63, abs=0.005)


def test_packets_follow_the_shortest_paths():
    """Routes are known every 0.1 s here, so a packet seldom takes any but the shortest way."""
    plan = Plan.make(Scenario.load(SCENARIOS / "kuiper-630.yaml"), duration_s=20)
    t_s = np.arange(0.05, 20, 0.1)
    arrival_s, path_id, paths = plan.trace("Manila", "Dalian", t_s)
    shortest = plan.path("Manila", "Dalian", t_s)
    taken = [tuple(plan.nodes[n].name for n in paths[i]) for i in path_id]
    same = [way == shortest.paths[i] for way, i in zip(taken, shortest.path_id, strict=True)]
    assert np.mean(same) > 0.98
    off_ms = (arrival_s - t_s)[same] * 1e3 - shortest.rtt_ms[same] / 2
    assert np.abs(off_ms).max() < 0.001  # the satellites move on while the packet is on its way


def test_starlink_neighbours_are_6_6_ms_apart():
    """1,971.95 km or 6.578 ms at 550 km; Hypatia's 15.19 rev/day fly at 509 km in truth, so 1,960 km."""
    plan = Plan.make(Scenario.load(SCENARIOS / "starlink-550.yaml"), duration_s=10)
    along = [n for n, x in enumerate(plan.links) if x.kind == "isl" and x.a // 22 == x.b // 22]
    across = [n for n, x in enumerate(plan.links) if x.kind == "isl" and x.a // 22 != x.b // 22]
    assert (len(along), len(across)) == (1584, 1584)
    apart_km = plan.delay_s(along, 0.0) * 299_792.458
    assert apart_km == pytest.approx(np.full(1584, chord_km(509, 22)), abs=3)
    assert apart_km.mean() / 299.792458 == pytest.approx(6.578, rel=0.01)
