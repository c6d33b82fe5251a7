"""skybed compare on two campaigns: what it prints, writes and ends with."""

import json
import xml.etree.ElementTree as ET

import pytest

from support import tiny_campaign
from support.command import skybed

TEXT = "grid: {'access[0].policy': [nearest, keep]}\nrepeats: 5\nmetrics: [rtt_p50_ms, outages]\n"


@pytest.fixture
def campaign(place):
    """campaign(name, slower_ms=0, invalid=False) makes one of that name, of ten runs."""

    def make(name, slower_ms=0, invalid=False):
        def outcome(case):
            if invalid and case.repeat == 4:
                return "invalid", {}
            slow = slower_ms if case.parameters["access[0].policy"] == "keep" else 0
            return "pass", {"down": {"rtt_p50_ms": 10.0 + case.repeat + slow, "outages": 1}}

        tiny_campaign.make(place / name, TEXT, outcome)

    return make


def test_the_same_is_told_to_be_identical(campaign):
    campaign("a")
    campaign("b")
    assert skybed(0, "compare", "a", "b", "--junit", "j.xml").splitlines() == [
        "A  a: 10 pass", "B  b: 10 pass", "down RTT p50: identical in all 2 combinations.",
        "down outages: identical in all 2 combinations.",
    ]  # fmt: skip
    (suite,) = ET.parse("j.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["6", "0", "0", "0"]


def test_a_change_is_told_written_and_fails_a_check(campaign):
    campaign("a")
    campaign("b", slower_ms=20)
    said = skybed(0, "compare", "a", "b").splitlines()
    assert said[2].startswith(
        "down RTT p50: beyond the noise in 1, identical in 1 of 2 combinations; over all"
    )
    assert said[4] == "Beyond the noise:" and said[5].startswith(
        "  access[0].policy keep: down RTT p50: 12 to 32"
    )
    told = json.loads(skybed(1, "compare", "a", "b", "--json", "--junit", "r/j.xml"))
    assert [row["outcome"] for row in told["figures"]] == [
        "identical",
        "identical",
        "beyond noise",
        "identical",
    ]
    assert told["campaigns"][1] == {"campaign": "b", "runs": {"pass": 10}, "not_used": []}
    assert told["figures"][0]["p"] is None and told["figures"][2]["cliffs_delta"] == 1
    (suite,) = ET.parse("r/j.xml").getroot()
    outcomes = {case.get("name"): [found.tag for found in case] for case in suite.iter("testcase")}
    assert outcomes == {
        "access[0].policy=nearest.down.rtt_p50_ms": [], "access[0].policy=nearest.down.outages": [],
        "access[0].policy=keep.down.rtt_p50_ms": ["failure"], "access[0].policy=keep.down.outages": [],
        "down.rtt_p50_ms": ["skipped"], "down.outages": [],
    }  # fmt: skip


def test_runs_that_cannot_be_used_are_told(campaign):
    campaign("a")
    campaign("b", invalid=True)
    said = skybed(3, "compare", "a", "b")
    assert "B  b: 2 invalid, 8 pass\n" in said


@pytest.mark.parametrize("words", [("a", "run"), ("run", "a"), ("a", "a", "--exact")])
def test_a_campaign_is_compared_with_a_campaign(campaign, place, words):
    campaign("a")
    (place / "run").mkdir()
    assert "compare two runs, or two campaigns; --exact, --html and --figures are for runs." in skybed(
        2, "compare", *words
    )
