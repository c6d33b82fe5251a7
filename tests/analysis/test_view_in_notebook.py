"""The page of a sky in a cell of a notebook: what is shown there works, in a real browser too."""

import re
import shutil

import pytest
from IPython.core.formatters import HTMLFormatter

import skybed
from skybed.topologies.errors import ScenarioError
from support import tiny_tasks
from support.browser import opened
from support.places import ROOT
from support.tiny_sky import PROBE, TINY, Builder, plan_of

EXAMPLE = re.search(
    r"## In a notebook.*?```python\n(.*?)```", (ROOT / "docs" / "view.md").read_text(), re.DOTALL
)[1]
in_cell = HTMLFormatter()  # what a notebook shows of a value
FRAME = "document.querySelector('iframe')"


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_the_cell_of_the_example_shows_what_was_asked(tmp_path):
    names = {}
    exec(EXAMPLE, names)
    cell = tmp_path / "cell.html"
    cell.write_text(f"<!doctype html><body>{in_cell(names['page'])}</body>")
    with opened(cell, tmp_path) as browser:
        browser.until(f"{FRAME}?.contentDocument?.documentElement?.dataset.ready")
        state = "[page.t_s, page.shown === page.views.map, page.from, page.to]"
        shown = browser.does(f"(({{skybed: page}}) => {state})({FRAME}.contentWindow)")
        assert shown == [20, True, *(names["plan"].node(name) for name in ("beijing", "eo-0-0"))]
        theme = browser.does(f"{FRAME}.contentDocument.documentElement.dataset.theme")
        assert (theme, browser.does(f"{FRAME}.clientHeight")) == ("light", 500)
        assert browser.errors == []
        assert not [url for url in browser.asked if url.startswith("http")]


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_cell_follows_a_task_from_its_begin(tmp_path):
    run = tiny_tasks.build(tmp_path / "run").load()
    skybed.view(run, follow=("fire", 2)).save(tmp_path / "view.html")
    with opened(tmp_path / "view.html", tmp_path) as browser:
        browser.until("document.documentElement?.dataset.ready")
        assert browser.does("[skybed.life, skybed.t_s]") == [2, tiny_tasks.ASKED_S[2]]
        assert browser.errors == []


def test_a_run_shows_what_it_measured(tmp_path):
    Builder(tmp_path / "run", plan_of(TINY | {"traffic": [PROBE]})).load()
    of_folder, of_run = skybed.view(tmp_path / "run"), skybed.view(skybed.load(tmp_path / "run"))
    assert of_folder.page == of_run.page and repr(of_run).startswith("<page of run, 0.")
    assert of_run.page != skybed.view(plan_of(TINY | {"traffic": [PROBE]})).page
    of_run.save(tmp_path / "view.html")
    assert (tmp_path / "view.html").read_text() == of_run.page


def test_no_text_of_a_scenario_ends_the_frame():
    plan = plan_of(TINY | {"about": '"></iframe><script>alert(1)</script>'})
    shown = in_cell(skybed.view(plan))
    assert shown.count("<iframe") == shown.count("</iframe>") == 1 and "<script" not in shown


def test_who_is_no_node_is_told():
    with pytest.raises(ScenarioError, match=r"tiny has no node Sanja \(did you mean Sanya"):
        skybed.view(plan_of(TINY), node="Sanja")
