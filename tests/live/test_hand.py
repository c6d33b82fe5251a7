"""Links changed by hand while the sky moves, in virtual time: what packets meet, what the verdict says."""

import pytest

import skybed as face
from skybed.analysis.compare import exact
from skybed.analysis.measures import metrics, paths, truth
from skybed.analysis.pages import report
from skybed.analysis.run import load
from skybed.analysis.verdict import judge
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

DETECTION_S = 0.1
PROBE = {"kind": "probe", "name": "probe", "from": "kashi", "to": "sanya", "rate_hz": 100}
TRACE = {"kind": "trace", "name": "path", "from": "kashi", "to": "sanya", "every_s": 0.5}


def sky(protocol="oracle", duration_s=12, traffic=(PROBE,), **routing):
    """Fifty relays between Kashi and Sanya, of which none fails by itself."""
    loaded = Scenario.load(ROOT / "scenarios" / "reroute-oracle.yaml")
    return loaded.with_(
        routing={"protocol": protocol, "detection_ms": 1000 * DETECTION_S, **routing},
        duration_s=duration_s, faults=[], traffic=[*traffic],
    )  # fmt: skip


def middle(plan, t_s=4.0):
    """The ends of a link in the middle of the probes' way."""
    _, number, walks = plan.trace("kashi", "sanya", [t_s])
    walk = [plan.nodes[n].name for n in walks[number[0]]]
    return tuple(walk[len(walk) // 2 - 1 : len(walk) // 2 + 1])


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """played(scenario, script) plays it, and gives the Run and its verdict."""

    def run(scenario, script):
        out = tmp_path_factory.mktemp("hand") / "run"
        face.run(scenario, out, script=script)
        loaded = load(out)
        return loaded, judge(loaded)

    return run


@pytest.fixture(scope="module")
def ends():
    return middle(face.Plan.make(sky()))


def switched(a, b):
    def script(sky):
        sky.wait_until(4)
        sky.link(a, b).down()
        sky.wait_until(8)
        sky.link(b, a).up()

    return script


@pytest.fixture(scope="module")
def taken_down(played, ends):
    return played(sky(traffic=[PROBE, TRACE]), switched(*ends))


def test_a_link_that_is_taken_down_is_rerouted_once_that_is_known_and_is_back_as_planned(taken_down, ends):
    run, verdict = taken_down
    assert verdict.status == "pass", verdict.reasons
    changed = run.table("changed")
    assert changed["t_s"].to_numpy() == pytest.approx([4, 8], abs=1e-4)
    assert changed["by"].tolist() == ["script"] * 2 and changed["property"].tolist() == ["carrier"] * 2
    assert changed["value"].fillna(1).tolist() == [0, 1]
    outages = metrics.outages(run, "probe")
    assert len(outages) == 1  # none when the link is back
    assert 3.8 < outages["start_s"][0] < 4  # what was on its way to the link then, or its answer
    assert 4.05 < outages["end_s"][0] < 4.15
    ways = paths.proofs(run, "path").query("reached")
    crosses = ways["path"].str.contains(" > ".join(ends))
    assert (
        crosses[~ways["sent_s"].between(3.9, 8.1)].all() and not crosses[ways["sent_s"].between(4.1, 8)].any()
    )
    routes = run.routes
    unplanned = routes[routes["t_s"].isna()]
    assert len(unplanned) and unplanned["applied_s"].between(4.1, 8.2).all()
    assert verdict.proofs.agreeing == verdict.proofs.n
    assert (
        verdict.rtt_error.n > 1150 and verdict.rtt_error.p50_us < 5
    )  # a few wait behind those of the proofs
    probes = truth.probes(run)
    assert (probes["lost"] == probes["expected_lost"]).all()
    assert any("changed by hand, 2 by the script" in note for note in verdict.notes)
    page = report.write(run, verdict).read_text()
    assert "Changed by hand" in page and "carrier as planned" in page


def test_it_repeats_to_the_byte(taken_down, played, ends):
    again, _ = played(sky(traffic=[PROBE, TRACE]), switched(*ends))
    compared = exact.compare(taken_down[0], again)
    assert compared.differences == [] and "changed" in compared.tables_sha256[0]


def test_what_another_loss_or_rate_or_delay_does_is_measured_and_not_judged(played, ends):
    """Loss of all packets one way, a rate that queues, a delay that no orbit has; then all is as planned."""

    def script(sky):
        link = sky.link(*ends)
        sky.wait_until(3)
        link.set(loss_pct=100, one_way=True)
        sky.wait_until(5)
        link.set(loss_pct=None, delay_ms=200)
        sky.wait_until(7)
        link.set(rate_mbps=0.05)
        sky.wait_until(9)
        link.release()

    run, verdict = played(sky(duration_s=14), script)
    assert verdict.status == "pass", verdict.reasons
    probes = truth.probes(run).set_index("sent_s")
    assert probes.loc[3.1:4.8, "lost"].all() and not probes.loc[5.5:, "lost"].any()
    assert (probes["rtt_us"] - probes["true_rtt_us"]).loc[5.5:6.5].min() > 380_000
    assert probes.loc[2.5:10.5, "loaded"].all() and not probes.loc[12:, "loaded"].any()
    assert probes.loc[12:, "error_us"].abs().max() < 10
    changed = run.table("changed")
    assert changed["direction"].tolist() == ["there" if ends[0] < ends[1] else "back"] * 1 + ["both"] * 5


def test_a_script_is_told_what_became_of_a_link(played, ends):
    def script(sky):
        link = sky.link(*ends)
        sky.measure("down", link.down().stands)
        sky.measure("held", link.up().held_down)
        for wrong in ({"loss_pct": 101}, {"colour": 1}):
            try:
                link.set(**wrong)
            except Exception as error:
                print(f"said: {error}")
        try:
            sky.link("kashi", "sanya").down()
        except Exception as error:
            print(f"said: {error}")
        sky.wait_until(sky.duration_s)
        link.down()  # too late, and no error

    run, verdict = played(sky(duration_s=5), script)
    assert verdict.status == "pass"
    assert run.table("measures")["value"].tolist() == [0, 0]
    said = [line for line in (run.dir / "log.txt").read_text().splitlines() if "said: " in line]
    assert [line.split("said: ")[1].strip() for line in said] == [
        "The loss of a link cannot be held at 101; it can be from 0 to 100 %.",
        "colour of a link cannot be set; what can is delay_ms, loss_pct, rate_mbps.",
        "kashi and sanya are never linked in this run.",
    ]


@pytest.mark.parametrize("protocol, outage_s", [("srv6", DETECTION_S), ("schedule", 4.0)])
def test_who_knows_of_it_leads_around_it(played, ends, protocol, outage_s):
    """Nodes that go by a schedule do not: their probes are lost as long as the link is down."""

    def script(sky):
        sky.wait_until(4)
        sky.link(*ends).down()
        sky.wait_until(8)
        sky.link(*ends).up()

    run, verdict = played(sky(protocol, 12), script)
    assert verdict.status == "pass", verdict.reasons
    outages = metrics.outages(run, "probe")
    length_s = outages["end_s"] - outages["start_s"]
    assert len(outages) == 1 and outage_s - 0.05 < length_s[0] < outage_s + 0.25


@needs.program("bird", "bird2")
def test_daemons_notice_it_themselves(played):
    """They go the other way round the ring; that was recorded, and probes are held to it."""
    ends = "comp-0-1", "comp-0-2"

    def script(sky):
        sky.wait_until(5)
        sky.link(*ends).down()
        sky.wait_until(12)
        sky.link(*ends).up()

    ring = Scenario.load(ROOT / "scenarios" / "ring12.yaml").with_(
        routing={"protocol": "ospf", "hello_s": 1, "dead_s": 3, "ahead_s": 20}, duration_s=20, accept=[],
        traffic=[PROBE | {"from": "comp-0-0", "to": "comp-0-3"}],
    )  # fmt: skip
    run, verdict = played(ring, script)
    assert verdict.status == "pass", verdict.reasons
    (outage,) = metrics.outages(run, "probe").itertuples()
    assert 4.9 < outage.start_s < 5 and outage.end_s < 6
    probes = truth.probes(run).set_index("sent_s")
    assert not probes["path"].loc[6:11.9].str.contains(" > ".join(ends)).any()
    assert (probes["path"].loc[19:] == probes["path"].iloc[0]).all()


def test_a_link_that_is_held_down_before_it_comes_comes_when_it_is_released(played):
    """Miyun sees the satellite from 8.7 s on."""

    def script(sky):
        sky.wait_until(2)
        effect = sky.link("eo-0-0", "miyun").down()
        sky.measure("next_contact_s", effect.next_contact_s)
        sky.wait_until(12)
        sky.link("eo-0-0", "miyun").up()

    pair = Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(accept=[])
    run, verdict = played(pair, script)
    assert verdict.status == "pass", verdict.reasons
    begins_s = run.plan.contacts.query("start_s > 0")["start_s"].item()
    assert run.table("measures")["value"].tolist() == [begins_s]
    across = run.probes[run.probes["flow"] == "across"]
    assert across.loc[across["lost"], "sent_s"].max() == pytest.approx(12.1, abs=0.11)
    assert not across.loc[across["sent_s"] > 12.2, "lost"].any()
