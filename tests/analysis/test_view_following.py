"""In a real browser: a task and a bundle are followed over nodes and links, what nodes held and links carried
is told, and the time bar steps to all that changes.
"""

import shutil

import pandas as pd
import pytest

from skybed.analysis.pages.view import writing
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CONTACT_USE, HOPS
from support import tiny_tasks
from support.browser import opened
from support.tiny_sky import S1_MIYUN, TINY, Builder, plan_of

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

READY = "document.documentElement?.dataset.ready"
PANEL = "document.getElementById('panel').innerText"
NAMES = "(nodes => nodes.map(node => skybed.sky.nodes[node].name))"
UDP = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 4, "size_bytes": 1000}


def drawn(browser):
    browser.does("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def inked(browser, colour):
    """How many pixels of the picture have a colour."""
    drawn(browser)
    return browser.does(
        f"""(() => {{
          const canvas = document.getElementById('sky');
          const {{data}} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const wanted = [1, 3, 5].map(at => parseInt('{colour}'.slice(at, at + 2), 16));
          let count = 0;
          for (let n = 0; n < data.length; n += 4) count += wanted.every((value, i) => data[n + i] === value);
          return count;
        }})()"""
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_tasks.build(tmp_path_factory.mktemp("tasks") / "run").load()


@pytest.fixture(scope="module")
def browser(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    writing.write(folder / "view.html", run.plan, run)
    with opened(folder / "view.html", folder) as browser:
        browser.until(READY)
        yield browser
        assert browser.errors == []


@pytest.fixture
def page(browser):
    browser.does("skybed.play(false); skybed.choosePair(-1, -1); skybed.weigh(false); skybed.seek(0)")
    browser.does("document.activeElement.blur(); skybed.speakIn('en')")
    return browser


def followed(page, life, t_s):
    page.does(f"skybed.follow({life}); skybed.seek({t_s})")
    return page.does(
        f"(m => ({{held: {NAMES}(m.held), busy: {NAMES}(m.busy), ways: m.ways.map({NAMES})}}))(skybed.moment)"
    )


@pytest.mark.parametrize(
    ("t_s", "held", "busy", "ways", "says"),
    [
        (12.5, ["s1"], ["s1"], [], "observe: at s1"),
        (14.0, ["s1"], ["s1"], [], "compute: at s1"),
        (15.05, ["s1"], [], [["s1", "Miyun"]], "delivery: on the way from s1 to Miyun"),
        (15.2, [], [], [], "It is nowhere at this time."),
    ],
)
def test_where_a_task_is_is_what_its_tables_say(page, t_s, held, busy, ways, says):
    assert followed(page, 1, t_s) == {"held": held, "busy": busy, "ways": ways}
    drawn(page)
    assert says in page.does(PANEL)


def test_a_task_s_bundle_is_where_its_hops_left_it(tmp_path):
    run = tiny_tasks.in_bundles(tmp_path / "run").load()
    writing.write(tmp_path / "view.html", run.plan, run)
    with opened(tmp_path / "view.html", tmp_path) as page:
        page.until(READY)
        seen = [
            (t_s, at["held"], at["ways"])
            for t_s in (8.2, 8.7, 20, 33.2, 33.7)
            for at in [followed(page, 0, t_s)]
        ]
        assert page.errors == []
    assert seen == [
        (8.2, ["s1"], [["s1", "Sanya"]]), (8.7, ["s1", "Sanya"], [["s1", "Miyun"]]),
        (20, ["Sanya", "Miyun"], []),
        (33.2, ["Sanya", "Miyun"], [["Sanya", "s2"]]), (33.7, ["Miyun", "s2"], []),
    ]  # fmt: skip


def test_its_end_is_told(page, run):
    ended_s = run.table("tasks").query("number == 1")["ended_s"].max()
    followed(page, 1, round(ended_s, 6))
    drawn(page)
    assert "arrive: done, at Miyun" in page.does(PANEL)


def test_a_click_in_the_list_follows_and_another_leads_to_a_stage(page, run):
    page.does("[...document.querySelectorAll('#panel button')].find(b => b.textContent === 'fire').click()")
    assert page.does("document.querySelector('#panel h1').textContent") == "fire 0"
    page.does("[...document.querySelectorAll('#panel button')].find(b => b.textContent === '›').click()")
    assert page.does("document.querySelector('#panel h1').textContent") == "fire 1"
    assert page.does("skybed.t_s") == pytest.approx(12.0)  # where it begins
    drawn(page)
    page.does(
        "[...document.querySelectorAll('#panel button')].find(b => b.textContent === 'compute').click()"
    )
    assert page.does("skybed.t_s") == pytest.approx(13.0)
    drawn(page)
    current = page.does(
        "[...document.querySelectorAll('#panel tr.current')].map(r => r.cells[0].textContent)"
    )
    assert current == ["compute"]


def test_one_can_step_through_its_life(page, run):
    page.does("skybed.followNumber('fire', 2)")
    rows = run.table("tasks").query("number == 2")
    times = sorted({*rows["queued_s"].round(6), *rows["ended_s"].round(6)})
    seen = [page.does("skybed.t_s")]
    for _ in times[1:]:
        page.press("n")
        seen.append(page.does("skybed.t_s"))
    assert seen == pytest.approx(times)
    assert "arrive" in page.does("document.getElementById('said').textContent")
    page.press("p")
    assert page.does("skybed.t_s") == pytest.approx(times[-2])
    page.press("Escape")
    assert page.does("skybed.life") == -1


def test_the_globe_turns_to_what_is_followed_if_that_lies_behind(page, run):
    node = run.plan.node("s1")
    page.does("skybed.show('globe'); skybed.views.globe.centre(...[0, 1, 2].map(i => -skybed.r[i]))")
    drawn(page)
    assert page.does(f"skybed.views.globe.hidden[{node}]") == 1
    page.does("skybed.follow(0)")
    drawn(page)
    assert page.does(f"skybed.views.globe.hidden[{node}]") == 0


def test_the_line_of_its_life_is_drawn_and_a_click_in_it_seeks(page):
    page.does("skybed.follow(1)")
    x, y, wide = page.does(
        "(() => { const b = document.getElementById('chart').getBoundingClientRect(); "
        "return [b.left, b.top + b.height / 2, b.width]; })()"
    )
    page.click(x + wide - 20, y)
    assert 15 < page.does("skybed.t_s") < 15.3
    page.click(x + 130, y)
    assert 11.9 < page.does("skybed.t_s") < 12.2


def test_storage_and_battery_of_a_node_stand_below_the_picture(page, run):
    page.does(f"skybed.choose({run.plan.node('s1')}); skybed.seek(14)")
    drawn(page)
    assert page.does("document.getElementById('chart').getBoundingClientRect().height") > 50
    told = page.does("[...document.querySelectorAll('#panel dd')].map(e => e.textContent)")
    level_wh = run.table("energy").query("t_s == 13")["battery_wh"].iloc[-1] + (10 - 6) / 3600
    assert "1.0 / 3.0" in told
    assert f"{100 * level_wh / 10:.1f}" in told
    page.does(f"skybed.choose({run.plan.node('Sanya')})")
    assert page.does("document.getElementById('chart').hidden")


def test_a_fragment_of_the_address_follows_one(page):
    page.does("location.hash = '#follow=fire/2&t=22'")
    page.until("skybed.life === 2 && skybed.t_s === 22")
    page.does("location.hash = ''")


def test_an_address_of_nobody_follows_nobody(page):
    page.does("location.hash = '#follow=water/2'")
    page.until("skybed.t_s === 0")
    assert page.does("skybed.life") == -1
    page.does("location.hash = ''")


def test_a_bundle_is_followed_hop_by_hop(tmp_path):
    flow = {"kind": "bundles", "name": "b1", "from": "Miyun", "to": "Sanya"}
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [flow]}))
    tables = {
        BUNDLES: [("b1", 0, "Miyun", "Sanya", 10_000, 0.0, 3.0, None, 2, 1, 0, "delivered")],
        HOPS: [
            ("b1", 0, False, 0, 10_000, "Miyun", "s1", 0.0, 1.0, 1.5, 10_100, True),
            ("b1", 0, False, 0, 10_000, "s1", "Sanya", 1.5, 2.0, 3.0, 10_100, True),
        ],
        CONTACT_USE: [], BUFFERS: [("s1", 1.5, 10_000, 50_000)],
    }  # fmt: skip
    for table, values in tables.items():
        made.tables[table.name] = pd.DataFrame(values, columns=list(table.dtypes)).astype(table.dtypes)
    run = made.load()
    writing.write(tmp_path / "view.html", run.plan, run)
    with opened(tmp_path / "view.html", tmp_path, "#follow=b1/0&t=0.5") as browser:
        browser.until(READY)
        drawn(browser)
        assert "hop: waits at Miyun to go to s1" in browser.does(PANEL)
        for t_s, way in ((1.2, ["Miyun", "s1"]), (2.5, ["s1", "Sanya"])):
            browser.does(f"skybed.seek({t_s})")
            assert browser.does(f"skybed.moment.ways.map({NAMES})") == [way]
        assert browser.errors == []


