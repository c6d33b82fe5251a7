"""The routing protocol and the link property of docs/extending.md, each in a changed copy of skybed: they are
played, noted, judged and shown as skybed's own are.
"""

import json
import re

import pandas as pd
import pytest
import yaml

from support import needs
from support.extending import changed_copy, example
from support.places import PAIR

pytestmark = [pytest.mark.live, needs.virtual_time]

SILENT_S = 5
SIX = f"""
name: six
epoch: 2026-05-09T00:00:00Z
duration_s: 12
rate_scale: 0.01
links:
  long: {{rate_mbps: 1000}}
layers:
  mesh:
    role: relay
    walker: {{planes: 1, per_plane: 6, inclination_deg: 50, altitude_km: 8000}}
    isl: {{pattern: ring, link: long}}
traffic:
  - {{kind: probe, name: four, from: mesh-0-0, to: mesh-0-2, rate_hz: 50}}
  - {{kind: probe, name: six, from: mesh-0-0, to: mesh-0-2, rate_hz: 50, family: 6}}
faults:
  - {{kind: silent, link: [mesh-0-0, mesh-0-1], at_s: {SILENT_S}, for_s: 60}}
"""
SETTLING_S, STREAM_S = 5, (10, 20)


def played(skybed, folder, scenario):
    (folder / "scenario.yaml").write_text(scenario)
    said = skybed(0, "run", folder / "scenario.yaml", "--clock", "virtual", "--out", folder / "run")
    assert said.count("PASS") == 1
    return folder / "run"


def table(run, name):
    return pd.read_parquet(run / f"{name}.parquet")


@pytest.fixture(scope="module")
def babel(tmp_path_factory):
    """The command of the changed copy, and a run of six satellites in a ring: from SILENT_S on two of them
    cannot hear each other."""
    folder = tmp_path_factory.mktemp("babel")
    skybed = changed_copy(folder / "skybed", "A routing protocol")
    return skybed, played(skybed, folder, SIX + example("A routing protocol", language="yaml"))


@pytest.fixture(scope="module")
def settling(tmp_path_factory):
    """The command of the changed copy, and a run of the smallest sky, whose new links duplicate all packets:
    probes to the station that is in view from the start, a stream to the one that comes into view."""
    folder = tmp_path_factory.mktemp("settling")
    skybed = changed_copy(folder / "skybed", "A link property")
    fields = yaml.safe_load(PAIR.read_text())
    fields["links"]["x-quick"]["duplicate_pct"] = 100
    stream = dict(kind="udp", name="stream", to="miyun", rate_mbps=0.1, size_bytes=500)
    start_s, stop_s = STREAM_S
    fields["traffic"] = [
        fields["traffic"][0],
        stream | {"from": "eo-0-0", "start_s": start_s, "stop_s": stop_s},
    ]
    return skybed, played(skybed, folder, yaml.safe_dump(fields))


@needs.program("babeld", "babeld")
def test_probes_follow_the_routes_of_the_new_protocol(babel):
    _, run = babel
    probes, routes = table(run, "probes"), table(run, "routes")
    for _, flow in probes.groupby("flow"):
        assert not flow[flow["sent_s"] < SILENT_S - 0.5]["lost"].any()
        assert flow[flow["sent_s"].between(SILENT_S, SILENT_S + 1)]["lost"].all()
        assert not flow["lost"].iloc[-50:].any()
    way = routes[(routes["node"] == "mesh-0-0") & (routes["dst"] == "mesh-0-2")].sort_values("applied_s")
    for family in ("4", "6"):
        assert way[way["family"] == family]["via"].iloc[[0, -1]].tolist() == ["mesh-0-1", "mesh-0-5"]


@needs.program("babeld", "babeld")
def test_what_it_sends_is_counted_and_told_by_its_name(babel):
    skybed, run = babel
    control = table(run, "control")
    assert set(control["protocol"]) == {"babel"} and len(control.groupby(["node", "peer"])) == 12
    verdict = json.loads((run / "verdict.json").read_text())
    assert [row["protocol"] for row in verdict["routing"]["control"]] == ["babel"]
    told = json.loads((run / "manifest.json").read_text())["routing"]
    assert told["protocol"] == "babel" and told["daemon"].startswith("babeld-")
    assert "babel " in skybed(0, "report", run)
    assert "babel" in (run / "report.html").read_text()


def test_packets_arrive_twice_while_the_new_property_has_its_value(settling):
    _, run = settling
    flows, events = table(run, "flows"), table(run, "events")
    up_s = events[(events["kind"] == "up") & (events["t_s"] > 0)]["t_s"].item()
    assert 8 < up_s < 9
    whole = flows[(flows["end_s"] < up_s + SETTLING_S) | (flows["start_s"] > up_s + SETTLING_S)].iloc[:-1]
    times = whole["received_packets"] / whole["sent_packets"]
    settled = whole["start_s"] > up_s + SETTLING_S
    assert settled.sum() >= 5 and (~settled).sum() >= 3
    assert times[~settled].tolist() == pytest.approx([2] * (~settled).sum(), abs=0.1)
    assert times[settled].tolist() == pytest.approx([1] * settled.sum(), abs=0.1)
    assert not table(run, "probes")["lost"].any()


def test_its_events_are_planned_and_applied(settling):
    skybed, run = settling
    for name in ("events", "applied"):
        rows = table(run, name)
        rows = rows[rows["property"] == "duplication"]
        assert set(rows["kind"]) == {"duplication"} and set(rows["direction"]) == {"both"}
        assert rows["value"].tolist() == [100, 0, 100, 0]
        assert rows["t_s"].diff().tolist()[1::2] == pytest.approx([SETTLING_S] * 2)
    assert "4 duplication" in skybed(0, "plan", run.parent / "scenario.yaml")


def test_one_that_was_applied_with_another_value_distorts_the_run(settling):
    skybed, run = settling
    applied = table(run, "applied")
    wrong = applied.copy()
    wrong.loc[wrong["property"] == "duplication", "value"] = 50
    wrong.to_parquet(run / "applied.parquet")
    said = skybed(3, "report", run)
    applied.to_parquet(run / "applied.parquet")
    said = " ".join(said.split())
    assert "applied.parquet is not the table that the run wrote" in said
    assert re.search(
        r"\b4 of \d+ events were applied otherwise than planned, first event \d+, duplication of", said
    )
