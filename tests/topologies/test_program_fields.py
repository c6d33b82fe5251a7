"""What a scenario may say of programs, and what it is told when it says something else."""

import base64

import pytest
import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario.file import Scenario
from support.places import ROOT

GOOD = """
- {kind: program, name: web, node: sanya, command: [httpd], ready: "true"}
- {kind: program, name: get, node: miyun, command: curl web, needs: [web], every_s: 5}
"""


@pytest.fixture
def complaint(tmp_path):
    """What is said of a scenario with this traffic."""

    def of(traffic, accept=""):
        text = (ROOT / "scenarios" / "pair.yaml").read_text().split("traffic:")[0]
        path = tmp_path / "s.yaml"
        path.write_text(f"{text}traffic:{traffic}{accept}")
        with pytest.raises(ScenarioError) as error:
            Scenario.load(path)
        return str(error.value).removeprefix(f"{path}, line ").partition(": ")[2]

    return of


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("node: sanya", "node: sania",
         "traffic[0].node names sania, but there is no such node (did you mean sanya?)."),
        ("node: sanya, ", "", "traffic[0].node is missing."),
        ("[httpd]", "[]", "traffic[0].command must name a program."),
        ("[httpd]", '" "', "traffic[0].command   must name a program."),
        ("needs: [web]", "needs: [wed]",
         "traffic[1].needs[0] names wed, but there is no such program (did you mean web?)."),
        ("needs: [web]", "needs: [get]", "traffic[1].needs is get; in the end get would need itself."),
        ("command: curl web", r'command: "a\0b"', "traffic[1].command"),
        ("every_s: 5", 'env: {"A=B": "5"}', "traffic[1].env"),
        ("name: get", "name: script", "traffic[1].name is script, as what a script measures is called;"),
        ("every_s: 5", "every_s: 0", "traffic[1].every_s is 0; it must be at least 0.01."),
        ("every_s: 5", "from: sanya", "traffic[1].from is not a field"),
        ("every_s: 5", 'files: {"../x": "a\\n"}', "traffic[1].files"),
        ("every_s: 5", "files: {x: nowhere}", "nowhere: there is no such program file."),
        ("every_s: 5", "start_s: 99", "traffic[1].start_s is 99; the run ends at 30 s (duration_s)."),
    ],
)  # fmt: skip
def test_errors_have_the_field(complaint, old, new, says):
    assert old in GOOD
    assert complaint(GOOD.replace(old, new, 1)).startswith(says)


def test_a_limit_may_be_on_what_a_program_prints_but_not_on_what_no_program_prints(complaint):
    accept = "accept: [{flow: get, metric: anything.p99, max: 1}, {flow: get, metric: loss_pct, max: 1}]\n"
    says = complaint(GOOD, accept)
    assert says.startswith("accept[1].metric is loss_pct, which is measured of no program (there are cpu_s,")
    assert "anything" not in says


def test_files_become_part_of_the_scenario(tmp_path):
    data = yaml.safe_load((ROOT / "scenarios" / "pair.yaml").read_text())
    (tmp_path / "tool").write_bytes(bytes(range(256)))
    (tmp_path / "page").write_text("hello\n")
    files = {"tool": "tool", "page": "page", "own": "two\nlines\n"}
    data["traffic"] = [dict(kind="program", name="p", node="sanya", command="./tool", files=files)]
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(data))
    scenario = Scenario.load(tmp_path / "s.yaml")
    (flow,) = scenario.traffic
    assert base64.b64decode(flow.files["tool"].removeprefix("base64:")) == bytes(range(256))
    assert flow.files["page"].rstrip("\n") == "hello" and flow.files["own"] == "two\nlines\n"
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "s.yaml").write_text(scenario.dump())
    assert Scenario.load(tmp_path / "copy" / "s.yaml") == scenario


@pytest.mark.parametrize(
    "capture, says",
    [
        ("[[sanya, miyum]]", "capture[0] names miyum, but there is no such node (did you mean miyun?)."),
        ("[[sanya, sanya]]", "capture[0] goes from sanya to itself; name both ends of a link."),
        ("[[sanya, miyun], [sanya, miyun]]", "capture[1] is [sanya, miyun] a second time."),
        ("[sanya]", "capture[0] is sanya; it must be"),
        ("[[sanya]]", "capture[0] is a list; it must be a pair."),
    ],
)
def test_captures_that_cannot_be(complaint, capture, says):
    assert complaint(GOOD, f"capture: {capture}\n").startswith(says)