# -- links -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaded")
    made = Builder(folder / "run", plan_of(TINY | {"traffic": [UDP]}))
    made.flow_rows("u1", "udp", 4.0)
    run = made.load()
    writing.write(folder / "view.html", run.plan, run)
    with opened(folder / "view.html", folder, "#view=map") as browser:
        browser.until(READY)
        yield browser
        assert browser.errors == []


def test_what_a_link_carries_is_told_each_way(loaded):
    loaded.does(f"skybed.chooseLink({S1_MIYUN}); skybed.seek(10.5)")
    drawn(loaded)
    rows = loaded.does(
        "[...document.querySelectorAll('#panel table')[0].tBodies[0].rows].map(r => [r.cells[0].textContent, "
        "r.cells[4].textContent])"
    )
    assert dict(rows) == {"Miyun → s1": "4 (40 %)", "s1 → Miyun": "0"}
    assert loaded.does("document.getElementById('chart').getBoundingClientRect().height") > 50
    loaded.does("skybed.seek(45)")  # over s2 by now
    drawn(loaded)
    assert "it does not stand" in loaded.does(PANEL)


def test_a_node_tells_what_its_links_carry_and_leads_to_them(loaded):
    loaded.does("skybed.choose(skybed.sky.numbers.get('Miyun')); skybed.seek(10.5)")
    drawn(loaded)
    assert "4 (40 %) / 0" in loaded.does(PANEL)
    loaded.does(
        "[...document.querySelectorAll('#panel button')].find(b => b.textContent === 'access').click()"
    )
    assert loaded.does("skybed.link") == S1_MIYUN


