"""Bundles that are flooded: who has one, and what all of them take of the memory of a lane."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from skybed.topologies.bundles import contacts
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario
from skybed.traffic.bundles import codec, tcpcl
from skybed.traffic.bundles.crossing import Agency
from skybed.traffic.bundles.memory import memory_mb
from skybed.traffic.shared import Shared
from support.places import SCENARIOS

SKY = """\
name: flood
epoch: 2026-05-09T00:00:00Z
duration_s: 100
layers:
  geo: {geostationary: {longitudes_deg: [110, 115]}}
stations: [miyun, sanya]
links:
  up: {rate_mbps: 100, min_elevation_deg: 5}
access:
  - {from: ground, to: geo, link: up, policy: all}
traffic:
  - {kind: bundles, name: files, from: miyun, to: sanya, size_bytes: 1000000, every_s: 1, routing: epidemic}
"""
LINKS = 4


def scenario(changes=None):
    return file.parse(SKY, "sky.yaml", Path()).with_(changes)


class Standing:
    """A clock that stands still at run time 0."""

    def now_s(self):
        return 0.0

    def to_realtime_ns(self, t_s):
        return t_s * 1e9


@pytest.fixture
def agency(tmp_path):
    plan = Plan.make(scenario())
    nodes = {node.name: SimpleNamespace(name=node.name) for node in plan.nodes}
    outlook = contacts.of(plan)
    shared = Shared(plan.scenario.flows, nodes, {}, 100.0, tmp_path, 0.0, plan=plan, outlook=outlook)
    agency = Agency(shared)
    agency.fleet.start(Standing())
    with shared.closing:
        yield agency


def test_a_node_that_is_given_a_bundle_shares_the_bytes_of_who_gave_it(agency):
    fleet = agency.fleet
    miyun, peer = fleet.places["miyun"], fleet.places["geo-0"]
    giver, taker = agency.agents[miyun], agency.agents[peer]
    giver.begins(next(x for x in fleet.actual if (x.node, x.peer) == (miyun, peer)))
    agency.create(0, 0, 0.0)
    held, bundle = giver.next(peer, "tcp")
    come = codec.decode(codec.encode(bundle))  # over a link
    assert come.payload is not held.bundle.payload
    number = giver.hand(peer, held)
    assert taker.accepts(come, 1_000_100) is None
    taker.arrived(miyun, number, come, come, 1_000_100)
    (there,) = taker.held
    assert there.bundle.payload is held.bundle.payload and there.bundle.hops == (64, 1)


def test_a_source_refuses_what_it_has_made_itself(agency):
    source = agency.agents[agency.fleet.places["miyun"]]
    agency.create(0, 0, 0.0)
    (held,) = source.held
    assert source.accepts(codec.decode(codec.encode(held.bundle)), 1_000_100) == tcpcl.COMPLETED


def test_a_lane_without_bundles_needs_no_memory_for_them():
    assert memory_mb(Scenario.load(SCENARIOS / "ring12.yaml"), 36) == 0


def test_flooded_files_are_counted_as_often_as_they_are_under_way_and_once_where_they_are_held():
    """100 MB, and 8 MB at a time under way, three times each."""
    assert memory_mb(scenario(), LINKS) == pytest.approx(1.5 * (100 + 3 * 8) * 1e6 / 2**20)


def test_no_more_is_held_than_storages_have_room_for():
    geo = scenario({"layers.geo.carries": {"storage": 0.001}})
    assert memory_mb(geo, LINKS) == memory_mb(scenario(), LINKS)  # stations have room for all
    own = "{storage: 0.004}}"
    sky = SKY.replace("miyun, sanya]", f"{{name: m, lat_deg: 40, lon_deg: 117, carries: {own}]", 1)
    sky = sky.replace("from: miyun", "from: geo-0").replace("to: sanya", "to: m")
    full = file.parse(sky, "sky.yaml", Path()).with_({"layers.geo.carries": {"storage": 0.001}})
    assert memory_mb(full, LINKS) == pytest.approx(1.5 * (6 + 3 * 8) * 1e6 / 2**20)
    assert memory_mb(full.with_(rate_scale=0.5), LINKS) == pytest.approx(1.5 * (3 + 3 * 8) * 1e6 / 2**20)


def test_what_was_seen_of_a_flood_of_36_files_is_less_than_its_lane_is_given():
    """Twelve satellites and four stations: 418 MB was the most of the process of traffic."""
    sky = Scenario.load(SCENARIOS / "campaigns/base/ring-store.yaml")
    flood = {f"traffic[images-{which}].routing": "epidemic" for which in ("near", "far")}
    assert 418 < memory_mb(sky.with_(flood), 39) < 2 * 2**10
    assert memory_mb(sky, 39) < memory_mb(sky.with_(flood), 39)


def test_it_is_bounded_as_what_is_delivered_is_held_no_longer():
    assert memory_mb(scenario({"traffic[files].size_bytes": 1_000_000_000}), LINKS) == 2048
