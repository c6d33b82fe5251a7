"""The replay of a Starlink link, in virtual time: probes and a stream measure what was published of the
recording (LeoCC): times, heights and widths of spikes, capacities of slots, loss.
"""

import gzip
import runpy
from itertools import pairwise

import numpy as np
import pytest

from skybed.analysis.run import load
from skybed.topologies.model import ready
from skybed.topologies.scenario.file import Scenario
from support import needs

PUBLISHED_SPIKES_S = (8.75, 23.73, 38.74, 53.73, 68.79, 83.74, 98.73, 113.73)
PUBLISHED_PEAKS_MS = (35, 32, 43, 39, 54, 68, 35, 47)
PUBLISHED_WIDTHS_MS = (30, 100, 50, 70, 30, 110, 70, 80)  # over 5 ms more than the base delay
PUBLISHED_MBPS = (60, 58, 38, 45, 50, 48, 44, 50, 72)  # of the slots, medians
BASE_MS = (10, 12)
LINE_MS = 10  # of the recorded delays
RATE_SCALE = 0.1  # the test's, for the sake of time
PAYLOAD_BYTES, IP_BYTES = 1472, 1500  # of a packet of the stream


def test_the_traces_are_those_of_their_script():
    folder = ready.SCENARIOS / "traces"
    for name, text in runpy.run_path(str(folder / "leo.py"))["traces"]().items():
        assert gzip.decompress((folder / f"{name}.gz").read_bytes()).decode() == text


def test_a_copy_of_the_scenario_finds_the_traces(tmp_path):
    (tmp_path / "mine.yaml").write_text(ready.text("leo-replay"))
    assert Scenario.load(tmp_path / "mine.yaml") == Scenario.load("leo-replay")


def test_a_trace_beside_the_scenario_comes_first(tmp_path):
    (tmp_path / "mine.yaml").write_text(ready.text("leo-replay"))
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "leo-delay.txt.gz").write_text("5\n")
    assert Scenario.load(tmp_path / "mine.yaml").links["leo"].extra_delay_ms.trace.split() == ["5"]


@pytest.fixture(scope="module")
def replayed(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    slower = ("--set", f"rate_scale={RATE_SCALE}", "--set", f"traffic[fill].rate_mbps={85 * RATE_SCALE}")
    done = skybed("run", "leo-replay", *slower, "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


@pytest.fixture(scope="module")
def spikes(replayed):
    """Of each: when it begins, s, its peak and width, ms; of delays one way."""
    probes = replayed.probes.dropna(subset=["owd_us"])
    sent_s, owd_ms = probes["sent_s"].to_numpy(), probes["owd_us"].to_numpy() / 1000
    high = np.flatnonzero(owd_ms > BASE_MS[1] + 5)
    apart = np.flatnonzero(np.diff(sent_s[high]) > 1) + 1
    runs = np.split(high, apart)
    return np.array([(sent_s[i[0]], owd_ms[i].max(), 1000 * np.ptp(sent_s[i]) + LINE_MS) for i in runs])


@pytest.mark.live
@needs.virtual_time
def test_spikes_come_every_fifteen_seconds(spikes):
    begin_s = spikes[:, 0]
    assert begin_s == pytest.approx(np.array(PUBLISHED_SPIKES_S), abs=0.011)
    number = np.arange(len(begin_s))
    assert np.abs(begin_s - np.polyval(np.polyfit(number, begin_s, 1), number)).max() < 0.06
    assert np.polyfit(number, begin_s, 1)[0] == pytest.approx(15.0, abs=0.01)


@pytest.mark.live
@needs.virtual_time
def test_spikes_have_the_published_heights_and_widths(spikes):
    _, peak_ms, width_ms = spikes.T
    assert peak_ms == pytest.approx(np.array(PUBLISHED_PEAKS_MS), abs=1)
    assert width_ms == pytest.approx(np.array(PUBLISHED_WIDTHS_MS), abs=2.5 * LINE_MS)
    assert min(PUBLISHED_WIDTHS_MS) - 1 <= width_ms.min() and width_ms.max() <= max(PUBLISHED_WIDTHS_MS) + 1


@pytest.mark.live
@needs.virtual_time
def test_between_spikes_delays_are_the_base_delay(replayed):
    owd_ms = replayed.probes["owd_us"].dropna().to_numpy() / 1000
    wire_ms = 8 * 106 / (10e3 * RATE_SCALE)
    base_ms = owd_ms[owd_ms < BASE_MS[1] + 5] - wire_ms
    assert base_ms.min() == pytest.approx(BASE_MS[0], abs=0.05)
    assert np.median(base_ms) == pytest.approx(11, abs=0.05)
    assert np.percentile(base_ms, 99) == pytest.approx(BASE_MS[1], abs=0.05)


@pytest.mark.live
@needs.virtual_time
def test_slots_have_the_published_capacities(replayed):
    rows = replayed.flows
    edges_s = (0, *PUBLISHED_SPIKES_S, 120)
    for (start_s, end_s), mbps in zip(pairwise(edges_s), PUBLISHED_MBPS, strict=True):
        of_slot = rows[(rows["start_s"] >= start_s + 0.1) & (rows["end_s"] <= end_s)]
        packets_s = of_slot["received_bytes"] / PAYLOAD_BYTES / (of_slot["end_s"] - of_slot["start_s"])
        measured_mbps = packets_s.median() * IP_BYTES * 8e-6 / RATE_SCALE
        assert measured_mbps == pytest.approx(mbps, rel=0.03), start_s


@pytest.mark.live
@needs.virtual_time
def test_probes_are_lost_as_often_as_both_directions_lose(replayed):
    assert 100 * replayed.probes["lost"].mean() == pytest.approx(0.2 + 0.01, abs=0.1)  # 25 of 12,000