def test_links_are_as_wide_as_what_they_carry_if_one_asks(loaded):
    loaded.does("skybed.choose(-1); skybed.show('map'); skybed.seek(10.5); skybed.weigh(false)")
    violet = loaded.does("skybed.palette.load")
    assert inked(loaded, violet) == 0
    loaded.does("document.getElementById('weighted').click()")
    assert inked(loaded, violet) > 30
    loaded.does("skybed.seek(31)")  # nothing is carried while s2 is acquired
    assert inked(loaded, violet) == 0
    loaded.does("document.getElementById('weighted').click()")


def test_steps_go_to_values_that_change(tmp_path):
    radio = TINY["links"]["radio"] | {
        "rate_mbps": [[0, 10], [20, 5]],
        "up": {"extra_delay_ms": [[0, 8], [10, 3]]},
    }
    plan = plan_of(TINY | {"links": {"radio": radio}}).kept()
    writing.write(tmp_path / "view.html", plan)
    with opened(tmp_path / "view.html", tmp_path, "#node=Miyun") as browser:
        browser.until(READY)
        browser.press("n")
        assert browser.does("skybed.t_s") == 10
        assert browser.does("document.getElementById('said').textContent").endswith("takes 3000 µs more")
        browser.press("n")
        assert browser.does("skybed.t_s") == 20
        assert "carries 5 Mbit/s" in browser.does("document.getElementById('said').textContent")
        browser.press("p")
        assert browser.does("skybed.t_s") == 10
        browser.does(f"skybed.chooseLink({S1_MIYUN}); skybed.seek(0)")
        browser.press("n")
        assert browser.does("skybed.t_s") == 10
