"""What a run has come to stands below the bar on a terminal, and nowhere else."""

import io
import sys

import pytest

from skybed.scripts.running.messages import Network, Traffic
from skybed.scripts.running.progress import SEEN, ProgressBar, told_of

PROBE = {"sent": 50, "answered": 47, "lost": 3, "rtt_us": 38_125.25}
FLOWS = {
    "command": PROBE,
    "quiet": {},
    "scene": {"sent": 100, "received": 99, "lost": 1, "mbps": 3.9936},
    "product": {"received_mb": 4.2, "retransmits": 7, "mbps": 3.5, "rtt_us": None},
    "fires": {"asked": 5, "delivered": 3, "response_s": 42.25, "stages": []},
    "path": {"sent": 3, "path": ["relay-0-0", None, "miyun"]},
    "server": {"started": 1, "state": "running"},
}


def test_flows_in_words():
    assert told_of(Traffic(5.0, FLOWS)) == [
        "command: 38.125 ms, 3 of 50 lost",
        "scene: 3.99 Mbit/s, 1 of 100 lost",
        "product: 3.50 Mbit/s, 7 sent again",
        "fires: 3 of 5 delivered in 42.2 s",
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
    with ProgressBar() as bar:
        bar.at("playing", 0.5, "5 of 10 s")
        bar.heard(Traffic(5.0, FLOWS))
        bar.refresh()
    assert "playing" in printed.getvalue()
    assert ("38.125 ms" in printed.getvalue()) == terminal
    assert terminal or printed.getvalue() == "playing: 5 of 10 s\n"
