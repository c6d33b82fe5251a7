"""The report needs nothing else, and the summary fits a terminal."""

import io
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from skybed.analysis import verdict
from skybed.analysis.pages import report, saving
from skybed.scripts.cli.verdict import EVENTS_SHOWN, render
from skybed.topologies.errors import RunError
from support.browser import shown
from support.tiny_sky import PROBE, TINY, TRACE, Builder, plan_of, ways_ms

LOAD = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 4, "start_s": 50}
FLOWS = [PROBE, TRACE, LOAD]
LIMIT = [{"flow": "p1", "metric": "loss_pct", "max": 1}]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    scenario = TINY | {"traffic": FLOWS, "accept": LIMIT, "about": "a <script> & b"}
    made = Builder(tmp_path_factory.mktemp("report") / "run", plan_of(scenario))
    made.flow_rows("u1", "udp", 4.0)
    return made.load()


@pytest.fixture(scope="module")
def page(run):
    return page_of(run)


def page_of(run) -> str:
    return report.write(run, verdict.judge(run)).read_text()


def test_the_report_loads_nothing_from_elsewhere(page):
    assert set(re.findall(r'(?:src|href|url)\s*[=(]\s*"?([a-z]+:)', page)) == {"data:"}
    assert "http" not in page
    for title in (
        "Round-trip time of p1",
        "Throughput",
        "Contacts and outages",
        "RTT error",
        "Lateness of events",
    ):
        assert f"<b>{title}.</b>" in page
    assert "p1: loss_pct is 3.333, at most 1 is accepted." in page


def test_the_report_leads_to_the_page_of_the_sky_or_says_what_makes_it(builder):
    run = builder().load()
    page = page_of(run)
    assert "<code>skybed view</code> makes of this run's directory" in page and "view.html" not in page
    (run.dir / "view.html").touch()
    assert '<a href="view.html">' in page_of(run)


def test_the_report_of_an_unfinished_run_says_so(builder):
    made = builder()
    made.manifest |= {"finished": False, "played_s": 12.0}
    del made.tables["probes"]
    page = page_of(made.load())
    assert "The run was not finished: 12 s of 60 s were played." in page
    assert "What was measured" not in page


def test_the_report_of_a_run_without_traffic(builder):
    made = builder(traffic=[])
    page = page_of(made.load())
    assert "Contacts and outages" in page and "Round trips" not in page


def test_names_are_escaped(page):
    assert "a &lt;script&gt; &amp; b" in page


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_shows_every_figure(run, page, tmp_path):
    dom = shown(run.dir / "report.html", tmp_path)
    assert dom.count("<figure>") == 7
    assert "<title>run: fail</title>" in dom


def summary_of(run) -> str:
    out = io.StringIO()
    render(run, verdict.judge(run), Console(file=out, width=80))
    return out.getvalue()


def test_the_summary_puts_the_verdict_first_in_eighty_plain_columns(run, page):
    *lines, last = summary_of(run).splitlines()
    assert lines[:2] == ["FAIL  run", "  p1: loss_pct is 3.333, at most 1 is accepted."]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert last == f"Report: {run.dir}/report.html"
    row = next(line for line in lines if line.startswith("p1 "))
    rtt_ms = np.add(*ways_ms())
    shares = [f"{np.quantile(rtt_ms, q) + off_ms:.2f}" for q in (0.5, 0.99) for off_ms in (0.04, 0)]
    assert row.split() == ["p1", *shares, "3.33", "1:", "2.0"]


def test_the_summary_of_an_unfinished_run_is_its_reasons(builder):
    made = builder()
    made.manifest["finished"] = False
    del made.tables["applied"]
    assert summary_of(made.load()).startswith(
        "INVALID  run\n  The run was not finished: 60 s of 60 s were played.\n"
    )


def test_the_summary_names_the_table_that_has_the_events_left_out(builder):
    silences = [
        {"kind": "silent", "link": ["s1", "Miyun"], "at_s": at_s, "for_s": 0.5} for at_s in range(1, 15)
    ]
    run = builder(faults=silences).load()
    verdict.write(run, verdict.judge(run))
    more, file = re.search(r"\.\.\. and (\d+) more; see (\S+)\.\n", summary_of(run)).groups()
    events = pd.read_parquet(run.dir / file)
    assert int(more) == (events["lost"] > 0).sum() - EVENTS_SHOWN


MAGIC = {"svg": b"<?xml", "pdf": b"%PDF-", "png": b"\x89PNG"}


@pytest.mark.parametrize("form", MAGIC)
def test_figures_are_saved_one_by_one_and_the_same_each_time(run, tmp_path, form):
    """Nothing in them tells when or with what they were made."""
    verdict.judge(run)
    drawings = report.drawings(run)
    once, again = (saving.save(drawings, tmp_path / name, form) for name in ("a", "b"))
    names = [path.name for path in once]
    assert f"throughput.{form}" in names and f"round-trip-time-of-p1.{form}" in names
    assert len(names) == len(set(names)) == len(drawings)
    for one, other in zip(once, again, strict=True):
        assert one.read_bytes().startswith(MAGIC[form])
        assert one.read_bytes() == other.read_bytes()
        assert not re.search(rb"CreationDate|20[0-9]{2}-[0-9]{2}-[0-9]{2}T|Software", one.read_bytes())


def test_figures_of_one_title_get_numbers(run, tmp_path):
    (drawing, *_) = report.drawings(run)
    names = [path.name for path in saving.save([drawing, drawing], tmp_path, "svg")]
    assert names == ["round-trip-time-of-p1.svg", "round-trip-time-of-p1-2.svg"]


def test_what_links_carried_is_drawn_of_those_that_are_named(tmp_path):
    made = Builder(tmp_path / "run", plan_of(TINY))
    with pytest.raises(RunError, match="nobody counted what its links carried"):
        report.drawings(made.load(), [("Miyun", "s1")])
    rows = {"t_s": [0.0, 3.0], "node": ["Miyun", "s1"], "peer": ["s1", "Sanya"]}
    made.tables["carried"] = pd.DataFrame(rows | {"packets": [10, 20], "bytes": [12_500, 25_000]})
    counted = made.load()
    with pytest.raises(RunError, match="there is no link from Miyun to Sanya"):
        report.drawings(counted, [("Miyun", "Sanya")])
    titles = [drawing.title for drawing in report.drawings(counted)]
    assert "Carried by links" in titles
    (drawing,) = [x for x in report.drawings(counted, [("s1", "Sanya")]) if x.title == "Carried by links"]
    assert b"s1 to Sanya" in drawing.svg and b"Miyun to s1" not in drawing.svg
