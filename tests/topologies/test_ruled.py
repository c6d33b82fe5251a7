"""Links that a function of the user's own decides."""

import pathlib
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import calls
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

SKY = """\
name: ruled
epoch: 2026-05-09
duration_s: 120
layers:
  net:
    walker: "53:60/6/1 at 1200 km"
    isl: {python: rule.py:links, every_s: 20, link: beam}
  up: {walker: "70:24/4/1 at 1400 km"}
links: {beam: {rate_mbps: 1, max_range_km: 5000, setup_s: 2}}
"""
FIELD = "sky.yaml, line 7: layers.net.isl.python cannot be used:"
HEAD = "def links(t_s, positions_km, plane, slot, names):\n    "


@pytest.fixture
def plan(tmp_path):
    def made(source, sky=SKY):
        (tmp_path / "rule.py").write_text(source)
        (tmp_path / "sky.yaml").write_text(sky)
        return Plan.make(Scenario.load(tmp_path / "sky.yaml"))

    return made


def named(plan, t_s):
    return {plan.links[n].name for n in plan.network.standing(t_s)}


def test_links_are_as_the_function_says(plan):
    ring = plan(HEAD + "return [(n, 10 * p + (s + 1) % 10) for n, (p, s) in enumerate(zip(plane, slot))]")
    as_ring = plan("", SKY.replace("python: rule.py:links, every_s: 20", "pattern: ring"))
    assert ring.contacts.equals(as_ring.contacts)
    assert [link.name for link in ring.links] == [link.name for link in as_ring.links]


def test_a_new_link_is_set_up_from_the_decision_on(plan):
    made = plan(HEAD + "return [(0, 1)] if t_s < 40 else [(1, 0), (1, 2), (2, 1)] if t_s < 80 else []")
    spans = [(made.links[row.link].name, row.start_s, row.end_s) for row in made.contacts.itertuples()]
    assert spans == [("net-0-0--net-0-1", 0.0, 80.0), ("net-0-1--net-0-2", 42.0, 80.0)]


def test_it_is_given_where_satellites_are(plan, tmp_path):
    log = tmp_path / "log.npz"
    given = "t=t_s, r=positions_km, plane=plane, slot=slot, names=names"
    made = plan(f"import numpy as np\n\n{HEAD}np.savez({str(log)!r}, {given})\n    return []")
    assert made.links == []
    last = np.load(log)
    assert last["r"] == pytest.approx(made.network.sky.position_km(np.arange(60), float(last["t"])))
    assert last["t"] == 120  # a drain time beyond the end is planned, too
    assert last["names"].tolist() == [node.name for node in made.nodes[:60]]
    assert [f"net-{p}-{s}" for p, s in zip(last["plane"], last["slot"], strict=True)] == last[
        "names"
    ].tolist()


def test_geometry_cuts_what_it_asks_for(plan):
    every = HEAD + "return [(a, b) for a in range(60) for b in range(a)]"
    seen = named(plan(every), 119.0)
    near = SKY.replace("python: rule.py:links", "pattern: nearest, terminals: 60")
    assert seen == named(plan("", near), 119.0)
    assert len(seen) < 60 * 59 / 2 / 4


def test_between_layers_it_gets_the_satellites_of_them_all(plan):
    sky = SKY.replace("isl: {python: rule.py:links, every_s: 20, link: beam}", "")
    sky += "between: [{layers: [up, net], python: rule.py:links, link: beam}]\n"
    made = plan(
        HEAD + "return [(names.index('net-1-2'), names.index('up-0-3'))] if len(names) == 84 else None", sky
    )
    assert {link.name for link in made.links} <= {"net-1-2--up-0-3"}


def test_it_goes_with_the_scenario(plan, tmp_path):
    made = plan(HEAD + "return [(0, 1)]")
    made.save(tmp_path / "plan")
    (tmp_path / "rule.py").unlink()
    stored = Plan.load(tmp_path / "plan").scenario
    assert stored == made.scenario
    assert stored.layers["net"].isl.python.source == HEAD + "return [(0, 1)]"
    assert stored.code == {"layers.net.isl": "rule.py:links, as you, to plan"}
    assert Plan.make(stored).contacts.equals(made.contacts)


