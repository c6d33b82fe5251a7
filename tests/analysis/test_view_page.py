"""The page of a sky in a real browser: it shows what the plan says, mouse and keys work, names are text."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from skybed.analysis.pages.view import places, writing
from skybed.topologies.contacts import candidates
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.browser import opened
from support.tiny_sky import PROBE, TINY, TRACE, Builder, plan_of

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

READY = "document.documentElement?.dataset.ready"
SHORTEST = (
    "import('view/ways').then(({shortest}) => shortest(skybed.sky, skybed.t_s, skybed.r, skybed.state, "
    "skybed.from, skybed.to).nodes.map(node => skybed.sky.nodes[node].name))"
)
FAULTS = [
    {"kind": "carrier", "link": ["relay-0-3", "relay-0-4"], "at_s": 10, "for_s": 5, "reacquire_s": 0},
    {"kind": "silent", "link": ["relay-0-2", "relay-0-3"], "at_s": 10, "for_s": 5},
]
TIMES_S = (0.25, 12.0, 33.3, 54.5, 59.9)


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load("sc-mini").with_({"faults": FAULTS})).kept()


@pytest.fixture(scope="module")
def browser(plan, tmp_path_factory):
    """sc-mini with two faults, as a page that is open."""
    folder = tmp_path_factory.mktemp("page")
    writing.write(folder / "view.html", plan)
    with opened(folder / "view.html", folder) as browser:
        browser.until(READY)
        yield browser
        assert browser.errors == []


@pytest.fixture
def page(browser):
    """The same as it was when it was opened."""
    browser.does("skybed.play(false); skybed.choosePair(-1, -1); skybed.show('globe'); skybed.seek(0)")
    browser.does("document.activeElement.blur(); skybed.speakIn('en')")
    return browser


def drawn(browser):
    """Once the picture, and what is told beside it, are those of now."""
    browser.does("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def told(browser, word):
    """What stands beside a word in the panel."""
    drawn(browser)
    words = "[...document.querySelectorAll('#panel dt')]"
    return browser.does(f"{words}.find(e => e.textContent === '{word}').nextSibling.textContent")


def table(browser, number=0):
    """The cells of a table of the panel."""
    drawn(browser)
    rows = f"[...document.querySelectorAll('#panel table')[{number}].tBodies[0].rows]"
    return browser.does(f"{rows}.map(row => [...row.cells].map(cell => cell.textContent))")


def place_of(browser, node):
    """Where a node is drawn in the window, px."""
    return browser.does(
        f"(() => {{ const box = document.getElementById('sky').getBoundingClientRect(); "
        f"return [box.left + skybed.shown.x[{node}], box.top + skybed.shown.y[{node}]]; }})()"
    )


# -- that it says what the plan says ---------------------------------------------------------------


@pytest.mark.parametrize("t_s", TIMES_S)
def test_all_nodes_are_where_the_plan_has_them(page, plan, t_s):
    page.does(f"skybed.seek({t_s})")
    r_km = np.array(page.does("[...skybed.r]")).reshape(-1, 3)
    true_km = ground_tracks.fixed_km(plan.network.sky, np.arange(len(plan.nodes)), np.array(t_s))
    assert 1e3 * np.linalg.norm(r_km - true_km, axis=1).max() < places.ERROR_M + 1


@pytest.mark.parametrize("t_s", TIMES_S)
def test_the_links_that_stand_are_those_of_the_plan(page, plan, t_s):
    page.does(f"skybed.seek({t_s})")
    state = np.array(page.does("[...skybed.state]"))
    assert np.flatnonzero((state == 1) | (state == 2)).tolist() == plan.network.standing(t_s).tolist()


def test_faults_are_told(page, plan):
    page.does("skybed.seek(12)")
    state = page.does("[...skybed.state]")
    silent, lost = (
        plan.network.link_between[plan.node("relay-0-3"), plan.node(peer)]
        for peer in ("relay-0-2", "relay-0-4")
    )
    assert (state[silent], state[lost]) == (2, 3)
    page.does(f"skybed.choose({plan.node('relay-0-3')})")
    kinds = {row[0]: row[1] for row in table(page)}
    assert kinds["relay-0-2"] == "ISL (silent)"
    assert kinds["relay-0-4"] == "ISL (lost)"


@pytest.mark.parametrize(
    ("src", "dst"), [("kashi", "sanya"), ("beijing", "eo-0-0"), ("comp-0-3", "relay-4-1")]
)
def test_the_shortest_way_is_that_of_skybed_path(page, plan, src, dst):
    page.does(f"skybed.choosePair({plan.node(src)}, {plan.node(dst)})")
    ways = plan.path(src, dst, TIMES_S)
    for t_s, rtt_ms, number in zip(TIMES_S, ways.rtt_ms, ways.path_id, strict=True):
        page.does(f"skybed.seek({t_s})")
        assert float(told(page, "Shortest there is").removesuffix(" ms")) == pytest.approx(rtt_ms, abs=2e-3)
        shortest = page.does(SHORTEST)
        assert tuple(shortest) == ways.paths[number]


@pytest.mark.parametrize(("src", "dst"), [("kashi", "sanya"), ("beijing", "eo-0-0")])
def test_the_way_shown_is_that_of_the_routes_with_the_delays_of_the_kernel(page, plan, src, dst):
    page.does(f"skybed.choosePair({plan.node(src)}, {plan.node(dst)})")
    events = plan.events.whole()
    walks = plan.trace(src, dst, TIMES_S)
    for t_s, arrival_s, number in zip(TIMES_S, walks.arrival_s, walks.path_id, strict=True):
        page.does(f"skybed.seek({t_s})")
        rows, path = table(page), walks.paths[number]
        assert [row[0] for row in rows] == [plan.nodes[node].name for node in path]
        for (_, _, delay_ms, _), a, b in zip(rows[1:], path[:-1], path[1:], strict=True):
            link = plan.network.link_between[a, b]
            due = events[(events["link"] == link) & (events["property"] == 1) & (events["t_s"] <= t_s)]
            assert delay_ms == f"{due['value'][-1] / 1e3:.3f}"
        one_way_ms = float(told(page, "One way").removesuffix(" ms"))
        bound_ms = (
            len(path) * (plan.scenario.bound_us + 5) / 1e3
        )  # it moves on while the packet is on its way
        assert one_way_ms == pytest.approx((arrival_s - t_s) * 1e3, abs=bound_ms)


def test_a_way_without_routes_in_the_file_is_the_shortest(page, plan):
    page.does(f"skybed.choosePair({plan.node('comp-0-3')}, {plan.node('relay-4-1')})")
    assert "not in this file" in page.does("document.getElementById('panel').textContent")


def test_range_elevation_and_end_of_a_link_are_those_of_the_candidates(page, plan):
    t_s, node = 20.0, plan.node("miyun")
    page.does(f"skybed.seek({t_s}); skybed.choose({node})")
    rows = {row[0]: row for row in table(page)}
    known = [one for one in candidates.of(plan.network, node, t_s) if one.stands]
    assert {plan.nodes[one.peer].name for one in known} == rows.keys()
    for one in known:
        _, _, _, rate, range_km, elevation_deg, until = rows[plan.nodes[one.peer].name]
        if one.by.startswith("access"):
            assert float(range_km) == pytest.approx(one.range_km, abs=0.06)
            assert float(elevation_deg) == pytest.approx(one.elevation_deg, abs=0.06)
        link = plan.links[plan.network.link_between[node, one.peer]]
        assert float(rate) == pytest.approx(link.capable(0).rate_mbps, rel=1e-3)
        assert until == "end" or f"{float(until):.1f}" in one.why


TOLD = """Promise.all([import("view/candidates"), import("view/words")]).then(([{candidatesOf}, {say}]) => {
  const told = candidatesOf(skybed.sky, skybed.r, skybed.t_s, NODE);
  return told.map(({peer, by, km, why}) => [peer, by, km, say(...why)]);
})"""


def told_in_page(browser, plan, node, t_s):
    """Of those that are not linked: by name and rule, how far they are and why."""
    browser.does(f"skybed.speakIn('en'); skybed.seek({t_s})")
    rows = browser.does(TOLD.replace("NODE", str(node)))
    return {(plan.nodes[peer].name, by): (km, why) for peer, by, km, why in rows}


def is_why(browser, plan, node, t_s):
    """The page tells of each candidate what `skybed inspect` tells, but where a limit is within metres."""
    told = told_in_page(browser, plan, node, t_s)
    known = [one for one in candidates.of(plan.network, node, t_s) if not one.stands]
    assert {(plan.nodes[one.peer].name, one.by) for one in known} == told.keys()
    for one in known:
        km, why = told[plan.nodes[one.peer].name, one.by]
        assert km == pytest.approx(one.range_km, abs=0.02)
        assert why == one.why, (plan.nodes[node].name, plan.nodes[one.peer].name, t_s)
    return {one.why.split(" relay")[0] for one in known}


def test_why_others_are_not_linked_is_what_skybed_inspect_tells(page, plan):
    reasons = set()
    for t_s in (0.25, 12.0, 33.3, 54.5):
        for name in ("miyun", "beijing", "relay-0-3", "relay-2-9", "eo-0-1", "comp-0-4"):
            reasons |= is_why(page, plan, plan.node(name), t_s)
    assert {"behind the Earth", "below 10 deg of elevation", "beyond 5000 km"} <= reasons
    assert {"a fault (carrier) lasts until 15.000 s"} <= reasons
    assert any(reason.startswith("in sight, but nearest keeps") for reason in reasons)


def test_what_is_being_set_up_is_told(page, plan):
    access = [n for n, link in enumerate(plan.links) if link.kind == "access"]
    contacts = plan.contacts[plan.contacts["link"].isin(access) & (plan.contacts["start_s"] > 0)]
    for contact in contacts.itertuples():
        link, t_s = plan.links[contact.link], contact.start_s - 1e-3
        is_why(page, plan, link.b, t_s)
        whys = [why for _, why in told_in_page(page, plan, link.b, t_s).values()]
        assert f"being set up, to stand from {contact.start_s:.3f} s on" in whys


def test_the_panel_lists_those_in_sight_and_some_of_the_others(page, plan):
    page.does(f"skybed.seek(12); skybed.choose({plan.node('miyun')})")
    page.does("document.querySelector('.others').open = true")
    drawn(page)
    drawn(page)
    rows = {row[0]: row[1:] for row in table(page, 1)}
    seen = [one for one in candidates.of(plan.network, plan.node("miyun"), 12.0) if one.elevation_deg > 0]
    for one in seen:
        if not one.stands:
            name = plan.nodes[one.peer].name
            assert rows[name] == [f"{one.range_km:.0f}", f"{one.elevation_deg:.1f}", one.why]
    assert "out of sight" in page.does("document.querySelector('.others').textContent")
    page.does("document.querySelector('.others').open = false")
    drawn(page)


RULES = """\
name: rules
stations: [miyun, sanya, kashi]
links: {beam: {rate_mbps: 1, max_range_km: 6000, setup_s: 3}}
access:
  - {from: [miyun], to: grid, link: beam, min_elevation_deg: 5, target_terminals: 1, gateways: [kashi]}
  - {from: [kashi], to: grid, link: beam, min_elevation_deg: 15, links: 2, terminals: 3}
