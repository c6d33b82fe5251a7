"""A disk without room, and one that fills up while the sky moves: a sentence, and what was written stays."""

import contextlib
import os
import subprocess

import pytest
import yaml

from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

PAIR = ROOT / "scenarios" / "pair.yaml"

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system"),
]


@contextlib.contextmanager
def disk(folder, size_mb):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_run_that_would_not_fit_is_not_begun(skybed, tmp_path):
    with disk(tmp_path / "small", 5) as small:
        done = skybed("run", PAIR, "--clock", "virtual", "--out", small / "run")
    assert done.returncode == 4
    assert "are free, and a run may write" in done.stderr and "Traceback" not in done.stderr


def test_a_disk_that_fills_up_is_told_and_what_is_written_is_whole(skybed, tmp_path):
    """A program of the user's writes all that there is room for; the traffic's tables come after it."""
    greedy = {
        "kind": "program", "name": "greedy", "node": "sanya", "start_s": 5,
        "command": "cat /dev/zero > all; true",
    }  # fmt: skip
    data = yaml.safe_load(Scenario.load(PAIR).dump())
    file = tmp_path / "greedy.yaml"
    file.write_text(yaml.safe_dump(data | {"traffic": [*data["traffic"], greedy]}))
    with disk(tmp_path / "small", 30) as small:
        done = skybed("run", file, "--clock", "virtual", "--out", small / "run")
        assert not list(small.rglob("*.part"))
        tables = [path.name for path in (small / "run").glob("*.parquet")]
        assert {"events.parquet"} <= {*tables}
        for name in tables:
            load(small / "run").table(name.removesuffix(".parquet"))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "No space left on device" in done.stderr and "make room on the disk" in done.stderr
    assert "Traceback" not in done.stderr
