"""What this network promises. Each test asks a run of network.yaml; it is played once for all of them."""

import pytest

from skybed import mbps, ms, percent


@pytest.fixture(scope="module")
def run(skybed):
    return skybed.run("network.yaml")


def test_a_command_is_answered_within_100_ms(run):
    assert run.rtt("beijing", "eo-0-0").p99 < 100 * ms


def test_commands_leave_through_miyun_and_two_relays_at_least(run):
    first, second, *relays, last = run.path_at(20, "beijing", "eo-0-0")
    assert (first, second, last) == ("beijing", "miyun", "eo-0-0")
    assert len(relays) >= 2 and all(name.startswith("relay-") for name in relays)


def test_a_planned_handover_loses_nothing(run):
    """Kashi changes its relay at 38 s, and the path to Sanya becomes a short one."""
    before, after = (run.path_at(t_s, "kashi", "sanya") for t_s in (37, 40))
    assert before[1] != after[1]
    assert len(after) < len(before)
    assert run.loss("kashi", "sanya") == 0
    assert run.outages("kashi", "sanya") == []


def test_images_come_down_at_their_rate(run):
    assert run.throughput("images") > 1.95 * mbps
    assert run.loss("images") < 0.1 * percent


def test_a_relay_that_falls_silent_is_passed_round(skybed, run):
    """Routing notices after 100 ms (detection_ms); what was on its way then is lost too."""
    relay = run.path_at(10, "beijing", "eo-0-0")[3]
    failed = skybed.run("network.yaml", faults=[{"kind": "silent", "node": relay, "at_s": 10}])
    (outage,) = failed.outages("command")
    assert outage.duration < 200 * ms
    assert relay not in failed.path_at(20, "beijing", "eo-0-0")


def test_figures_are_those_that_were_accepted(run):
    assert run.matches_baseline("baselines/network.json")
