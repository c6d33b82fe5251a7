"""What is wrong with tasks is said with line and field, before anything is planned."""

import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario import campaign
from skybed.topologies.scenario.file import Scenario

FILE = """\
name: small
epoch: 2026-05-09T00:00:00Z
duration_s: 600
layers:
  eo: {walker: "97.5:6/2/1 at 535 km"}
  comp: {walker: "97.5:12/1/0 at 535 km", carries: {computing: {mb_s: {detect: 4}}}}
stations: [miyun]
tasks:
  - name: fire
    by: eo
    per_day: 100
    scene_mb: 5
    steps:
      - {job: detect, at: comp}
    to: miyun
accept:
  - {task: fire, metric: response_p90_s, max: 300}
"""


def complaint(tmp_path, old, new):
    assert FILE.count(old) == 1
    path = tmp_path / "small.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ScenarioError) as error:
        Scenario.load(path)
    return str(error.value).removeprefix(f"{path}, ")


def test_the_file_is_right(tmp_path):
    (tmp_path / "small.yaml").write_text(FILE)
    scenario = Scenario.load(tmp_path / "small.yaml")
    assert [flow.kind for flow in scenario.flows] == ["task"]
    assert scenario.accept[0].flow == "fire"


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("at: comp}", "at: cmp}", "line 14: tasks[0].steps[0].at names cmp, but there is no such node"),
        ("at: comp}", "at: eo}", "line 14: tasks[0].steps[0] has no seconds, and eo-0-0 carries no comp"),
        ("job: detect", "job: sort", "line 14: tasks[0].steps[0] has no seconds, and comp-0-0 does not"),
        ("at: comp}", "at: comp, choose: nearst}", "line 14: tasks[0].steps[0].choose nearst is no rule"),
        ("by: eo", "by: miyun", "line 10: tasks[0].by names miyun, a station; satellites observe."),
        ("by: eo", "by: eo\n    every_s: 5", "line 9: tasks[0] has every_s and per_day; give one of them."),
        ("per_day: 100", "passes: true", "line 9: tasks[0] has passes: true and no target"),
        ("per_day: 100", "per_day: 1.0e+9", "line 11: tasks[0].per_day asks for it 6,944,444 times; at most"),
        ("per_day: 100", "at_s: [700]", "line 11: tasks[0].at_s begins with 700; the run ends at 600 s"),
        ("per_day: 100", "at_s: []", "line 11: tasks[0].at_s is an empty list"),
        ("scene_mb: 5", "priority: 1", "line 9: tasks[0] has no scene_mb, and eo-0-0 carries no camera"),
        ("to: miyun", "to: eo-0-0", "line 15: tasks[0].to is eo-0-0, a satellite; products go to a station."),
        ("to: miyun", "to: miyun\n    model: B", "line 9: tasks[0] has model B, which is not among models"),
        ("by: eo", "by: eo\n    target: Atlantis", "line 11: tasks[0].target Atlantis is no place of"),
        ("task: fire, metric: response_p90_s", "task: fire, metric: loss_pct",
         "line 17: accept[0].metric is loss_pct, which is measured of no task"),
        ("stations: [miyun]", "stations: [miyun]\nrouting: {destinations: [comp]}",
         "line 10: tasks[0] is also at eo-0-0, to which routing.destinations keeps no"),
        ("by: eo", "by: eo\n    target: [miyun, Atlantis]",
         "line 11: tasks[0].target names Atlantis, which is no place of the catalogue."),
        ("at: comp}", "at: []}", "line 14: tasks[0].steps[0].at is an empty list; it must be a"),
        ("task: fire,", "task: fier,", "line 17: accept[0].task names fier, but there is no such task (did"),
        ("metric: response_p90_s, max: 300", "metric: in_time_pct, min: 90",
         "line 17: accept[0].metric is in_time_pct, which is measured of a task with deadline_s; give"),
        ("at: comp}", "at: comp, keep_pct: 3, program: ls}",
         "line 14: tasks[0].steps[0].keep_pct does not go with a program: what it writes is what goes on."),
        ('at 535 km"}\n  comp', 'at 535 km", carries: {storage: 0.004}}\n  comp',
         "line 12: tasks[0].scene_mb takes scenes of 5 MB, and eo-0-0 has room for 4 MB (its storage)"),
        ("carries: {computing", "carries: {storage: 0.004, computing",
         "line 14: tasks[0].steps[0].at has room for 4 MB at most (its storage), and scenes are of 5 MB"),
        ("at: comp}", "at: comp, needs: sene}",
         "line 14: tasks[0].steps[0].needs names sene, but there is no such step or task (did you"),
        ("at: comp}", "at: comp, name: a, needs: b}\n      - {job: detect, at: comp, name: b, needs: a}",
         "line 14: tasks[0].steps[0].needs goes in a circle: in the end step a would take what it gives."),
        ("at: comp}", "at: comp, name: scene}", "line 14: tasks[0].steps[0].name is scene, as what was"),
        ("at: comp}", "at: comp, needs: [scene, scene]}", "line 14: tasks[0].steps[0].needs names one"),
        ("at: comp}", "at: comp, name: a}\n      - {job: detect, at: comp, needs: [scene, a], tiles: 2}",
         "line 15: tasks[0].steps[1].needs brings 2 things together; tiles do not go with that."),
        ("to: miyun", "to: miyun\n  - {name: a, by: eo, scene_mb: 1, to: miyun, steps: [{needs: b}]}\n"
         "  - {name: b, by: eo, scene_mb: 1, to: miyun, steps: [{needs: a}]}",
         "line 16: tasks[1].steps[0].needs goes in a circle: in the end a would wait for its own product."),
        ("tasks:", "traffic: [{kind: task}]\ntasks:", "line 8: traffic[0].kind is task; it must be probe,"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path, old, new, says):
    assert complaint(tmp_path, old, new).startswith(says)


def test_a_campaign_does_not_collect_what_no_task_measures(tmp_path):
    (tmp_path / "small.yaml").write_text(FILE)
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    with pytest.raises(
        ScenarioError, match=r"line 4: metrics.0. in_time_pct is measured of a task with deadline"
    ):
        campaign.load(tmp_path / "c.yaml")
    (tmp_path / "small.yaml").write_text(FILE.replace("to: miyun", "to: miyun\n    deadline_s: 60"))
    assert campaign.load(tmp_path / "c.yaml")


CAMPAIGN = """\
name: c
scenario: small.yaml
grid: {duration_s: [60]}
metrics: [in_time_pct]
"""
