"""A page that goes along with a run, in a real browser: what a lane says comes into it, as text."""

import shutil
from itertools import pairwise

import pytest

from skybed.analysis.verdict import Verdict
from skybed.scripts.running.live import View
from skybed.scripts.running.messages import Carried, Network, Traffic
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.browser import opened

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

READY = "document.documentElement?.dataset.ready"
PANEL = "document.getElementById('panel').innerText"
HOSTILE = "<img src=x onerror=alert(1)>"
PROBE = {
    "sent": 100,
    "answered": 97,
    "lost": 3,
    "sent_s": 10.0,
    "least_us": 74_000.0,
    "greatest_us": 90_000.0,
}
NODES = [
    {"node": "eo-0-0", "held_bytes": 2_500_000, "room_bytes": 8_000_000, "jobs": 1, "waiting": 2,
     "dead": False, "battery_pct": 41.5, "sunlit": False, "paused": True, "solar_w": 0, "load_w": 20},
    {"node": "miyun", "held_bytes": 0, "room_bytes": None, "jobs": 0, "waiting": 0, "dead": False},
]  # fmt: skip


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load("sc-mini").with_({"duration_s": 20})).kept()


@pytest.fixture
def view(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with View() as view:
        yield view


@pytest.fixture
def page(view, plan, tmp_path):
    view.planned(plan)
    with opened(view.address, tmp_path) as browser:
        browser.until(READY)
        yield browser
        assert browser.errors == []
        address = view.address.rsplit("/", 2)[0]
        assert all(url.startswith((address, "data:")) for url in browser.asked)


def network(t_s, **more):
    return Network(**{"t_s": t_s, "late_us": 0.0, "applied": 1000, "late": 0, "skipped": 0, "links": 122,
                      "held": []} | more)  # fmt: skip


def test_a_page_that_is_not_there_yet_comes_by_itself(view, plan, tmp_path):
    view.at("planning", 0.1, HOSTILE)
    with opened(view.address, tmp_path, "#view=map") as browser:
        browser.until("document.body?.innerText.includes('planning: <img')")
        view.planned(plan)
        browser.until(f"{READY} && skybed.view === 'map'")


def test_the_time_bar_goes_along_until_somebody_moves_it(page, view):
    view.heard(network(3.5))
    page.until("skybed.t_s === 3.5")
    assert page.does("document.getElementById('live').getAttribute('aria-pressed')") == "true"
    page.does("skybed.seek(1)")
    view.heard(network(5.0))
    page.until("skybed.live.t_s === 5")
    assert page.does("skybed.t_s") == 1
    page.does("document.getElementById('live').click()")
    page.until("skybed.t_s === 5")


def test_round_trips_stand_beside_the_true_ones(page, view, plan):
    """The truth is that which the verdict takes: what geometry gives, and the time on the wire."""
    rtt_us = 75_100.0
    view.heard(Traffic(10.5, {"command": PROBE | {"rtt_us": rtt_us}}))
    page.until("skybed.live.flows.command?.true_us")
    true = page.does("skybed.live.flows.command.true_us")
    flow = next(flow for flow in plan.scenario.flows if flow.name == "command")
    there, back = (plan.trace(*ends, [10.0])[0][0] - 10.0 for ends in (flow.ends, flow.ends[::-1]))
    assert 0 < true - (there + back) * 1e6 < 1000
    page.until(f"{PANEL}.includes('{rtt_us / 1e3:.3f}') && {PANEL}.includes('3 / 100')")
    assert page.does("skybed.live.flows.command.error_us") == pytest.approx(rtt_us - true)
    page.does(f"skybed.choosePair(...{[plan.node(end) for end in flow.ends]})")
    page.does("skybed.seek(12)")
    assert page.does("skybed.measured.at(12).median_ms") == rtt_us / 1e3
    view.heard(Traffic(11.0, {"command": PROBE | {"rtt_us": 76_000.0, "sent_s": 10.9, "sent": 150}}))
    page.until("skybed.measured.at(12).median_ms === 76 && skybed.measured.at(12).sent === 50")


def test_who_comes_later_has_what_was_before(page, view):
    times = "skybed.live.past.get('command')?.t_s.join()"
    for count, sent_s in enumerate((1.0, 2.0, 3.0), 1):
        view.heard(Traffic(sent_s + 0.1, {"command": PROBE | {"rtt_us": 75_000.0, "sent_s": sent_s}}))
        page.until(f"{times} === '1,2,3'.slice(0, {2 * count - 1})")
    page.does("delete document.documentElement.dataset.ready; location.reload()")
    page.until(READY)
    page.until(f"{times} === '1,2,3'")


def test_a_link_that_is_held_down_is_drawn_so(page, view, plan):
    link = int(plan.contacts["link"].iloc[0])
    view.heard(network(2.0, held=[[link, side, int(Property.CARRIER), 0.0] for side in (0, 1)]))
    page.until(f"skybed.state[{link}] === 3")
    page.does("skybed.seek(2)")
    assert page.does(f"skybed.state[{link}]") == 1  # by plan it stands


def test_tasks_show_stages_storage_and_batteries(page, view):
    stages = [[4, "delivery", 0, "eo-0-0", "miyun", 12.5]]
    task = {"asked": 5, "delivered": 3, "responses_s": {"mean": 42.25}, "stages": stages, "nodes": NODES}
    view.heard(Traffic(13.0, {"fires": task}))
    page.until(f"{PANEL}.includes('eo-0-0 → miyun')")
    for words in ("fires 4", "42.3", "2.5 / 8.0", "41.5", "1 + 2", "waits for its battery, eclipse"):
        assert page.does(f"{PANEL}.includes({words!r})"), words
    page.does("skybed.choose(skybed.sky.numbers.get('eo-0-0'))")
    page.until(f"{PANEL}.includes('battery (%): 41.5')")
    page.until("!document.getElementById('chart').hidden")
    later = [NODES[0] | {"battery_pct": 40.0, "held_bytes": 0}, NODES[1]]
    view.heard(Traffic(14.0, {"fires": task | {"nodes": later}}))
    amounts = "skybed.live.amounts.get('eo-0-0')"
    page.until(f"{amounts}.t_s.length === 2")
    assert page.does(f"[{amounts}.held_mb, {amounts}.battery_pct]") == [[2.5, 0], [41.5, 40]]


def test_what_speaks_against_the_run_so_far_and_its_verdict_are_told(page, view):
    page.until(f"{PANEL}.includes('nothing speaks against')")
    view.heard(network(3.0, late=200))
    page.until(f"{PANEL}.includes('20.0 % of what was to be done was more than 10 ms late')")
    view.over(Verdict.broken_off("run", 20.0, "invalid", "The clock stood still."))
    page.until(f"{PANEL}.includes('INVALID') && {PANEL}.includes('The clock stood still.')")
    assert page.does("skybed.live.source.readyState") == 2  # closed


def test_limits_that_hold_so_far_and_those_that_do_not(page, view):
    view.heard(Traffic(10.5, {"command": PROBE | {"rtt_us": 75_000.0}}))
    page.until(f"{PANEL}.includes('Limits so far')")
    cells = "r => [...r.cells].map(c => c.textContent)"
    rows = f"[...document.querySelectorAll('#panel table')[0].tBodies[0].rows].map({cells})"
    assert page.does(rows) == [["command", "loss_pct", "3", "≤ 0.5", "no"]]
    assert "Would fail, if it ended now" in page.does(PANEL)
    view.heard(Traffic(11.0, {"command": PROBE | {"rtt_us": 75_000.0, "lost": 0}}))
    page.until(f"({rows})[0].join() === 'command,loss_pct,0,≤ 0.5,yes'")
    assert "nothing speaks against" in page.does(PANEL)


def test_how_late_events_were_is_told_and_drawn(page, view):
    for t_s, late_us in ((3.0, 0.0), (3.5, 1250.0)):
        view.heard(network(t_s, late_us=late_us))
        page.until(f"skybed.live.t_s === {t_s}")
    page.until(f"{PANEL}.includes('of 1000 events 0 were late so far') && {PANEL}.includes('1.250 ms')")
    assert page.does("skybed.live.late.values") == [0, 1.25]
    page.until("!document.getElementById('chart').hidden")


def test_what_links_carry_is_by_the_streams_and_their_ways_where_nobody_counts(page, view, plan):
    flow = next(flow for flow in plan.scenario.flows if flow.name == "product")
    view.heard(network(9.0))
    view.heard(Traffic(9.0, {"product": {"received_mb": 1.0, "retransmits": 0, "mbps": 2.5, "rtt_us": None}}))
    page.until("skybed.live.loads.size > 0")
    walk = plan.trace(flow.source, flow.target, [9.0])
    path = walk.paths[walk.path_id[0]]
    keys = set()
    for a, b in pairwise(path):
        link = plan.network.link_between[a, b]
        keys.add(2 * int(link) + (plan.links[link].a != a))
    assert set(page.does("[...skybed.live.loads.keys()]")) == keys
    page.does(f"skybed.choose({path[0]})")
    page.until(f"{PANEL}.includes('2.5')")


def test_what_the_kernel_counted_is_the_load(page, view, plan):
    link = plan.links[0]
    a, b = (plan.nodes[node].name for node in (link.a, link.b))
    view.heard(network(5.0))
    view.heard(Carried(5.0, [[b, a, 3.5], ["no such node", a, 1.0]]))
    page.until("skybed.live.loads.size === 1")
    page.does("skybed.chooseLink(0); skybed.weigh(true)")
    page.until(f"{PANEL}.includes('3.5')")
    assert page.does("skybed.live.loadOver(0, 1).values") == [3.5]
    view.heard(Carried(6.0, []))
    page.until("skybed.live.loadOver(0, 1).values.join() === '3.5,0'")


def test_texts_that_look_like_markup_are_texts(page, view):
    view.at("planning", 0.0, HOSTILE)
    view.heard(Traffic(1.0, {"command": PROBE | {"rtt_us": 1.0, "state": HOSTILE}}))
    view.over(Verdict.broken_off("run", 20.0, "error", HOSTILE))
    page.until(f"{PANEL}.includes('<img src=x')")
    assert page.does("document.querySelectorAll('#panel img').length") == 0
