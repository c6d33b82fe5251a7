"""A scenario with other values is checked as a file is, and what is wrong is told by its path."""

import pathlib

import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def ring():
    return Scenario.load(SCENARIOS / "ring12.yaml")


def test_values_are_set_by_path_and_the_rest_stays(ring):
    made = ring.with_({"access[0].policy": "nearest", "traffic[down].rate_hz": 20}, duration_s=5)
    assert made.access[0].policy == "nearest" and made.duration_s == 5
    down = next(flow for flow in made.traffic if flow.name == "down")
    assert down.rate_hz == 20
    assert ring.duration_s == 60  # itself as it was
    back = made.with_({"access[0].policy": "keep", "traffic[down].rate_hz": 10, "duration_s": 60})
    assert back == ring and back.sha256 == ring.sha256


def test_a_link_class_of_the_catalogue_keeps_the_rest_and_flows_get_names(ring):
    made = ring.with_(
        {"links.laser-isl.loss_pct": 0.5}, traffic=[{"kind": "tcp", "from": "miyun", "to": "sanya"}]
    )
    before = ring.link_class("laser-isl")
    assert made.link_class("laser-isl") == before.model_copy(update={"loss_pct": 0.5})
    assert [flow.name for flow in made.traffic] == ["tcp-1"]


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"acess[0].policy": "keep"}, r"ring12.yaml with acess\[0\].policy: acess is not a field"),
        ({"access[0].policy": "nearst"}, r": access\[0\].policy is nearst; it must be all, nearest"),
        ({"access[3].policy": "keep"}, r": access\[3\].policy is not there: access has 1 item,"),
        ({"traffic[dwn].rate_hz": 1}, r": traffic\[dwn\].rate_hz is not there: .* named dwn \(did"),
        ({"duration_s": -1, "seed": "x"}, r"with duration_s, seed: duration_s is -1; it must be more than 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_without_a_line(ring, changes, says):
    with pytest.raises(ScenarioError, match=says) as caught:
        ring.with_(changes)
    assert ", line" not in str(caught.value)
