"""A campaign file becomes runs, or errors that name its line and the field."""

import pathlib
import re

import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario import campaign

RING = pathlib.Path(__file__).parents[2] / "scenarios" / "ring12.yaml"
READY = sorted((RING.parent / "campaigns").glob("*.yaml"))


def load(folder, text):
    file = folder / "c.yaml"
    file.write_text(f"name: c\nscenario: {RING}\n{text}")
    return campaign.load(file)[1]


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_ready_campaigns_load(path):
    loaded, cases = campaign.load(path)
    assert loaded.name == path.stem and 1 < len(cases) < 100


def test_a_list_and_a_grid_are_combined_and_repeats_are_innermost(tmp_path):
    cases = load(
        tmp_path,
        "list:\n  - {duration_s: 5}\n  - {'traffic[down].rate_hz': 20}\n"
        "grid:\n  access[0].policy: [keep, nearest]\n  routing.drain_ms: [0]\nrepeats: 2\n",
    )
    assert [(*case.parameters.values(), case.repeat) for case in cases] == [
        (duration_s, rate_hz, policy, 0, repeat)
        for duration_s, rate_hz in [(5, 10), (60, 20)]  # what an item does not say is the scenario's
        for policy in ("keep", "nearest")
        for repeat in (0, 1)
    ]
    last = cases[-1].scenario
    assert last.access[0].policy == "nearest" and last.routing.drain_ms == 0
    assert [flow.rate_hz for flow in last.traffic if flow.name == "down"] == [20]
    assert last.bound_us == 1  # virtual time
    assert len({case.key for case in cases}) == 8


def test_items_with_names_are_one_parameter(tmp_path):
    named = "list:\n  short: {duration_s: 5}\n  'many, by day': {'traffic[down].rate_hz': 20}\n"
    cases = load(
        tmp_path,
        f"{named}grid: {{routing.drain_ms: [0, 1]}}\nwithout: [{{variant: short, routing.drain_ms: 1}}]",
    )
    assert [case.parameters for case in cases] == [
        {"variant": variant, "routing.drain_ms": drain_ms}
        for variant, drain_ms in [("short", 0), ("many, by day", 0), ("many, by day", 1)]
    ]
    without = load(tmp_path, "list: [{duration_s: 5}]\ngrid: {routing.drain_ms: [0]}")
    assert cases[0].key == without[0].key  # a name is none of what is run


def test_a_link_class_of_the_catalogue_keeps_what_is_not_changed(tmp_path):
    (case,) = load(tmp_path, "grid: {links.laser-isl.loss_pct: [0.5]}\n")
    before = campaign.Scenario.load(RING).link_class("laser-isl")
    assert case.scenario.link_class("laser-isl") == before.model_copy(update={"loss_pct": 0.5})


def test_repeats_have_seeds_of_their_own_the_first_the_scenario_s(tmp_path):
    three = [case.scenario.seed for case in load(tmp_path, "repeats: 3\n")]
    assert three[0] == 1 and len(set(three)) == 3
    assert three == [case.scenario.seed for case in load(tmp_path, "repeats: 4\n")][:3]


def test_a_run_is_known_by_its_content(tmp_path):
    """A campaign that is edited finds the runs that it still has."""
    few = load(tmp_path, "grid: {duration_s: [5, 6]}\n")
    more = load(tmp_path, "grid: {'access[0].policy': [keep, nearest], duration_s: [5.0, 7]}\n")
    assert {case.key for case in few} & {case.key for case in more} == {few[0].key}
    assert few[0].key != load(tmp_path, "clock: real\ngrid: {duration_s: [5]}\n")[0].key


GRID = """grid:
  access[0].policy: [keep, nearest]
  routing.drain_ms: [0, 5]
repeats: 2
"""


def test_combinations_are_left_out_and_need_not_be_possible(tmp_path):
    text = GRID.replace("nearest]", "nearest, most-stars]") + (
        "without:\n  - {routing.drain_ms: 5.0, 'access[0].policy': keep}\n"
        "  - {'access[0].policy': most-stars}\n"
    )
    assert [(*case.parameters.values(), case.repeat) for case in load(tmp_path, text)] == [
        ("keep", 0, 0), ("keep", 0, 1), ("nearest", 0, 0), ("nearest", 0, 1),
        ("nearest", 5, 0), ("nearest", 5, 1),
    ]  # fmt: skip


