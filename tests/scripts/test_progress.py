"""What a run has come to stands below the bar on a terminal, and nowhere else."""

import io
import sys
import time

import pytest

from skybed.scripts.running.messages import Network, Traffic
from skybed.scripts.running.run_bar import SEEN, RunBar, told_of, verdict_of
from skybed.scripts.running.so_far import SoFar
from support.tiny_sky import PROBE as PROBES
from support.tiny_sky import TINY, plan_of

PROBE = {"sent": 50, "answered": 47, "lost": 3, "rtt_us": 38_125.25}
FLOWS = {
    "command": PROBE,
    "quiet": {},
    "scene": {"sent": 100, "received": 99, "lost": 1, "mbps": 3.9936},
    "product": {"received_mb": 4.2, "retransmits": 7, "mbps": 3.5, "rtt_us": None},
    "fires": {"asked": 5, "delivered": 3, "responses_s": {"mean": 42.25}, "stages": []},
    "letters": {"created": 4, "delivered": 1},
    "path": {"sent": 3, "path": ["relay-0-0", None, "miyun"]},
    "server": {"started": 1, "state": "running"},
}


def test_flows_in_words():
    assert told_of(Traffic(5.0, FLOWS)) == [
        "command: 38.125 ms, 3 of 50 lost",
        "scene: 3.99 Mbit/s, 1 of 100 lost",
        "product: 3.50 Mbit/s, 7 sent again",
        "fires: 3 of 5 delivered in 42.2 s",
        "letters: 1 of 4 delivered",
        "path: 3 hops",
        "server: running",
    ]


def test_of_many_flows_some():
    lines = told_of(Traffic(5.0, {f"flow-{n}": PROBE for n in range(SEEN + 3)}))
    assert len(lines) == SEEN + 1 and lines[-1] == "... and 3 more"


def test_the_network_in_words():
    said = Network(5.0, 250.0, 900, 0, 2, 122, [[4, 0, 1, 2500.0]])
    assert told_of(said) == ["122 links; events up to 0.25 ms late, 2 left out, 1 values held by hand"]


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_told_on_a_terminal_alone(terminal, monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(printed, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", printed)
    for name, value in {"TERM": "xterm", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with RunBar() as bar:
        bar.planned(plan_of(TINY))
        bar.at("playing", 0.5, "5 of 10 s")
        bar.heard(Traffic(5.0, FLOWS))
        while terminal and not bar.lines:
            time.sleep(0.01)
        bar.refresh()
    assert "playing" in printed.getvalue()
    for words in ("38.125 ms", "So far nothing speaks against the run"):
        assert (words in printed.getvalue()) == terminal
    assert terminal or printed.getvalue() == "playing: 5 of 10 s\n"


ACCEPT = [
    {"flow": "p1", "metric": "loss_pct", "max": 5},
    {"flow": "p1", "metric": "lost", "min": 0},
    {"flow": "p1", "metric": "outage_s", "max": 1},
]


def news(late, **figures):
    """Of the tiny sky, with ACCEPT, once so many of 100 events were late and p1 has such figures."""
    so_far = SoFar(plan_of(TINY | {"traffic": [PROBES], "accept": ACCEPT}))
    probe = {"sent": 100, "answered": 90, "lost": 10, "sent_s": None, "rtt_us": None, "least_us": None,
             "greatest_us": None}  # fmt: skip
    return so_far.news([Network(5.0, 0.0, 100, late, 0, 4, []), Traffic(5.0, {"p1": probe | figures})])


def test_the_verdict_so_far_in_words():
    assert verdict_of(news(0, lost=0)) == ["So far: pass; 2 of 2 limits hold"]
    assert verdict_of(news(0)) == [
        "So far: fail; 1 of 2 limits hold", "  p1: loss_pct is 10, at most 5 is accepted.",
    ]  # fmt: skip
    head, *why = verdict_of(news(50))
    assert head == "So far: invalid; 1 of 2 limits hold"
    assert why[0].startswith("  50.0 % of what was to be done was more than 10 ms late")


def test_a_limit_that_only_the_end_can_tell_is_not_told_before():
    assert {limit.metric for limit in news(0).limits} == {"loss_pct", "lost"}
