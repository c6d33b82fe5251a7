# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Fields that a scenario gives and that have no effect."""

import pathlib

import pytest
from click.testing import CliRunner

from skybed.scripts.cli.main import main
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.checks.idle import idle
from skybed.topologies.scenario.file import Scenario

SKY = """\
name: idle
epoch: 2026-05-09
duration_s: 30
layers:
  net: {walker: "53:60/6/1 at 1200 km", isl: {pattern: grid}}
  up: {walker: "53:24/4/1 at 1400 km"}
stations: [miyun, sanya]
access:
  - {from: ground, to: net, link: ka-user}
  - {from: net, to: up, link: laser-isl}
routing: {protocol: oracle}
capture: [[net-0-0, net-0-1], [miyun, sanya]]
"""


def parse(old="", new=""):
    assert old in SKY
    return file.parse(SKY.replace(old, new, 1), "sky.yaml", pathlib.Path())


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("pattern: grid", "pattern: grid, terminals: 3", "line 5: layers.net.isl.terminals has no effect: it goes with the "
         "pattern nearest, and this is grid."),
        ("pattern: grid", "pattern: ring, seam: false", "line 5: layers.net.isl.seam has no effect: it goes with the pattern "
         "grid or motif, and this is ring."),
        ("pattern: grid", "pattern: none, max_range_km: 5", "line 5: layers.net.isl.max_range_km has no effect: it does not go with the "
         "pattern none."),
        ("ka-user", "ka-user, gateways: []", "line 9: access[0].gateways has no effect: it names none."),
        ("ka-user", "ka-user, slot_s: 15", "line 9: access[0].slot_s has no effect: it goes with the policy slots or shuffle, and "
         "this is nearest."),
        ("ka-user", "ka-user, policy: slots, decision_s: 5", "line 9: access[0].decision_s has no effect: it does not go with the policy "
         "slots."),
        ("ka-user", "ka-user, policy: all, terminals: 8", "line 9: access[0].terminals has no effect: it does not go with the policy "
         "all."),
        ("ka-user", "ka-user, grazing_altitude_km: 90", "line 9: access[0].grazing_altitude_km has no effect: it is for links "
         "between satellites; stations have min_elevation_deg."),
        ("oracle}", "ospf, bfd_multiplier: 5}", "line 11: routing.bfd_multiplier has no effect: it goes with the protocol bfd or "
         "custom, and this is ospf."),
    ],
)  # fmt: skip
def test_a_field_that_has_no_effect_is_told_and_no_error(old, new, says):
    assert idle(parse(old, new)) == [f"sky.yaml, {says}"]


@pytest.mark.parametrize(
    "old, new",
    [
        ("pattern: grid", "pattern: nearest, terminals: 3, hysteresis_km: 9, every_s: 7"),
        ("pattern: grid", "pattern: ring, polar_cutoff_deg: null"),
        ("laser-isl", "laser-isl, grazing_altitude_km: 90"),
        ("ka-user", "ka-user, policy: highest, hysteresis_deg: 2, decision_s: 5"),
        ("ka-user", "ka-user, policy: slots, slot_s: 20, hysteresis_km: 5"),
        ("oracle}", "ospf+bfd, bfd_multiplier: 5, hello_s: 2}"),
    ],
)
def test_one_that_has_is_not(old, new):
    assert idle(parse(old, new)) == []


def test_what_is_stored_has_all_defaults_and_says_nothing(tmp_path):
    plan = Plan.make(parse())
    plan.save(tmp_path / "plan")
    stored = Plan.load(tmp_path / "plan").scenario
    assert idle(stored) == []
    (other,) = idle(stored.with_({"access[0].slot_s": 20}))
    assert "access[0].slot_s has no effect" in other


@pytest.mark.parametrize("name", ["pair", "download", "sc-mini", "flight", "reroute-bfd", "bgp-anchors"])
def test_the_ready_scenarios_have_none(name):
    assert idle(Scenario.load(name)) == []


def test_to_capture_what_is_never_linked_is_told_with_the_plan(tmp_path):
    note = "sky.yaml, line 12: capture[1] has no effect: miyun and sanya are never linked here."
    assert Plan.make(parse()).notes == [note]
    (tmp_path / "sky.yaml").write_text(SKY.replace("grid", "grid, terminals: 3"))
    done = CliRunner().invoke(main, ["plan", str(tmp_path / "sky.yaml")], catch_exceptions=False)
    assert done.exit_code == 0
    assert "isl.terminals has no effect" in done.stderr and "capture[1] has no effect" in done.stderr
