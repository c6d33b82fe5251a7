"""What is built of a checkout is the whole product: it works where there is no checkout."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

from support import built, needs
from support.built import ROOMS, ROOT, called

STAYS = {"scripts/bare-debian", "scripts/check-native", "scripts/check-provisioning"}  # of a checkout alone


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    built.copy(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    return built.wheel(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site_packages(wheel, tmp_path_factory):
    return built.environment(tmp_path_factory.mktemp("installed"), wheel)


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
    assert contents(built.wheel(sdist, tmp_path)) == contents(wheel)


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


@pytest.mark.skipif(not (ROOT / ".venv" / "installed").exists(), reason="scripts/install was not called here")
def test_it_looks_at_the_machine_and_installs_what_it_lacks(skybed):
    """Here that is nothing."""
    assert "python packages     all " in skybed("doctor")
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
