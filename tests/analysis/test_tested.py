"""What a test may ask of a run; on a run made from the geometry of scenarios/pair.yaml and added flows."""

import pathlib

import pytest
from pytest import approx

from skybed.analysis import tested
from skybed.analysis.compare import baseline
from skybed.analysis.units import mbps, ms, percent, s
from skybed.topologies.errors import RunError, ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import Builder

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"
UDP = {"kind": "udp", "name": "scene", "from": "eo-0-0", "to": "sanya", "rate_mbps": 4}
UDP_FIRST = {"kind": "udp", "name": "load", "from": "sanya", "to": "eo-0-0", "rate_mbps": 1}
ECHO = {"kind": "probe", "name": "up", "from": "sanya", "to": "eo-0-0", "protocol": "echo"}
EARLY = {"kind": "trace", "name": "early", "from": "sanya", "to": "miyun", "stop_s": 12}
AGAIN = {"kind": "probe", "name": "across-6", "from": "miyun", "to": "sanya", "family": 6}
SILENT = {"kind": "probe", "name": "silent", "from": "sanya", "to": "miyun", "start_s": 29, "rate_hz": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pair = Scenario.load(PAIR)
    fields = pair.model_dump(by_alias=True)
    fields["traffic"] += [UDP, AGAIN, SILENT, UDP_FIRST, ECHO, EARLY]
    build = Builder(tmp_path_factory.mktemp("tested") / "run", Plan.make(Scenario.model_validate(fields)))
    build.flow_rows("scene", "udp", 4.0)
    probes = build.tables["probes"]
    build.tables["probes"] = probes[probes["flow"] != "silent"]
    paths = build.tables["paths"]
    build.tables["paths"] = paths[(paths["flow"] != "early") | (paths["sent_s"] < 12)]
    build.load()
    return tested.load(build.dir)


def test_round_trips_of_two_nodes_and_of_the_flow_between_them_are_the_same(run):
    by_nodes, by_name = run.rtt("eo-0-0", "sanya"), run.rtt("down")
    assert by_nodes == by_name
    table = run.probes.query("flow == 'down'").rtt_us
    assert by_name.p50 == approx(table.median() * 1e-6) and by_name.max == approx(table.max() * 1e-6)
    assert by_name.min < by_name.p50 < by_name.p90 < by_name.p99 < by_name.max < 10 * ms
    assert by_name.n == 300 and by_name.p99.of == "p99 of the RTT of down, eo-0-0 to sanya"
    assert repr(by_name).startswith(f"<RTT of down, eo-0-0 to sanya: min {by_name.min}, p50 {by_name.p50}, ")
    assert repr(by_name).endswith(" (300 packets)>")


def test_the_time_until_acquisition_is_an_outage(run):
    """The satellite comes into view of Miyun, which acquires it after about nine seconds."""
    (outage,) = run.outages("across")
    assert outage.start_s == 0 and 8 * s < outage.duration < 10 * s
    assert repr(outage) == f"<{outage.duration} from 0 s>"
    assert run.outages("eo-0-0", "sanya") == []
    assert 25 * percent < run.loss("across") < 35 * percent
    assert run.loss("down") == 0 and run.loss("down").of == "loss of down, eo-0-0 to sanya"


def test_load_is_told_by_its_rate_and_loss(run):
    assert run.throughput("scene") == 4 * mbps
    assert run.loss("scene") == 1 * percent
    assert run.loss("sanya", "eo-0-0").of == "loss of up, sanya to eo-0-0"  # of the probes, not the load


def test_a_path_is_the_measured_one_where_a_trace_flow_is(run):
    assert run.path_at(20, "miyun", "sanya") == ("miyun", "eo-0-0", "sanya")
    assert run.path_at(2, "miyun", "sanya") == ()
    assert run.path_at(3, "eo-0-0", "miyun") == ()  # by the plan
    assert run.path_at(9, "eo-0-0", "miyun") == ("eo-0-0", "miyun")
    last = (run.paths["flow"] == "early") & (run.paths["sent_s"] == 11)
    run.paths.loc[last & (run.paths["hop"] == 1), "node"] = "detour"
    assert run.path_at(11.4, "sanya", "miyun") == ("sanya", "detour", "miyun")
    assert run.path_at(20, "sanya", "miyun") == ("sanya", "eo-0-0", "miyun")  # no longer measured
    run.paths.loc[(run.paths["sent_s"] == 25) & (run.paths["hop"] == 1), "node"] = None
    assert run.path_at(25.4, "miyun", "sanya") == ("miyun", "?", "sanya")
    assert run.path_at(25.6, "miyun", "sanya") == ("miyun", "eo-0-0", "sanya")


@pytest.mark.parametrize("ask, says", [
    (lambda run: run.rtt("donw"), "pair has no probe flow donw (did you mean down?)."),
    (lambda run: run.rtt("scene"),
     "pair has no probe flow scene (there are across, across-6, down, silent, up)."),
    (lambda run: run.rtt("miyum", "sanya"), "pair has no node miyum (did you mean miyun?)."),
    (lambda run: run.throughput("sanya", "miyun"),
     "pair has no udp or tcp flow from sanya to miyun "
     "(there are scene, eo-0-0 to sanya; load, sanya to eo-0-0)."),
    (lambda run: run.loss("miyun", "sanya"),
     "More than one probe flow goes from miyun to sanya; name one: across, across-6."),
    (lambda run: run.loss("miyun", "eo-0-0"),
     "pair has no probe, udp or ccsds flow from miyun to eo-0-0 (there are down, eo-0-0 to sanya; "
     "across, miyun to sanya; scene, eo-0-0 to sanya; across-6, miyun to sanya; silent, sanya to miyun; "
     "load, sanya to eo-0-0; up, sanya to eo-0-0)."),
    (lambda run: run.rtt("silent"), "No probe of silent, sanya to miyun came back."),
    (lambda run: run.loss("silent"), "The run did not measure loss_pct of silent."),
    (lambda run: run.path_at(31, "miyun", "sanya"), "The run has no 31 s; it goes from 0 to 30 s."),
    (lambda run: run.path_at(1, "miyun", "sania"), "pair has no node sania (did you mean sanya?)."),
])  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(run, ask, says):
    with pytest.raises((RunError, ScenarioError)) as caught:
        ask(run)
    assert str(caught.value) == says


def test_a_baseline_is_matched_or_told_line_by_line(run, tmp_path):
    baseline.accept([run], tmp_path / "good.json")
    run.root = tmp_path
    assert run.matches_baseline("good.json")
    (tmp_path / "bad.json").write_text(
        (tmp_path / "good.json").read_text().replace('{"value": 4.0', '{"value": 5.0')
    )
    with pytest.raises(AssertionError) as caught:
        run.matches_baseline("bad.json")
    assert str(caught.value) == (
        "1 of 22 figures left the tolerance of bad.json:\n"
        "  scene throughput_mbps is 4 Mbit/s; the baseline is 5 Mbit/s, give or take 0.2 Mbit/s."
    )


def test_who_asks_is_noted(run):
    seen = []
    run.asked = lambda run, flow: seen.append(flow)
    run.rtt("eo-0-0", "sanya")
    run.path_at(3, "miyun", "sanya")
    assert seen == ["down", "path"]
