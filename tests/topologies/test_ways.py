"""How long the longest way of flows is, for answers to be awaited so long."""

from pytest import approx, mark

from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.ways import longest_s
from skybed.topologies.scenario.file import Scenario


def plan(**changes):
    fields = {
        "name": "far", "epoch": "2026-05-01", "duration_s": 60,
        "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
        "stations": [{"name": n, "lat_deg": 0, "lon_deg": lon} for n, lon in (("a", 110), ("b", -70))],
        "links": {"moon": {"rate_mbps": 1, "min_elevation_deg": 5, "fixed_delay_ms": 1200}},
        "access": [{"from": "ground", "to": "geo", "link": "moon"}],
    }  # fmt: skip
    return Plan.make(Scenario.model_validate({**fields, **changes}))


def test_right_below_a_geostationary_satellite_it_is_light_time_and_the_fixed_delay():
    network = plan().network
    assert longest_s(network, [("a", "geo-0")]) == approx((42_164 - 6378) / 299_792.458 + 1.2, abs=1e-4)
    assert longest_s(network, [("geo-0", "a"), ("a", "a")]) == longest_s(network, [("a", "geo-0")])


def test_what_is_never_linked_takes_no_time():
    network = plan().network
    assert longest_s(network, [("a", "b")]) == 0
    assert longest_s(network, []) == 0


@mark.parametrize("at_s", [7.0, 25.0])
def test_a_link_that_stands_for_a_second_counts(at_s):
    """Whenever that is: between the looks, too."""
    faults = [{"kind": "carrier", "node": "a", "at_s": 0.0, "for_s": at_s},
              {"kind": "carrier", "node": "a", "at_s": at_s + 1, "for_s": 60}]  # fmt: skip
    assert longest_s(plan(faults=faults).network, [("a", "geo-0")]) == approx(1.319, abs=1e-3)
