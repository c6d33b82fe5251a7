"""The worked examples of docs/from-oem and docs/from-ion: what another program wrote becomes a run."""

import datetime as dt
import re

import numpy as np
import pytest
from skyfield.api import load as skyfield
from skyfield.api import wgs84
from skyfield.framelib import ICRS_to_J2000

from skybed.analysis.run import load
from skybed.analysis.verdict.judging import judge
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]
LIGHT_KM_S = 299_792.458


@pytest.fixture
def played(skybed, tmp_path):
    """played(folder of docs): its README's commands, from the top of the repository; what the run told."""

    def play(folder):
        text = (ROOT / "docs" / folder / "README.md").read_text()
        commands = [line.split()[2:] for line in re.findall(r"^\$ skybed .*", text, re.MULTILINE)]
        for command in commands:
            done = skybed(*(tmp_path / "run" if word.endswith("-run") else word for word in command))
            assert done.returncode == 0, done.stdout + done.stderr
        printed = re.search(r"^PASS.*?\n(.*?)```", text, re.MULTILINE | re.DOTALL)[1]
        assert printed.strip() in "\n".join(map(str.rstrip, done.stdout.splitlines()))
        run = load(tmp_path / "run")
        assert judge(run).status == "pass"
        return run

    return play


def test_light_takes_as_long_as_the_first_state_of_the_ephemeris_says(played):
    run = played("from-oem")
    states = (ROOT / "docs/from-oem/tian-1.oem").read_text().splitlines()
    (state,) = [line.split() for line in states if line.startswith("2026-05-09T19:18:00")]
    when = skyfield.timescale(builtin=True).from_datetime(dt.datetime(2026, 5, 9, 19, 18, tzinfo=dt.UTC))
    miyun_km = ICRS_to_J2000 @ wgs84.latlon(40.45, 116.86).at(when).position.km
    away_km = np.linalg.norm(np.array(state[1:4], float) - miyun_km)
    assert away_km == pytest.approx(608.2, abs=0.1)
    assert run.probes["owd_us"].iloc[0] == pytest.approx(away_km / LIGHT_KM_S * 1e6, abs=2)


def test_an_image_waits_in_the_relay_for_the_contact_that_the_plan_has(played):
    hops = played("from-ion").table("hops")
    assert hops["peer"].tolist() == ["geo-0", "kashi"]
    sent_s = 100_000 / np.array([125_000, 250_000])
    assert hops["arrived_s"].to_numpy() == pytest.approx(np.array([1, 10]) + 1.055 * sent_s, abs=0.01)
    assert hops["began_s"].iloc[1] > 10
