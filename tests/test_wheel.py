"""What is built of a checkout is the whole product: it works where there is no checkout."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import needs
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("topologies", "emulator", "traffic", "analysis", "scripts", "scenarios")
BUILT_OF = (*ROOMS, "src", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
STAYS = {"scripts/check-provisioning"}  # it checks a checkout
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def called(*command, cwd=None):
    """What a command prints that ends well, far from this checkout."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel_of(source, folder):
    """The wheel of a folder or of an sdist."""
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder]
    called(sys.executable, "-m", "pip", "wheel", *options, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is built, for building leaves files behind."""
    folder = tmp_path_factory.mktemp("checkout")
    leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in BUILT_OF:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=leave_out)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    return wheel_of(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site_packages(wheel, tmp_path_factory):
    """Of a virtual environment with everything that skybed needs, into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    place = Path(called(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for entry in SITE_PACKAGES.iterdir():
        if "skybed" not in entry.name and entry.name != "__pycache__":
            (place / entry.name).symlink_to(entry)
    called(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", wheel)
    return place


@pytest.fixture
def skybed(site_packages, tmp_path):
    """skybed("plan", ...) of the wheel, called in an empty directory."""
    command = site_packages.parents[2] / "bin" / "skybed"
    return lambda *words: called(command, *words, cwd=tmp_path)


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def test_all_files_of_the_rooms_are_in_the_wheel(checkout, wheel):
    files = {str(path.relative_to(checkout)) for room in ROOMS for path in (checkout / room).rglob("*")
             if path.is_file()}  # fmt: skip
    packed = {name.removeprefix("skybed/") for name in contents(wheel) if name.startswith("skybed/")}
    assert len(files) > 150
    assert packed == files - STAYS | {"__init__.py", "__init__.pyi", "py.typed"}


def test_the_sdist_makes_the_same_wheel(checkout, wheel, tmp_path):
    program = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    called(sys.executable, "-c", program, cwd=checkout)
    (sdist,) = tmp_path.glob("*.tar.gz")
    assert contents(wheel_of(sdist, tmp_path)) == contents(wheel)


def test_an_installation_puts_one_name_on_the_path(site_packages):
    brought = {entry.name for entry in site_packages.iterdir() if not entry.is_symlink()}
    (information,) = (name for name in brought if name.endswith(".dist-info"))
    assert brought == {"skybed", information} and information.startswith("skybed-")


def test_the_packages_are_those_of_the_wheel(site_packages, tmp_path):
    told = called(site_packages.parents[2] / "bin" / "python", "-c",
                  "from skybed.topologies import errors; print(errors.__file__)", cwd=tmp_path)  # fmt: skip
    assert Path(told.strip()) == site_packages / "skybed" / "topologies" / "errors.py"


def test_what_is_ready_goes_by_its_name(skybed):
    listed = [line.split()[0] for line in skybed("list").splitlines() if line.startswith("  ")]
    assert {"pair", "sc-mini", "access"} < set(listed)
    assert skybed("plan", "pair").startswith("scenario  pair, ")
    assert "congestion: 48 runs, " in skybed("campaign", "plan", "congestion")


def test_what_an_error_says_is_missing_can_be_installed_from_there(skybed):
    """Here nothing is: what the tests need is there."""
    assert skybed("install") == ""
    assert "--kernel" in skybed("install", "--help")


@pytest.mark.live
@needs.virtual_time
def test_a_run_measures_what_one_of_the_checkout_measures(skybed, tmp_path):
    here = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]
    assert skybed("run", "pair", "--clock", "virtual", "--out", "installed").startswith("PASS")
    called(*here, "run", "pair", "--clock", "virtual", "--out", tmp_path / "here", cwd=ROOT / "src")
    first, second = (
        json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("installed", "here")
    )
    assert first["tables_sha256"] == second["tables_sha256"]
