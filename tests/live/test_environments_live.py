"""Wherever a run is begun, its tables are the same, or a sentence says what is lacking."""

import json
import os
import resource
import subprocess
import sys

import pytest

from support import needs
from support.places import PAIR

pytestmark = [pytest.mark.live, needs.virtual_time]

MAIN = "from skybed.scripts.cli.main import main; main()"
ELSEWHERE = {
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "tr_TR.UTF-8",
    "HOME": "/dev/null/none",
    "XDG_CACHE_HOME": "/dev/null/none",
}


def begun(out, options=(), limits=None, **variables):
    """A short run in virtual time, under other variables and limits of resources."""

    def limit():
        for what, most in (limits or {}).items():
            resource.setrlimit(what, (most, most))

    words = ["run", PAIR, "--duration", "3", "--clock", "virtual", "--out", out]
    return subprocess.Popen(
        [sys.executable, *options, "-c", MAIN, *map(str, words)], cwd=out.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | variables, preexec_fn=limit,
    )  # fmt: skip


def tables(out):
    return json.loads((out / "manifest.json").read_text())["tables_sha256"]


def test_two_runs_at_once_and_elsewhere_give_the_same_tables(tmp_path):
    """One of them with little room for descriptors, in another time zone, locale and home, and optimised."""
    usual, other = tmp_path / "usual", tmp_path / "other"
    few = {resource.RLIMIT_NOFILE: 300}
    both = [begun(usual), begun(other, ["-O"], few, **ELSEWHERE)]
    for one in both:
        _, told = one.communicate()
        assert one.returncode == 0 and "Traceback" not in told, told
    assert tables(usual) == tables(other)


def test_of_two_runs_into_one_directory_one_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    both = [begun(tmp_path / "run"), begun(tmp_path / "run")]
    told = {
        one.returncode: said for one in both for said in [one.communicate()[1]] if one.returncode is not None
    }
    assert sorted(told) == [0, 2], told
    assert "another skybed works there" in told[2] or "is not empty" in told[2]
    assert len(told[2].splitlines()) == 1


@pytest.mark.parametrize(
    "limits, says",
    [
        ({resource.RLIMIT_NOFILE: 60}, "The uml kernel holds 256 files open or more, and 60 are allowed"),
        ({resource.RLIMIT_AS: 900 << 20}, ""),
    ],
    ids=["descriptors", "memory"],
)
def test_what_is_not_enough_for_a_lane_is_told(limits, says, tmp_path):
    one = begun(tmp_path / "run", limits=limits, OPENBLAS_NUM_THREADS="1")
    _, told = one.communicate()
    assert one.returncode in (3, 4), told
    assert f"\nskybed: {says}" in told and "Traceback" not in told
