"""Flows of the kind ccsds, in virtual time: telemetry with a gap, telecommands and their reports."""

import hashlib
import re
import subprocess

import numpy as np
import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict.judging import judge
from skybed.topologies.scenario.file import parse
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

# Commands come 0.5 s apart and take 0.6 s: no report waits on the link for that of another command.
SKY = """\
name: tmtc
epoch: 2026-05-09T01:41:50Z
duration_s: 30
layers:
  eo: {walker: {planes: 1, per_plane: 1, inclination_deg: 97.5, altitude_km: 535}}
stations: [miyun, sanya]
between:
  - link: ka-isl
    links: |
      a,b,from,until,rate_mbps,delay_ms
      eo-0-0,miyun,0,12,1,5
      eo-0-0,miyun,15,30,1,5
traffic:
  - {kind: ccsds, name: hk, from: eo-0-0, to: miyun, apid: 66, rate_hz: 4, size_bytes: 200}
  - {kind: ccsds, name: command, type: telecommand, from: miyun, to: eo-0-0, apid: 67, rate_hz: 2,
     executes_s: 0.6}
capture:
  - [miyun, eo-0-0]
accept:
  - {flow: command, metric: accepted_pct, min: 85}
  - {flow: hk, metric: gap_max, max: 20}
"""


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ccsds")
    (folder / "tmtc.yaml").write_text(SKY)
    for name in ("one", "two"):
        done = skybed("run", folder / "tmtc.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("one", "two")]


def test_a_run_repeats_itself_and_passes(runs):
    digests = {hashlib.sha256(run.table_file("space_packets").read_bytes()).digest() for run in runs}
    assert len(digests) == 1 and judge(runs[0]).status == "pass"


def test_what_no_link_carried_is_a_gap(runs):
    rows = runs[0].table("space_packets").query("flow == 'hk'")
    lost = rows[rows["heard_s"].isna()]
    assert len(rows) == 120 and len(lost) in (12, 13)
    assert lost["sent_s"].between(11.5, 15.1).all()  # routes leave the link some time before its end
    owd_s = (rows["heard_s"] - rows["sent_s"]).dropna()
    assert owd_s.to_numpy() == pytest.approx(
        0.005 + 242 * 8 / 1e6, abs=2e-5
    )  # the bytes on a link of 1 Mbit/s
    figures = {row.flow: row for row in judge(runs[0]).flows}["hk"]
    assert figures.gaps == 1 and figures.gap_max == len(lost) == figures.lost


def test_commands_are_accepted_and_completed(runs):
    rows = runs[0].table("space_packets").query("flow == 'command'")
    accepted = rows[rows["accepted_s"].notna()]
    there_s, back_s = (8 * (size + 42) / 1e6 + 0.005 for size in (128, 28))
    assert (accepted["accepted_s"] - accepted["sent_s"]).to_numpy() == pytest.approx(
        there_s + back_s, abs=1e-4
    )
    both = accepted.dropna(subset="completed_s")
    assert (both["completed_s"] - both["accepted_s"]).to_numpy() == pytest.approx(0.6, abs=1e-4)
    assert 0 < len(accepted) - len(both) <= 3  # what was to be completed while there was no link
    assert accepted["accepted_s"].isna().sum() == 0 and np.all(accepted["heard_s"] < accepted["accepted_s"])


@needs.program("tshark", "tshark")
def test_tshark_reads_them(runs):
    (capture,) = (runs[0].table_file("probes").parent / "captures").glob("*.pcap*")
    command = ["tshark", "-r", capture, "-d", "udp.port==24000-24001,ccsds", "-T", "fields"]
    command += [
        part
        for field in ("ccsds.apid", "ccsds.type", "ccsds.seqnum", "ccsds.secheader")
        for part in ("-e", field)
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines() if re.match(r"(66|67|0x0*4[23])\t", line)]
    assert {int(row[0], 0) for row in rows} == {66, 67}
    heard = runs[0].table("space_packets").query("flow == 'hk' and heard_s.notna()")
    assert [int(row[2], 0) for row in rows if int(row[0], 0) == 66] == heard["seq"].tolist()


def test_the_example_of_the_document_is_one():
    text = (ROOT / "docs/scenario.md").read_text()
    section = text[text.index("### ccsds\n") :]
    example = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1]
    head = SKY[: SKY.index("traffic:")]
    flows = parse(head + example, "example", ROOT).traffic
    assert [flow.type for flow in flows] == ["telemetry", "telecommand"]