@pytest.mark.parametrize(
    "body, says",
    [
        (
            "return None",
            "gives NoneType, no array of numbers at 0 s; it must give pairs of numbers of satellites",
        ),
        ("return [1, 2, 3]", "gives an array of shape (3,) at 0 s"),
        ("return [[1, 2, 3]]", "gives an array of shape (1, 3) at 0 s"),
        ("return [[1, 2], [3]]", "gives a list of lists of unequal lengths at 0 s"),
        ("return [[1.0, 2.0]]", "gives numbers of the type float64 at 0 s"),
        ("return [[1, 60]] if t_s else []", "gives the satellite 60 where numbers go from 0 to 59 at 20 s"),
        ("return [[-1, 2]]", "gives the satellite -1 where numbers go from 0 to 59 at 0 s"),
        ("return [[0, 1], [3, 3]]", "gives a link of satellite 3 to itself at 0 s"),
        ("return ['ab']", "gives an array of shape (1,) at 0 s"),
        ("return {0: 1}", "gives dict, no array of numbers at 0 s"),
    ],
)
def test_an_answer_that_is_no_pairs(plan, body, says):
    with pytest.raises(ScenarioError, match=re.escape(f"{FIELD} rule.py, links: it {says}")):
        plan(HEAD + body)


def test_a_function_that_fails_is_told_with_its_line(plan):
    with pytest.raises(
        ScenarioError, match=re.escape(f"{FIELD} rule.py, line 3, links: ZeroDivisionError: div")
    ):
        plan(HEAD + "pass\n    return 1 / 0")
    with pytest.raises(
        ScenarioError, match=re.escape(f"{FIELD} rule.py has no function links (did you mean link?).")
    ):
        plan("def link(*_): return []")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(calls, "LONGEST_S", 0.2)


def in_another_thread(call):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("thread", [lambda call: call(), in_another_thread])
@pytest.mark.parametrize(
    "source, line",
    [
        (HEAD + "n = 0\n    while True:\n        n += 1", "[34]"),
        (HEAD + "while True:\n        try: len(names)\n        except Exception: pass", "[2-4]"),
        ("while True:\n    pass\n\n" + HEAD + "return []", "[12]"),
    ],
)  # fmt: skip
def test_a_function_that_does_not_return_is_ended(plan, source, line, thread):
    says = rf"{re.escape(FIELD)} rule\.py, line {line}, links: it was still at work after \d+ s\.$"
    with pytest.raises(ScenarioError, match=says):
        thread(lambda: plan(source))
    assert len(plan(HEAD + "return [(0, 1)]").links) == 1


@pytest.mark.usefixtures("impatient")
def test_one_that_waits_is_ended(plan):
    source = "import time\n\n" + HEAD + "time.sleep(1e6)"
    with pytest.raises(ScenarioError, match=r"rule\.py, line 4, links: it was still at work after \d+ s\."):
        plan(source)


def test_ctrl_c_is_ctrl_c(plan):
    source = "import os, signal\n\n" + HEAD + "os.kill(os.getpid(), signal.SIGINT)\n    while True: pass"
    with pytest.raises(KeyboardInterrupt):
        plan(source)


NET = "line 7: layers.net.isl"


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("rule.py:links", "rule.py", f"{NET}.python rule.py is no function; write FILE.py:function."),
        ("rule.py:links", "rul.py:links", "line 7: rul.py: there is no such Python file (did you mean rule"),
        ("python: rule.py:links", "pattern: python", f"{NET}.pattern is python, and there is no python."),
        ("link: beam}", "pattern: ring}", f"{NET}.python is for the pattern python, and this is ring."),
        ("links: {beam", "between: [{python: rule.py:links}]\nlinks: {beam",
         "line 9: between[0].layers names no layer, of whose satellites the function is to decide."),
    ],
)  # fmt: skip
def test_what_cannot_be(plan, old, new, says):
    with pytest.raises(ScenarioError, match=re.escape(says)):
        plan(HEAD + "return []", SKY.replace(old, new))


def test_the_example_of_the_reference(plan):
    text = (pathlib.Path(__file__).parents[2] / "docs" / "scenario.md").read_text()
    example = re.search(r"#### A rule in Python\n.*?```python\n(.*?)```", text, re.DOTALL)
    made = plan(example[1])
    planes = {tuple(made.nodes[end].name.split("-")[1] for end in (link.a, link.b)) for link in made.links}
    assert planes == {(str(p), str(p + 1)) for p in range(5)}


def test_with_takes_a_file_too(plan, tmp_path):
    scenario = plan(HEAD + "return []").scenario
    (tmp_path / "other.py").write_text(HEAD + "return [(0, 1)]")
    other = scenario.with_({"layers.net.isl.python": "other.py:links"})
    assert len(Plan.make(other).links) == 1
    assert file.parse(other.dump(), "x", pathlib.Path("/nowhere")) == other


@pytest.mark.parametrize(
    "body", ["while True: pass", "while True:\n        n = 0", "[0 for _ in iter(int, 1)]"]
)
def test_a_counted_call_is_ended_wherever_it_loops(body, monkeypatch):
    monkeypatch.setattr(calls, "MOST_STEPS", 10_000)
    known = {}
    exec(f"def endless():\n    {body}", known)
    with pytest.raises(calls.EndlessError, match="after 10,000 steps"):
        calls.counted(known["endless"])
    assert calls.counted(lambda: sum(range(9))) == 36
