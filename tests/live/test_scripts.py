"""Scripts that hold the network while the sky moves, in virtual time."""

import re
import sys

import pytest

import skybed as face
from skybed.analysis.compare import exact
from skybed.analysis.run import load
from skybed.topologies.errors import InvalidRun
from support import needs
from support.places import ROOT

TEXT = (ROOT / "docs" / "programs.md").read_text()

pytestmark = [pytest.mark.live, needs.virtual_time]


def measured(run, metric):
    table = run.table("measures")
    assert (table["flow"] == "script").all()
    return table[table["metric"] == metric].set_index("t_s")["value"]


@pytest.fixture
def example(tmp_path):
    """The script of docs/programs.md."""
    section = re.search(r"^## A script\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    path = tmp_path / "check.py"
    path.write_text(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    return path


def test_the_example_measures_what_geometry_says_and_twice_the_same(skybed, example, tmp_path):
    for name in ("a", "b"):
        done = skybed("run", "pair", "--clock", "virtual", "--script", example, "--out", tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
    run = load(tmp_path / "a")
    rtt_ms = measured(run, "rtt_ms")
    assert rtt_ms.index.to_numpy() == pytest.approx([12, 17, 22, 27], abs=0.1)
    crossings_ms = 4 * 118 * 8 / 9e3  # of 56 bytes with headers of ICMP, IPv6 and Ethernet, at 9 Mbit/s
    geometry_ms = run.plan.path("miyun", "sanya", rtt_ms.index).rtt_ms
    assert rtt_ms.to_numpy() == pytest.approx(geometry_ms + crossings_ms, abs=0.01)
    assert exact.compare(run, load(tmp_path / "b")).differences == []


def test_a_function_of_the_test_s_own(tmp_path):
    offset = 40  # goes along

    def look(sky):
        sky.at(3, lambda: sky.measure("later", sky.now_s))
        sky.measure("nodes", len(sky) + offset)
        sky.wait_until(5)
        process = sky["sanya"].popen(["ip", "-o", "-4", "address", "show", "lo"])
        sky.measure("own", sky["sanya"].IP() in process.communicate()[0].decode())
        assert "sanya" in sky and "nowhere" not in sky
        sky.wait(1000)
        raise AssertionError("the run is over")

    run = face.run("pair", tmp_path / "run", script=look)
    assert measured(run, "nodes").tolist() == [43]
    assert measured(run, "own").tolist() == [1]
    assert measured(run, "later").index.to_numpy() == pytest.approx([3], abs=1e-3)


def test_to_measure_takes_no_time(tmp_path):
    """A thousand readings of the clock without a pause take 0.28 ms in virtual time, ten thousand 48 ms."""

    def look(sky):
        for begin_s in (3, 5):
            sky.wait_until(begin_s)
            for number in range(20_000):
                sky.measure(f"many{begin_s}", number)
            sky.measure(f"after{begin_s}", sky.now_s)

    run = face.run("pair", tmp_path / "run", script=look)
    for begin_s in (3, 5):
        assert {*measured(run, f"many{begin_s}").index} == {*measured(run, f"after{begin_s}")}
        assert measured(run, f"after{begin_s}").to_numpy() == pytest.approx([begin_s], abs=1e-3)


def test_a_script_that_ends_itself_has_failed(tmp_path):
    def wrong(sky):
        sys.exit("not as it should be")

    with pytest.raises(
        InvalidRun, match=r"failed at 0\.000 s: RuntimeError: it ended itself with 'not as it"
    ):
        face.run("pair", tmp_path / "run", script=wrong)


def test_what_cannot_be_is_an_error_of_the_line_that_asks_for_it(tmp_path):
    script = tmp_path / "script_of_mine.py"
    script.write_text(
        "def main(sky):\n"
        "    for call in (lambda: sky.wait(float('nan')), lambda: sky.measure('kind', 1), lambda:\n"
        "                 sky.measure('loss_pct', 1)):\n"
        "        try:\n            call()\n"
        "        except ValueError as error:\n            print('refused:', error)\n"
        "    sky.link('miyun', 'sanya')\n"
    )
    with pytest.raises(InvalidRun, match=r"never linked in this run \(line 8 of the script\)"):
        face.run("pair", tmp_path / "run", script=script)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("refused:") == 3


def test_a_script_that_fails_says_where(tmp_path):
    def wrong(sky):
        sky.wait(2)
        sky["sania"].cmd("true")

    with pytest.raises(
        InvalidRun, match=r"The script failed at 2\.\d+ s: KeyError: there is no node sania \(did"
    ):
        face.run("pair", tmp_path / "run", script=wrong)
    assert (
        'sky["sania"]' in (tmp_path / "run" / "log.txt").read_text()
        or "KeyError" in (tmp_path / "run" / "log.txt").read_text()
    )
