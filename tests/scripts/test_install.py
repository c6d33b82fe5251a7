import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "scripts" / "install"


@pytest.fixture(scope="module")
def installed():
    if not (ROOT / ".venv" / "installed").exists():
        pytest.skip("this checkout was not installed with scripts/install")


@pytest.mark.alone
@pytest.mark.parametrize("options", [[], ["--python", sys.executable]], ids=["checkout", "installed"])
def test_installing_again_does_nothing_and_at_once(installed, options):
    started = time.monotonic()
    done = subprocess.run(
        [INSTALL, *options], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - started < 2  # 0.1 s; a loaded machine may take longer


@pytest.mark.parametrize(
    "options, again, tests",
    [
        ([], "scripts/install", False),
        (["--tests"], "scripts/install", True),
        (["--python", sys.executable], "skybed install", False),
    ],
    ids=["checkout", "tests", "installed"],
)
def test_without_root_it_says_what_root_has_to_run(tmp_path, options, again, tests):
    """With an ordinary user's number, no sudo on the PATH and no program of the packages."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "readlink", "dirname", "mktemp", "sort", "tail", "rm", "python3", "env"):
        (tools / name).symlink_to(shutil.which(name))
    checkout = tmp_path / "checkout" / "scripts"
    checkout.mkdir(parents=True)
    script = (
        INSTALL.read_text()
        .replace('PATH="$PATH:/usr/sbin:/sbin:/usr/lib/frr"', ":")
        .replace('"$EUID"', "1000")
    )
    (checkout / "install").write_text(script)
    (checkout.parent / "pyproject.toml").touch()
    done = subprocess.run(
        ["/bin/bash", checkout / "install", *options],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 4
    assert f"run this as root, then {again} again: apt-get update && apt-get install " in done.stderr
    packages = set(done.stderr.split())
    assert "mininet" in packages
    assert ({"babeld", "chromium"} <= packages) == tests == ("babeld" in packages)


def test_an_option_that_is_none(tmp_path):
    done = subprocess.run([INSTALL, "--test"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: scripts/install [--kernel|--no-kernel] [--tests]\n"
