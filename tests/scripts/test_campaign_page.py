"""The page of a campaign that is run, in a real browser: runs that go on, and those that are done."""

import shutil

import pytest

from skybed.scripts.running.live_campaign import CampaignView
from skybed.topologies.scenario import campaign
from support import tiny_campaign
from support.browser import opened

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

ROWS = "[...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
GRID = """
grid:
  duration_s: [5, 7]
metrics: [sent, rtt_p50_ms]
about: "</script><b>bold</b>"
"""


@pytest.fixture
def made(tmp_path):
    """(the campaign, its cases, its folder), of which the first passed and the other has not begun."""
    figures = {"down": {"sent": 50, "rtt_p50_ms": 7.7}}
    folder = tiny_campaign.make(tmp_path / "c", GRID, lambda case: ("pass", figures))
    loaded, cases = campaign.load(folder / "campaign.yaml")
    shutil.rmtree(folder / "runs" / cases[1].key)
    return loaded, cases, folder


def test_rows_follow_the_runs(made, tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    loaded, cases, folder = made
    with CampaignView() as view:
        view.planned(loaded, cases, folder)
        with opened(view.address, tmp_path) as browser:
            browser.until("document.documentElement?.dataset.ready === '1'")
            first, second = browser.does(ROWS)
            assert first[1] == "5" and first[4] == "pass" and "down: sent 50, rtt_p50_ms 7.7" in first[6]
            assert second[1] == "7" and second[4:] == ["", "", ""]
            lines = ["<img src=x>: 38.1 ms"]
            view.told(cases[1].key, {"stage": "playing", "share": 0.43, "note": "3 of 7 s", "lines": lines})
            browser.until(f"{ROWS}[1][4] === 'playing'")
            assert browser.does(ROWS)[1][5:] == ["43 %", lines[0]]
            assert browser.does("document.body.innerText.includes('1 of 2 runs are done · 1 pass · 1 go on')")
            view.told(cases[0].key, {"stage": "ending", "share": 1.0, "note": "", "lines": []})  # late
            shutil.copytree(folder / "runs" / cases[0].key, folder / "runs" / cases[1].key)
            view.done(cases[1])
            browser.until("document.documentElement.dataset.ready === '2'")
            assert [row[4] for row in browser.does(ROWS)] == ["pass", "pass"]
            assert browser.does("document.querySelectorAll('#panel img, #panel b').length") == 0
            assert browser.errors == []