def test_what_is_left_out_may_be_a_value_of_the_list_or_the_scenario_s(tmp_path):
    text = "list:\n  - {duration_s: 5}\n  - {fibre: []}\nwithout: [{duration_s: 60}]\n"
    (case,) = load(tmp_path, text)
    assert case.parameters == {"duration_s": 5, "fibre": case.parameters["fibre"]}


def test_figures_name_parameters_or_flows(tmp_path):
    file = tmp_path / "c.yaml"
    drawn = (
        "  - {kind: ecdf, metric: owd_ms, colour: flow, columns: 'access[0].policy'}\n"
        "  - {kind: line, metric: loss_pct, x: routing.drain_ms, colour: flow, flow: down}\n"
        "  - {kind: heatmap, metric: loss_pct, x: routing.drain_ms, y: 'access[0].policy'}\n"
    )
    file.write_text(f"name: c\nscenario: {RING}\n{GRID}figures:\n{drawn}")
    first, _, third = campaign.load(file)[0].figures
    assert first.parameters == {"colour": "flow", "columns": "access[0].policy"}
    assert third.parameters == {"x": "routing.drain_ms", "y": "access[0].policy"}


FIGURES = {
    "kind: pie, metric: rtt_ms": "kind is pie; it must be ecdf, box, heatmap, line or stages.",
    "kind: ecdf": "metric is missing.",
    "kind: ecdf, metric: rtt": "metric names rtt, but there is no such metric in this campaign's ecdf (",
    "kind: box, x: flow, metric: sent": "metric names sent, but there is no such metric in this campaign's",
    "kind: ecdf, metric: rtt_ms, flow: dwn": "flow names dwn, but there is no such flow (did",
    "kind: ecdf, metric: rtt_ms, color: flow": "color is not a field (did you mean colour?).",
    "kind: ecdf, metric: rtt_ms, x: flow": "x is not for a figure of the kind ecdf; leave it out.",
    "kind: heatmap, metric: loss_pct, x: flow": " has no y; a heatmap needs one.",
    "kind: box, metric: loss_pct, x: seed": "x names seed, but there is no such parameter of this campaign (",
    "kind: box, metric: loss_pct, x: flow, colour: flow": "colour is flow, as x is; leave one out.",
    "kind: line, metric: loss_pct, x: 'access[0].policy'": "x is access[0].policy, whose values are not",
    "kind: ecdf, metric: response_s": "metric is response_s, of which no run of this campaign has any",
    "kind: line, metric: loss_pct, x: flow": "x is flow, whose values are not all numbers; a box",
}  # fmt: skip


@pytest.mark.parametrize("text", FIGURES, ids=lambda text: FIGURES[text][:40])
def test_a_figure_that_cannot_be_drawn_is_told_with_its_line(tmp_path, text):
    with pytest.raises(ScenarioError) as told:
        load(tmp_path, f"{GRID}figures:\n  - {{{text}}}\n")
    dot = "" if FIGURES[text].startswith(" ") else "."
    assert str(told.value).startswith(f"{tmp_path}/c.yaml, line 8: figures[0]{dot}{FIGURES[text]}")