layers:
  grid: {walker: "86:24/4/0 at 1100 km", isl: {polar_cutoff_deg: 60, link: beam}}
  near: {walker: "53:24/4/1 at 1200 km", isl: {pattern: nearest, terminals: 2, link: beam}}
  ring: {walker: "53:12/1/0 at 1000 km", isl: {offsets: [[0, 1]], link: beam}}
between:
  - {layers: [near, ring], terminals: 1, link: beam}
  - {links: rows.csv, link: beam}
epoch: 2026-05-09
duration_s: 60
"""


def test_why_is_told_of_every_kind_of_rule(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,from,until\nsanya,near-1-3,,\nring-0-0,grid-0-0,10,20\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    plan = Plan.make(Scenario.load(tmp_path / "rules.yaml"))
    writing.write(tmp_path / "view.html", plan, with_routes=False)
    reasons = set()
    with opened(tmp_path / "view.html", tmp_path) as browser:
        browser.until(READY)
        for turn, t_s in enumerate((0.0, 14.0, 31.7)):
            for node in range(turn, len(plan.nodes), 3):
                reasons |= is_why(browser, plan, node, t_s)
        assert browser.errors == []
    said = " / ".join(reasons)
    for part in ("an end is beyond 60 deg of latitude", "no gateway sees it", "has its terminals on"):
        assert part in said


def test_the_contacts_of_a_node_are_those_of_the_plan(page, plan):
    contacts = plan.contacts.sort_values("start_s", kind="stable")
    moving = contacts[contacts["end_s"] < plan.duration_s]
    node = plan.links[moving["link"].iloc[0]].b
    page.does(f"skybed.choose({node})")
    its = [row for row in contacts.itertuples() if node in (plan.links[row.link].a, plan.links[row.link].b)]
    begin_or_end = [row for row in its if row.start_s > 0 or row.end_s < plan.duration_s]
    assert [row[1:3] for row in table(page, 2)] == [
        [f"{x.start_s:.1f}", f"{x.end_s:.1f}"] for x in begin_or_end
    ]


@pytest.mark.parametrize(
    ("utc", "lat_deg", "lon_deg"),
    [
        ("2026-06-21T08:25:00Z", 23.44, 54.2),  # the solstice; the equation of time is -1.8 minutes
        ("2026-03-20T14:46:00Z", 0.0, -39.6),  # the equinox; -7.4 minutes
        ("2000-01-01T12:00:00Z", -23.03, 0.8),  # J2000; -3.3 minutes
    ],
)
def test_the_sun_stands_where_almanacs_have_it(page, utc, lat_deg, lon_deg):
    x, y, z = page.does(f"import('view/motion').then(motion => motion.sun(Date.parse('{utc}') / 1000))")
    assert np.degrees(np.arcsin(z)) == pytest.approx(lat_deg, abs=0.05)
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(lon_deg, abs=0.2)


# -- how it is used --------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["globe", "map", "planes"])
def test_a_click_chooses_a_node_and_with_shift_the_way_to_another(page, plan, view):
    page.does(f"skybed.show('{view}')")
    drawn(page)
    page.click(*place_of(page, plan.node("kashi")))
    assert page.does("document.querySelector('#panel h1').textContent") == "kashi"
    drawn(page)
    page.click(*place_of(page, plan.node("sanya")), shift=True)
    assert page.does("document.querySelector('#panel h1').textContent") == "kashi → sanya"
    assert page.does("document.getElementById('chart').getBoundingClientRect().height") > 50


def test_keys_play_step_and_change_the_view(page):
    page.press(" ")
    page.until("skybed.t_s > 0 && skybed.playing")
    page.press(" ")
    assert not page.does("skybed.playing")
    page.press("Home")
    page.press("n")
    first_s = page.does("skybed.t_s")
    assert first_s == page.does("Math.min(...skybed.events.map(event => event.t_s))")
    page.press("n")
    assert page.does("skybed.t_s") > first_s
    page.press("p")
    assert page.does("skybed.t_s") == first_s
    assert page.does("document.getElementById('said').textContent").startswith(f"{first_s:.3f} s · ")
    for key, view in (("2", "map"), ("3", "planes"), ("1", "globe")):
        page.press(key)
        assert page.does("document.querySelector('[aria-pressed=true]').id") == f"view-{view}"
    page.press("t")
    assert page.does("document.documentElement.dataset.theme") == "light"
    page.press("t")
    page.press("End")
    assert page.does("skybed.t_s") == page.does("skybed.sky.duration_s")


def test_the_time_bar_seeks(page):
    page.does("document.getElementById('time').focus()")
    x, y, wide = page.does(
        "(() => { const b = document.getElementById('time').getBoundingClientRect(); "
        "return [b.left, b.top + b.height / 2, b.width]; })()"
    )
    page.click(x + wide / 2, y)
    assert page.does("skybed.t_s") == pytest.approx(30, abs=1)
    drawn(page)
    assert page.does("document.getElementById('clock').textContent").startswith(
        f"{page.does('skybed.t_s'):.2f} s / 60 s"
    )


def test_with_a_way_chosen_steps_go_to_its_changes(page, plan):
    page.does(f"skybed.choosePair({plan.node('beijing')}, {plan.node('eo-0-0')})")
    changes = page.does("skybed.curve.changes")
    at_s = np.arange(0, 60, 0.05)
    numbers = plan.trace("beijing", "eo-0-0", at_s).path_id
    assert changes == pytest.approx(at_s[1:][numbers[1:] != numbers[:-1]], abs=0.2)
    page.press("n")
    assert page.does("skybed.t_s") == changes[0]


def test_a_drag_turns_the_globe_and_chooses_nothing(page):
    before = page.does("[skybed.shown.lon, skybed.shown.lat]")
    page.drag(440, 350, 80, -30)
    after = page.does("[skybed.shown.lon, skybed.shown.lat]")
    assert after[0] < before[0] and after[1] < before[1]
    assert page.does("skybed.chosen") == -1


def test_a_layer_that_is_hidden_cannot_be_clicked(page, plan):
    node = plan.node("relay-0-9")
    page.does(f"skybed.centre({node})")
    drawn(page)
    x, y = page.does(f"[skybed.shown.x[{node}], skybed.shown.y[{node}]]")
    assert page.does(f"skybed.nodeAt({x}, {y})") == node
    page.does("document.querySelector('#legend input').click()")
    assert page.does(f"skybed.nodeAt({x}, {y})") != node
    page.does("document.querySelector('#legend input').click()")


def test_it_speaks_chinese(page):
    page.does(
        "const s = document.getElementById('language'); s.value = 'zh'; s.dispatchEvent(new Event('change'))"
    )
    assert page.does("document.getElementById('view-globe').textContent") == "地球"
    assert page.does("document.documentElement.lang") == "zh"
    assert "卫星" in page.does("document.getElementById('panel').textContent")


def test_it_asks_no_network_for_anything(page):
    assert page.asked and all(url.startswith(("file:", "data:")) for url in page.asked)


# -- other skies -----------------------------------------------------------------------------------


def test_hostile_names_are_text(tmp_path):
    """Names of nodes are checked where a scenario is read, but not those of a plan that a stranger stored."""
    script = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    plan = plan_of(TINY | {"about": script, "name": "tiny"})
    nodes = [replace(node, name=f"{script}{n}") if n else node for n, node in enumerate(plan.nodes)]
    scenario = plan.scenario.model_copy(update={"about": script, "traffic": [], "access": []})
    network = replace(plan.network, nodes=nodes, scenario=scenario)
    writing.write(tmp_path / "view.html", replace(plan, scenario=scenario, network=network))
    with opened(tmp_path / "view.html", tmp_path, "#node=s1") as browser:
        browser.until(READY)
        assert browser.does("document.title") == "tiny"
        assert browser.does("document.querySelectorAll('img, script:not(#data):not([type])').length") == 0
        browser.does("skybed.choose(3)")
        assert browser.does("document.querySelector('#panel h1').textContent") == f"{script}3"
        browser.does("skybed.choosePair(2, 3)")
        browser.does("skybed.choosePair(-1, -1)")
        assert browser.does("document.querySelector('.about').textContent") == script
        assert browser.does("document.title") == "tiny"
        assert browser.errors == []


def test_labels_are_shown_and_names_find_nodes_too(tmp_path):
    walker = {"planes": 1, "per_plane": 2, "inclination_deg": 97, "altitude_km": 535}
    sky = {
        "name": "labels", "epoch": "2026-01-01T00:00:00Z", "duration_s": 10,
        "layers": {"relay": {"label": "中继", "walker": walker}},
        "stations": [{"name": "miyun", "label": "密云 <b>"}, "sanya"],
    }  # fmt: skip
    plan = plan_of(sky)
    writing.write(tmp_path / "view.html", plan)
    miyun = plan.node("miyun")
    with opened(tmp_path / "view.html", tmp_path, "#node=miyun") as browser:
        browser.until(READY)
        assert browser.does("skybed.chosen") == miyun
        assert browser.does("document.querySelector('#panel h1').textContent") == "密云 <b>"
        assert told(browser, "Name") == "miyun"
        assert browser.does("skybed.sky.numbers.get('密云 <b>')") == miyun
        browser.does("skybed.choose(0)")
        assert browser.does("document.querySelector('#panel h1').textContent") == "中继-0-0"
        assert "中继" in browser.does("document.getElementById('legend').textContent")
        assert browser.errors == []


def test_of_a_run_it_shows_the_measured_round_trip_beside_the_true_one(tmp_path):
    scenario = TINY | {"traffic": [PROBE]}
    run = Builder(tmp_path / "run", plan_of(scenario)).load()
    writing.write(tmp_path / "view.html", run.plan, run)
    with opened(tmp_path / "view.html", tmp_path, "#from=Miyun&to=Sanya&t=10.05") as browser:
        browser.until(READY)
        drawn(browser)
        probe = run.probes[run.probes["sent_s"] <= 10.05].iloc[-1]
        assert told(browser, "Measured") == f"{probe['rtt_us'] / 1e3:.3f} ms"
        assert browser.does("document.querySelector('#panel h1').textContent") == "Miyun → Sanya"
        browser.does("skybed.choosePair(-1, -1)")
        status = browser.does("document.querySelector('.verdict strong').textContent")
        assert status in ("PASS", "FAIL", "INVALID")


def test_of_a_run_it_shows_which_way_its_traces_saw_packets_go(tmp_path):
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [PROBE, TRACE]}))
    paths = made.tables["paths"]
    other = (paths["sent_s"] == 5) & (paths["hop"] == 1)
    made.tables["paths"] = paths.assign(node=paths["node"].mask(other))
    run = made.load()
    writing.write(tmp_path / "view.html", run.plan, run)
    with opened(tmp_path / "view.html", tmp_path, "#from=Miyun&to=Sanya&t=3.5") as browser:
        browser.until(READY)
        panel = "document.getElementById('panel').innerText"
        for t_s, says in (
            (3.5, "Since 0.00 s, t1 has seen packets go this way."),
            (5.5, "Since 5.00 s, t1 has seen packets go another way: Miyun › ? › Sanya."),
            (29.5, "Since 6.00 s, t1 has seen packets go this way."),
            (31.5, "Since 30.00 s, t1 has not got there."),
            (40.5, "Since 32.00 s, t1 has seen packets go this way."),  # over s2
        ):
            browser.does(f"skybed.seek({t_s})")
            drawn(browser)
            assert says in browser.does(panel)
        assert browser.errors == []


def test_what_links_are_capable_of_over_time_and_in_each_direction(tmp_path):
    radio = TINY["links"]["radio"] | {
        "rate_mbps": [[0, 10], [20, 5]], "loss_pct": 1,
        "up": {"extra_delay_ms": [[0, 8], [10, 3]]}, "down": {"jitter_ms": 2},
    }  # fmt: skip
    plan = plan_of(TINY | {"links": {"radio": radio}}).kept()
    writing.write(tmp_path / "view.html", plan)
    with opened(tmp_path / "view.html", tmp_path, "#node=Miyun") as browser:
        browser.until(READY)
        for t_s, rate, extra_ms in ((5.0, "10", 8), (15.0, "10", 3), (25.0, "5", 3)):
            browser.does(f"skybed.choose({plan.node('Miyun')}); skybed.seek({t_s})")
            ((peer, kind, delay_ms, rate_shown, *_),) = table(browser)
            assert (peer, kind, rate_shown) == ("s1", "access (loses 1 %)", rate)
            link = plan.network.link_between[plan.node("Miyun"), plan.node("s1")]
            light_ms = 1e3 * plan.delay_s(link, t_s)
            assert float(delay_ms) == pytest.approx(light_ms + extra_ms, abs=0.06)
            browser.does(f"skybed.choosePair({plan.node('Miyun')}, {plan.node('Sanya')})")
            (rtt_ms,) = plan.path("Miyun", "Sanya", [t_s]).rtt_ms
            assert float(told(browser, "Shortest there is").removesuffix(" ms")) == pytest.approx(
                rtt_ms, abs=2e-3
            )
            arrival_s = plan.trace("Miyun", "Sanya", [t_s]).arrival_s[0]
            assert float(told(browser, "One way").removesuffix(" ms")) == pytest.approx(
                1e3 * (arrival_s - t_s), abs=0.11
            )


def test_a_moving_node_is_followed(tmp_path):
    plan = Plan.make(Scenario.load("flight"))
    writing.write(tmp_path / "view.html", plan, with_routes=False)
    node = plan.node("cabin")
    with opened(tmp_path / "view.html", tmp_path, "#node=cabin") as browser:
        browser.until(READY)
        for t_s in (0.0, 333.0, 600.0):
            browser.does(f"skybed.seek({t_s})")
            r_km = browser.does(f"[...skybed.r.subarray({3 * node}, {3 * node + 3})]")
            true_km = ground_tracks.fixed_km(plan.network.sky, np.array(node), np.array(t_s))
            assert 1e3 * np.linalg.norm(np.array(r_km) - true_km) < 3
