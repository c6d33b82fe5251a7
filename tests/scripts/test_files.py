"""Files on a disk that has no room: /dev/full is such a one."""

import errno
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from skybed.scripts.cli.main import main
from skybed.topologies import files
from skybed.topologies.errors import MachineError


def test_a_full_disk_is_told_in_one_sentence_wherever_it_is_met(tmp_path, monkeypatch):
    says = f"No space left on device; {files.MAKE_ROOM}."
    told = pytest.raises(MachineError, match=re.escape(f"{tmp_path}/table: {says}"))
    with told, files.whole(tmp_path / "table"):
        Path("/dev/full").write_text("what was measured")
    assert not list(tmp_path.iterdir())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x.csv")

    monkeypatch.setattr("skybed.scripts.cli.list.command.callback", full)
    done = CliRunner().invoke(main, ["list"])
    assert (done.exit_code, done.stderr) == (4, f"skybed: x.csv: {says}\n")


def test_what_else_the_system_refuses_needs_no_room(tmp_path):
    told = pytest.raises(MachineError, match=r"/none/table: No such file or directory\.$")
    with told, files.whole(tmp_path / "none" / "table") as file:
        file.write_text("x")
    assert str(files.refused(OSError("Its footer is broken"))) == "Its footer is broken."
