"""A Ka-band downlink under rain, in virtual time: streams are carried at the rate of the MODCOD in use."""

import pathlib
import re

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.run import load
from skybed.topologies.scenario import file
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

DOC = (pathlib.Path(__file__).parents[2] / "docs" / "links.md").read_text()
PAYLOAD = 1472 / 1514  # at most, of a packet on the wire
CHANGES = {
    "start": "2026-05-09T01:38:40Z", "duration_s": 80, "rate_scale": 0.001, "seed": 3,
    "weather": [
        {"at": "sanya", "from_s": 20, "until_s": 40, "rain_mm_h": 5},
        {"at": "sanya", "from_s": 50, "until_s": 65, "rain_mm_h": 40},
    ],
    "traffic": [
        {"kind": "udp", "name": "down", "from": "eo-0-0", "to": "sanya", "rate_mbps": 4, "size_bytes": 1472},
        {"kind": "probe", "name": "ping", "from": "sanya", "to": "eo-0-0", "rate_hz": 2},
    ],
}  # fmt: skip


def played(skybed, folder, name):
    example = re.search(r"```yaml\n(.*?)```", DOC, re.DOTALL)[1]
    scenario = file.parse(example, "rain.yaml", pathlib.Path())
    (folder / "s.yaml").write_text(scenario.with_(CHANGES | {"links.ka.queue_packets": 20}).dump())
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rain")


@pytest.fixture(scope="module")
def run(skybed, folder):
    return played(skybed, folder, "one")


def test_a_stream_is_carried_at_the_rate_of_its_modcod(run):
    rows = run.flows.set_index("start_s")
    table = run.plan.look_angles("sanya", "eo-0-0", np.arange(0.5, 80))
    carried_mbps = PAYLOAD * table["rate_down_mbps"].to_numpy()
    for from_s, until_s in ((3, 19), (23, 39), (53, 64), (68, 79)):
        received = rows.loc[from_s : until_s - 0.5, "received_bytes"].sum() * 8e-6
        due = np.minimum(carried_mbps[from_s:until_s], 4).sum()
        assert received == pytest.approx(due, rel=0.03, abs=0.02), (from_s, until_s)
    assert carried_mbps[30] < 0.7 * carried_mbps[10] and not carried_mbps[50:65].any()


def test_nothing_comes_through_while_the_link_is_out(run):
    """At other times the stream, which is more than the link carries, drops many answers and not all."""
    sent_s, lost = run.probes["sent_s"], run.probes["lost"]
    assert lost[sent_s.between(50, 64.5)].all() and not lost[sent_s.between(1, 49.5)].all()


def test_a_run_under_rain_repeats_to_the_byte(skybed, folder, run):
    other = played(skybed, folder, "other")
    for table in ("probes", "flows", "applied"):
        pd.testing.assert_frame_equal(run.table(table), other.table(table))
