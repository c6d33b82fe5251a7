"""What is built of this checkout, and virtual environments in which it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from support.places import ROOT

ROOMS = ("topologies", "emulator", "traffic", "analysis", "scripts", "scenarios")
BUILT_OF = (*ROOMS, "src", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def called(*command, cwd=None):
    """What a command prints that ends well, of which this checkout is not on the path."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy(folder):
    """Copies all that is built, for building leaves files behind."""
    leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in BUILT_OF:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=leave_out)
        else:
            shutil.copy(ROOT / name, folder / name)


def wheel(source, folder):
    """The wheel of a copy, or of an sdist."""
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder]
    called(sys.executable, "-m", "pip", "wheel", *options, source)
    (made,) = folder.glob("*.whl")
    return made


def environment(folder, wheel):
    """A virtual environment of a wheel and of everything here but skybed. Returns its site-packages."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    place = Path(called(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for entry in SITE_PACKAGES.iterdir():
        if "skybed" not in entry.name and entry.name != "__pycache__":
            (place / entry.name).symlink_to(entry)
    called(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", wheel)
    return place
