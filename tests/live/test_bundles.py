"""Bundles over a sky whose links come and go, in virtual time: 30 s on, 30 s off."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
import yaml

from skybed.analysis.run import load
from skybed.analysis.verdict import bundles, judging
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]
MBPS, OFF_ON = 2, [[0, 0], [5, 2], [30, 0], [60, 2], [90, 0], [120, 2], [150, 0]]
SKY = {
    "name": "on-off", "about": "Links that come and go.", "epoch": "2026-05-09T00:00:00Z", "duration_s": 170,
    "layers": {"geo": {"geostationary": {"longitudes_deg": [110, 115]}}},
    "stations": ["miyun", "sanya", "kashi"],
    "links": {
        "steady": {"rate_mbps": 10, "min_elevation_deg": 5},
        "on-off": {"rate_mbps": OFF_ON, "min_elevation_deg": 5},
    },
    "access": [
        {"from": ["miyun"], "to": "geo", "link": "steady", "policy": "all"},
        {"from": ["sanya"], "to": "geo", "link": "on-off", "policy": "all"},
    ],
    "routing": {"destinations": "ground"},
    "capture": [["sanya", "geo-1"]],
    "traffic": [
        {"kind": "bundles", "name": "small", "from": "miyun", "to": "sanya", "size_bytes": 10_000,
         "every_s": 30, "report": "delivery", "priority": 2},
        {"kind": "bundles", "name": "large", "from": "geo-1", "to": "sanya", "size_bytes": 9_000_000,
         "at_s": [10], "priority": 1, "routing": "direct"},
        {"kind": "bundles", "name": "spread", "from": "miyun", "to": "sanya", "size_bytes": 5_000,
         "every_s": 50, "routing": "epidemic", "priority": 3},
        {"kind": "bundles", "name": "brief", "from": "miyun", "to": "sanya", "at_s": [31], "lifetime_s": 10},
        {"kind": "bundles", "name": "nowhere", "from": "miyun", "to": "kashi"},
    ],
    "accept": [{"flow": "small", "metric": "delivered_pct", "min": 80}],
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """Two runs of one scenario."""
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "s.yaml").write_text(yaml.safe_dump(SKY))
    for name in ("a", "b"):
        done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("a", "b")]


@pytest.fixture
def run(runs):
    return runs[0]


def of_flow(run, table, name):
    rows = run.table(table)
    return rows[rows["flow"] == name]


def test_they_repeat_to_the_byte(runs):
    a, b = (json.loads((run.dir / "manifest.json").read_text())["tables_sha256"] for run in runs)
    assert a == b and {"bundles", "hops", "buffers", "contact_use"} <= {*a}


def light_s(run, node, peer):
    plan = run.plan
    return float(plan.delay_s(plan.network.link_between[plan.node(node), plan.node(peer)], 0))


def test_a_contact_that_goes_comes_back_every_time(run):
    small = of_flow(run, "bundles", "small")
    waited = small["delivered_s"].to_numpy()
    assert waited == pytest.approx([6, 61, 61, 121, 121, float("nan")], abs=0.3, nan_ok=True)
    assert small["outcome"].tolist() == ["delivered"] * 5 + ["held"]
    assert (small["reported_s"].dropna() > small["delivered_s"].dropna()).all()


def test_first_and_last_byte_are_those_of_arithmetic(run):
    """TCP connects, headers and SESS_INIT go there and back; 5,000 bytes and heads are four packets."""
    hop = of_flow(run, "hops", "spread").query("peer == 'sanya'").iloc[0]
    away_s, started_s = light_s(run, hop["node"], "sanya"), 5.0
    assert hop["began_s"] == pytest.approx(started_s + 6 * away_s, abs=5e-3)
    on_the_link = hop["carried_bytes"] + 10 + 4 + 13 + 8 + 4 * 66
    assert hop["arrived_s"] - hop["began_s"] == pytest.approx(away_s + on_the_link * 8 / 2e6, abs=1e-3)


def test_what_a_contact_was_too_short_for_goes_on_in_the_next(run):
    (large,) = of_flow(run, "bundles", "large").itertuples()
    first, second = of_flow(run, "hops", "large").itertuples()
    assert (large.outcome, large.fragments, large.duplicates) == ("delivered", 2, 0)
    assert not first.whole and first.arrived_s == pytest.approx(30, abs=1e-3)
    assert second.offset <= first.bytes and second.offset + second.bytes == 9_000_000
    sent_s = large.delivered_s - second.began_s - light_s(run, "geo-1", "sanya")
    assert second.carried_bytes / sent_s > 0.93 * MBPS * 125_000  # headers take 0.044


def test_who_spreads_sends_to_all_and_is_refused_what_has_come_another_way(run):
    hops = of_flow(run, "hops", "spread")
    assert hops[hops["peer"] == "sanya"]["number"].is_unique
    assert set(hops[hops["number"] == 0]["peer"]) == {"geo-0", "geo-1", "sanya"}


def test_what_has_no_way_waits_and_what_has_no_time_is_gone(run):
    assert of_flow(run, "bundles", "brief")["outcome"].tolist() == ["expired"]
    assert of_flow(run, "bundles", "nowhere")["outcome"].tolist() == ["held"]
    buffers = run.table("buffers")
    assert buffers.groupby("node")["held_bytes"].last()["miyun"] >= 10_000
    assert (buffers["held_bytes"] >= 0).all()


def test_the_run_passes_and_the_figures_are_told(run):
    verdict = judging.judge(run)
    assert verdict.status == "pass" and not verdict.reasons
    figures = {row.flow: row.metrics for row in verdict.flows}
    assert figures["small"]["delivered_pct"] == pytest.approx(100 * 5 / 6)
    assert figures["large"]["contact_use_pct"] == pytest.approx(65.7, abs=0.5)


@pytest.mark.parametrize(
    "table, column, by, says",
    [
        ("hops", "arrived_s", -0.1, "faster than it can carry"),
        ("hops", "arrived_s", 100, "while there was no contact"),
        ("hops", "bytes", -1000, "not all of it came"),
        ("bundles", "delivered_s", -6, "there is no way|the best way takes until"),
    ],
)
def test_what_cannot_be_makes_a_run_invalid(run, tmp_path, table, column, by, says):
    shutil.copytree(run.dir, tmp_path / "run")
    file = tmp_path / "run" / f"{table}.parquet"
    rows = pd.read_parquet(file)
    rows.loc[rows["flow"] == "spread", column] += by
    rows.to_parquet(file)
    (reason, *_) = bundles.reasons(load(tmp_path / "run"))
    assert any(part in reason for part in says.split("|"))


@needs.program("tshark", "tshark")
def test_tshark_reads_sessions_and_bundles(run):
    file = str(run.dir / "captures" / "sanya--geo-1.pcapng")

    def read(*words):
        done = subprocess.run(["tshark", "-r", file, "-2", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert read("-Y", "tcpcl") and not read("-Y", "_ws.malformed || bpv7.block_failed_crc")
    ids = ("bpv7.primary.src_uri", "bpv7.primary.dst_uri", "bpv7.crc_status")
    told = [
        line.split("\t") for line in read("-Y", "bpv7", "-T", "fields", *(w for i in ids for w in ("-e", i)))
    ]
    number = {name: place + 1 for name, place in run.plan.index.items()}
    assert [f"ipn:{number['geo-1']}.2", f"ipn:{number['sanya']}.2"] in [row[:2] for row in told]
    assert {status for row in told for status in row[2].split(",")} == {"1"}  # good
    (whole,) = {line for line in read("-Y", "bpv7.primary.frag_offset", "-T", "fields", "-e",
                                      "bpv7.primary.total_len")}  # fmt: skip
    assert whole == "9000000"


EXAMPLE = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "bundles.md").read_text(), re.DOTALL)[1]
DEAD = {"kind": "carrier", "node": "geo-0", "at_s": 15, "for_s": 10, "reacquire_s": 0, "dead": True}


@pytest.fixture(scope="module")
def late(skybed, tmp_path_factory):
    """The example of docs/bundles.md."""
    folder = tmp_path_factory.mktemp("late")
    (folder / "s.yaml").write_text(EXAMPLE)
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


def test_nothing_is_lost_to_faults_that_nobody_foresaw(late):
    rows = late.table("bundles")
    assert rows["outcome"].eq("delivered").all()
    assert rows["hops"].isin([2, 4]).all()  # there, or there and back, as Miyun does not know what geo-0 does
    back = late.table("hops").query("node == 'geo-0' and peer == 'miyun'")
    assert back["arrived_s"].between(40, 65).all()
    hops = late.table("hops").query("peer == 'sanya'")
    for node, start_s, end_s in (("geo-0", 40, 65), ("geo-1", 50, 75)):
        arrived_s = hops[hops["node"] == node]["arrived_s"]
        assert not arrived_s.between(start_s + 0.2, end_s).any()
    during = rows[(rows["flow"] == "during") & rows["created_s"].between(51, 63)]
    assert during["delivered_s"].between(65, 86).all()


def test_no_node_holds_more_than_it_has_room_for(late):
    most = late.table("buffers").groupby("node")["held_bytes"].max()
    assert most["geo-0"] == most["geo-1"] == 15_000
    assert late.table("buffers").groupby("node")["held_bytes"].last().eq(0).all()


def test_a_node_that_dies_loses_what_it_holds_and_nothing_else(skybed, tmp_path):
    fields = yaml.safe_load(EXAMPLE) | {"faults": [DEAD], "duration_s": 40, "accept": []}
    fields["traffic"] = fields["traffic"][:1]
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(fields))
    done = skybed("run", tmp_path / "s.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    run = load(tmp_path / "run")
    held = run.table("hops").query("peer == 'geo-0' and arrived_s < 15")["number"]
    rows = run.table("bundles").set_index("number")["outcome"]
    assert len(held) == 3 and rows[held].eq("lost").all()
    assert rows.drop(held).eq("delivered").all()


STALE = [{"nodes": ["miyun"], "issued_s": 0}]
ANNOUNCED = {"kind": "carrier", "link": ["sanya", "geo-0"], "at_s": 40, "for_s": 25, "reacquire_s": 0,
             "planned": True, "announced_s": 10}  # fmt: skip


def test_who_has_a_stale_plan_sends_where_there_is_no_way_on(skybed, tmp_path):
    """Miyun has not heard of a planned outage; geo-0 has."""
    delay_s = {}
    for name, copies in (("right", []), ("stale", STALE)):
        fields = yaml.safe_load(EXAMPLE) | {
            "faults": [ANNOUNCED],
            "accept": [],
            "routing": {"copies": copies},
        }
        fields["layers"]["geo"]["geostationary"] = {
            "longitudes_deg": [110, 140]
        }  # the first is the better way
        fields["traffic"] = fields["traffic"][1:]
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(fields))
        done = skybed("run", tmp_path / f"{name}.yaml", "--clock", "virtual", "--out", tmp_path / name)
        assert done.returncode == 0 and "no effect" not in done.stderr, done.stdout + done.stderr
        rows = load(tmp_path / name).table("bundles")
        assert rows["outcome"].eq("delivered").all()
        rows = rows[rows["created_s"].between(40, 64)]
        delay_s[name] = rows["delivered_s"] - rows["created_s"]
        assert len(rows) == 6 and (name == "right" or rows["delivered_s"].gt(65).all())
    assert delay_s["right"].max() < 2 < delay_s["stale"].min()
