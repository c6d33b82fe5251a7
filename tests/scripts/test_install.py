import shutil
import subprocess
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
def test_installing_again_does_nothing_and_at_once(installed):
    started = time.monotonic()
    done = subprocess.run([INSTALL], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - started < 2  # 0.1 s; a loaded machine may take longer


def test_without_root_it_says_what_root_has_to_run(tmp_path):
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
    done = subprocess.run(
        ["/bin/bash", checkout / "install"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 4
    assert "run this as root" in done.stderr and "apt-get install" in done.stderr and "mininet" in done.stderr
