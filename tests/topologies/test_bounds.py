# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Numbers at their ends: each field says what it can be, and what is sensible is never refused."""

import copy
import pathlib

import numpy as np
import pytest
import yaml

from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import TINY

FLOW = {"from": "Miyun", "to": "Sanya"}


def changed(at, value):
    """The tiny sky with another value; at: keys and places."""
    fields = copy.deepcopy(TINY)
    part = fields
    for key in at[:-1]:
        part = part[key] if isinstance(part, list) else part.setdefault(key, {})
    part[at[-1]] = value
    return fields


def complaint(at, value):
    with pytest.raises(ScenarioError) as error:
        file.parse(yaml.safe_dump(changed(at, value), sort_keys=False), "s.yaml", pathlib.Path())
    return str(error.value).split(": ", 1)[1]


@pytest.mark.parametrize(
    "at, value, says",
    [
        ("seed", -1, "seed is -1; it must be at least 0."),
        ("seed", 2**63, "seed is 9223372036854775808; it must be at most 9.223372037e+18."),
        ("rate_scale", 5e-324, "rate_scale is 5e-324; it must be at least 1e-12."),
        ("rate_scale", 1e-9, "links.radio.rate_mbps leaves links radio 1e-08 Mbit/s; they need 1e-05 or more, or 0."),
        ("delay_bound_us", 5e-324, "delay_bound_us is 5e-324; it must be at least 0.01."),
        ("epoch", "2262-01-01T00:00:00Z", "epoch 2262-01-01T00:00:00Z is not of the years 1970 to 2261."),
        ("epoch", "1969-12-31T23:59:59Z", "epoch 1969-12-31T23:59:59Z is not of the years 1970 to 2261."),
        ("start", "0001-01-01T00:00:00+14:00", "start 0001-01-01T00:00:00+14:00 is not of the years 1970 to 2261."),
        ("access.0.decision_s", 1e308, "access[0].decision_s is 1e+308; it must be at most 2592000."),
        ("access.0.hysteresis_km", "1e308", "access[0].hysteresis_km is 1e308; it must be at most 1e+15."),
        ("access.0.terminals", 10**30, f"access[0].terminals is {10**30}; it must be at most 10000."),
        ("routing.interval_s", 5e-324, "routing.interval_s is 5e-324; it must be at least 0.01."),
        ("routing.drain_ms", 1e308, "routing.drain_ms is 1e+308; it must be at most 2592000000."),
        ("routing.copies", [{"issued_s": -1e308}], "routing.copies[0].issued_s is -1e+308; it must be at least -1e+15."),
        ("links.radio.setup_s", 1e9, "links.radio.setup_s is 1000000000.0; it must be at most 2592000 or a pair "
         "[least, most]."),
        ("links.radio.rate_mbps", 1e308, "links.radio.rate_mbps is 1e+308; it must be at most 1e+15."),
        ("links.radio.rate_mbps", 1e-6, "links.radio.rate_mbps leaves links radio 1e-06 Mbit/s; they need 1e-05 or "
         "more, or 0."),
        ("links.radio.fixed_delay_ms", 300_000, "links.radio.fixed_delay_ms is 300000; it must be at most 60000."),
        ("links.radio.queue_packets", 2**31, "links.radio.queue_packets is 2147483648; it must be at most 100000000."),
        ("traffic.0.rate_hz", 5e-324, "traffic[0].rate_hz is 5e-324; it must be at least 1e-12."),
        ("traffic.1.every_s", 1e-9, "traffic[1].every_s is 1e-09; it must be at least 0.01."),
        ("traffic.0", {"kind": "udp", **FLOW, "rate_mbps": 1e6}, "traffic[0].rate_mbps is 1000000.0; it must be at most "
         "10000."),
        ("traffic", [{"kind": "probe", **FLOW}] * 1001, "traffic is a list; it must be at most 1000 long."),
        ("layers", {"leo": {"walker": "53:40000/200/1 at 550 km"}}, "layers have 40000 satellites; at most 20000 can be "
         "planned."),
    ],
)  # fmt: skip
def test_a_number_that_nothing_can_be(at, value, says):
    assert complaint([int(key) if key.isdigit() else key for key in at.split(".")], value) == says


@pytest.mark.parametrize(
    "names", ["{id[0]}", "{n:>3000000000}", "{n.real}", "{n!r}", "{n:{id}}", "{name:3}", "{", "{}"]
)
def test_a_template_names_fields_and_nothing_of_what_is_in_them(names):
    assert complaint(["layers", "leo", "names"], names) == (
        f"layers.leo.names is {names}; for elements it may contain {{layer}}, {{n}}, {{plane}}, {{slot}}, {{name}}, {{id}}."
    )


def test_a_template_may_give_numbers_a_width():
    fields = changed(["layers", "leo", "names"], "leo-{n:03}") | {"traffic": []}
    assert [node.name for node in Plan.make(Scenario.model_validate(fields)).nodes][:2] == [
        "leo-000",
        "leo-001",
    ]


@pytest.mark.parametrize(
    "at, value",
    [
        ("duration_s", 30 * 86_400), ("seed", 2**63 - 1), ("delay_bound_us", 0.01), ("routing.interval_s", 0.01),
        ("links.radio.fixed_delay_ms", 60_000), ("traffic", [{"kind": "probe", **FLOW, "name": f"p{n}"} for n in range(100)]),
        ("stations.0.lat_deg", 0.1 + 0.2 - 0.3), ("layers", {"leo": {"walker": "53:4408/29/1 at 550 km"}}),
    ],
)  # fmt: skip
def test_what_is_large_and_sensible_is_taken(at, value):
    fields = changed([int(key) if key.isdigit() else key for key in at.split(".")], value)
    file.parse(yaml.safe_dump(fields, sort_keys=False), "s.yaml", pathlib.Path())


def test_a_rate_that_carries_nothing_in_a_lifetime_is_none():
    """netem takes a rate in whole bytes a second, and 0 of them for no limit at all."""
    steps = [[0, 5], [10, 1e-9], [20, 5]]
    scenario = Scenario.model_validate(changed(["links", "radio", "rate_mbps"], steps))
    events = Plan.make(scenario).events.whole()
    rates = events["value"][events["property"] == Property.RATE]
    assert np.unique(rates).tolist() == [0, 5]