IN_GRID = {
    "access[0].policy: [keep, nearst]": "access[0].policy is nearst; it must be all, nearest,",
    "access[3].policy: [keep]": "access[3].policy is not there: access has 1 item, counted from 0.",
    "access.policy: [keep]": "access.policy is not a field: access is a list; write access[policy], a",
    "access[0].polcy: [keep]": "access[0].polcy is not a field (did you mean policy?).",
    "traffic[dwn].rate_hz: [1]": "traffic[dwn].rate_hz is not there: no item of traffic is named dwn (did",
    "duration_s.x: [1]": "duration_s.x is not a field: duration_s is 60, which has none.",
    "..x: [1]": "..x is not a path; write one as in access[0].policy or traffic[down].rate_hz.",
    "duration_s: [5, 5.0]": "the same run as that of line 4; leave one out.",
    "duration_s: []": "grid.duration_s is an empty list; it must be a list of at least 1.",
    "about: [" + "x" * 300 + "]": "a value of about is too long to name a folder (2",
}
WRONG = {f"grid:\n  {text}": f"4: {says}" for text, says in IN_GRID.items()} | {
    "grid:\n  access[0].policy:\n    - keep\n    - 3": "6: access[0].policy is 3; it must be all,",
    "grid: {rate_scale: [1]}\nlist:\n  - {rate_scale: 2}": "5: rate_scale is in the grid too; give it in",
    "list:\n  - {duration_s: 5}\n  - {sed: 2}": "5: sed is not a field (did you mean seed?).",
    "list:\n  a: {duration_s: 5}\n  b: {sed: 2}": "5: sed is not a field (did you mean seed?).",
    "list:\n  1: {duration_s: 5}": "3: list has an item whose name is no text of one line; write one, in",
    "list:\n  ' ': {duration_s: 5}": "3: list has an item whose name is no text of one line; write one, in",
    "list:\n  __HIVE_DEFAULT_PARTITION__: {duration_s: 5}": "4: __HIVE_DEFAULT_PARTITION__ is how tables",
    "list:\n  a: {}": "4: list.a is an empty mapping; it must be a mapping of at",
    "list:\n  - {duration_s: 5}\n  - {traffic: []}": "4: a value of traffic is too long to name a fol",
    "list:\n  - {stations: [kashi]}": "4: traffic[2].to names miyun, but there is no such node.",
    "grd: 3": "3: grd is not a field (did you mean grid?).",
    "grid:\n  seed: [1, 2]": "4: seed is not a parameter; `repeats` vary it.",
    "repeats: 0": "3: repeats is 0; it must be at least 1.",
    "grid: {rate_scale: [1]}\nwithout: [{x: 1}]": "4: without[0].x is not a parameter of this campaign",
    "grid: {rate_scale: [1]}\nwithout: [{rate_scale: 2}]": "4: without[0] leaves nothing out: no combi",
    "grid: {rate_scale: [1]}\nwithout: [{}]": "4: without[0] is an empty mapping; it must be a mapping of at",
    "grid: {rate_scale: [1]}\nwithout: [{rate_scale: 1}]": "4: without leaves no run.",
    "metrics: [rtt]": "3: metrics[0] rtt is not a metric (the nearest are",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: WRONG[text][:40])
def test_what_is_wrong_is_told_with_its_line_in_the_campaign(tmp_path, text):
    with pytest.raises(ScenarioError) as told:
        load(tmp_path, text + "\n")
    assert str(told.value).startswith(f"{tmp_path}/c.yaml, line {WRONG[text]}")


def test_a_base_scenario_that_is_wrong_is_told_with_its_own_lines(tmp_path):
    (tmp_path / "s.yaml").write_text(RING.read_text().replace("duration_s: 60", "duration_s: -60"))
    file = tmp_path / "c.yaml"
    file.write_text("name: c\nscenario: s.yaml\n")
    with pytest.raises(ScenarioError, match=r"s\.yaml, line \d+: duration_s is -60"):
        campaign.load(file)
    file.write_text("name: c\nscenario: t.yaml\n")
    with pytest.raises(ScenarioError, match=r"c\.yaml, line 2: t\.yaml: there is no such scenario file"):
        campaign.load(file)


@pytest.mark.parametrize(
    "text, says",
    [
        ("grid: {" + ", ".join(f"links.x-down.k{n}: [1, 2, 3, 4]" for n in range(30)) + "}\n",
         "grid makes 1152921504606846976 combinations; at most 2000 can be planned."),
        ("grid: {duration_s: [1, 2]}\nrepeats: 10000\n",
         "repeats makes 20000 runs; at most 10000 can be planned."),
        ("grid: {" + ".".join("a" * 60) + ": [1]}\n",
         ".a has 60 parts; no field of a scenario has more than 50."),
        ("grid: {'access[²].policy': [all]}\n",
         "access[²].policy is not there: no item of access is named ²."),
    ],
)  # fmt: skip
def test_a_campaign_that_has_no_end_is_refused_at_once(tmp_path, text, says):
    with pytest.raises(ScenarioError, match=re.escape(says)):
        load(tmp_path, text)
