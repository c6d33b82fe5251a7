"""A program that may change no file but below some folders, as root and as others."""

import os
import subprocess
import sys

import pytest

from skybed.emulator.lanes import readonly

TRY = "touch {inside}/made; touch {outside}/made; (cd {inside} && touch here); echo > /dev/null && pwd"


def kept(folders, script, **settings):
    command = [sys.executable, "-SE", readonly.__file__, *folders, "--", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, **settings)


@pytest.fixture
def folders(tmp_path):
    made = [tmp_path / name for name in ("inside", "outside")]
    for folder in made:
        folder.mkdir()
        folder.chmod(0o777)
    return made


def test_only_what_is_named_may_change(folders):
    inside, outside = folders
    done = kept([inside], TRY.format(inside=inside, outside=outside), cwd=inside)
    if "Operation not permitted" in done.stderr and os.geteuid():
        pytest.skip("this machine gives users no namespaces")
    assert done.stderr.count("Read-only file system") == 1
    assert sorted(os.listdir(inside)) == ["here", "made"] and not os.listdir(outside)
    assert done.stdout == f"{inside}\n"
    (outside / "mine").touch()  # of the machine's own files nothing has changed


def test_a_folder_that_is_not_there_is_told(tmp_path):
    done = kept([tmp_path / "none"], "true")
    assert done.returncode and f"No such file or directory: '{tmp_path}/none'" in done.stderr
