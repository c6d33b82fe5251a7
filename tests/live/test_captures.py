"""Captures that a scenario asks for, in virtual time: tshark reads them, and sees what the probes say."""

import subprocess

import numpy as np
import pytest
import yaml

from skybed.analysis.run import load
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time, needs.program("tshark", "tshark")]
FIELDS = ("frame.time_epoch", "ip.src", "udp.dstport", "frame.packet_flags_direction", "frame.interface_name")


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """Two runs of one scenario."""
    folder = tmp_path_factory.mktemp("captures")
    fields = yaml.safe_load((ROOT / "scenarios" / "pair.yaml").read_text())
    fields["traffic"] = [{"kind": "probe", "name": "down", "from": "miyun", "to": "eo-0-0", "rate_hz": 10}]
    (folder / "s.yaml").write_text(
        yaml.safe_dump(fields | {"capture": [["miyun", "eo-0-0"], ["eo-0-0", "sanya"]]})
    )
    for name in ("a", "b"):
        done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("a", "b")]


def read(run, name):
    """(time of day s, source, port, direction, interface) of the UDP packets of a capture."""
    options = [word for field in FIELDS for word in ("-e", field)]
    file = str(run.dir / "captures" / f"{name}.pcapng")
    command = ["tshark", "-r", file, "-Y", "udp", "-T", "fields", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_every_probe_is_there_when_its_delay_is_over_and_its_answer_when_it_comes(runs):
    run, _ = runs
    packets, came = read(run, "miyun--eo-0-0"), run.probes[~run.probes["lost"]]
    begin_s = run.scenario.begin.timestamp()
    out = [row for row in packets if row[2] == "862"]
    back = [row for row in packets if row[2] != "862"]
    assert len(out) == len(back) == len(came) > 200
    assert {row[4] for row in packets} == {"eo-0-0"}
    assert {row[3] for row in out} == {"0x00000002"} and {row[3] for row in back} == {"0x00000001"}
    left_s = np.array([float(row[0]) for row in out]) - begin_s
    assert left_s == pytest.approx((came["sent_s"] + came["owd_us"] / 1e6).to_numpy(), abs=2e-4)
    heard_s = np.array([float(row[0]) for row in back]) - begin_s
    assert heard_s == pytest.approx((came["sent_s"] + came["rtt_us"] / 1e6).to_numpy(), abs=2e-4)


def test_a_link_without_packets_has_a_capture_without_packets(runs):
    assert read(runs[0], "eo-0-0--sanya") == []


def test_the_manifest_counts_them_and_they_repeat_to_the_byte(runs):
    a, b = runs
    assert all(facts["dropped"] == 0 for facts in a.manifest.captures.values())
    for file in sorted((a.dir / "captures").iterdir()):
        assert file.read_bytes() == (b.dir / "captures" / file.name).read_bytes()
