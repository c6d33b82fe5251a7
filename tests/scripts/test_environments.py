"""Wherever skybed is called, it works or says in a sentence what is lacking: no lane is needed for that."""

import contextlib
import fcntl
import os
import resource
import subprocess
import sys
import threading

import pytest

from skybed.emulator.lanes import umlkernel
from skybed.scripts.machine import kernel
from skybed.scripts.running import folders
from skybed.topologies.errors import ScenarioError
from support.places import PAIR, ROOT
from support.tiny_campaign import PAIRS
from support.tiny_sky import TINY, Builder, plan_of

MAIN = "from skybed.scripts.cli.main import main; main()"
PLAN = ("plan", PAIR, "--duration", "5")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")


def called(*words, options=(), limits=None, **variables):
    """The finished process of a command under other environment variables and limits of resources."""

    def limit():
        for what, most in (limits or {}).items():
            resource.setrlimit(what, (most, most))

    return subprocess.run(
        [sys.executable, *options, "-c", MAIN, *map(str, words)], cwd=ROOT, capture_output=True, text=True,
        errors="surrogateescape", env=os.environ | variables, preexec_fn=limit,
    )  # fmt: skip


def in_a_sentence(done, codes=(2, 4)):
    assert done.returncode in codes, done.stdout + done.stderr
    assert done.stderr.startswith("skybed: ") and len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith(".\n")


@contextlib.contextmanager
def read_only(folder):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def usual():
    done = called(*PLAN)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "tr_TR.UTF-8"},
        {"LANG": "nowhere", "TZ": "Asia/Kathmandu"},
        {"TZ": "nowhere", "HOME": "/dev/null/none", "XDG_CACHE_HOME": "/dev/null/none"},
    ],
    ids=" ".join,
)
def test_locales_zones_and_homes_change_nothing(variables, usual):
    done = called(*PLAN, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, *usual)


def test_a_terminal_that_shows_nothing_but_ascii_gets_what_it_can(good_run):
    for words in (("report", good_run), ("--help",), ("list",)):
        done = called(*words, PYTHONIOENCODING="ascii", LC_ALL="C")
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


def test_nothing_is_worked_out_in_what_python_leaves_out(usual):
    assert called(*PLAN, options=["-O"]).stdout == usual[0]


@pytest.mark.parametrize("room_mb", [150, 400, 600, 800])
def test_little_memory_is_told(room_mb):
    done = called(*PLAN, limits={resource.RLIMIT_AS: room_mb << 20}, OPENBLAS_NUM_THREADS="1")
    if done.returncode or room_mb < 600:
        in_a_sentence(done, (4,))


@pytest.mark.parametrize("most", [5, 8])
def test_few_descriptors_are_told(most):
    done = called(*PLAN, limits={resource.RLIMIT_NOFILE: most})
    if done.returncode:
        in_a_sentence(done, (4,))


@pytest.fixture
def good_run(tmp_path):
    Builder(tmp_path / "run", plan_of(TINY)).load()
    return tmp_path / "run"


@as_root
def test_a_run_that_may_not_be_written_to_is_told(good_run):
    with read_only(good_run):
        done = called("report", good_run)
    in_a_sentence(done)
    assert "Read-only file system" in done.stderr


@as_root
def test_a_place_that_may_not_be_written_to_is_told(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with read_only(place):
        done = called("run", PAIR, "--clock", "virtual", "--out", place / "run")
    in_a_sentence(done, (2,))


def test_two_skybeds_do_not_write_into_one_directory(tmp_path):
    with folders.fresh(tmp_path / "run") as first:
        second = folders.fresh(first)
        with pytest.raises(ScenarioError, match="another skybed works there; wait for it"), second:
            pass
        assert first.is_dir()
    with folders.fresh(first):
        pass


def test_two_campaigns_do_not_run_in_one_directory(tmp_path):
    file, out = tmp_path / "campaign.yaml", tmp_path / "out"
    file.write_text(PAIRS)
    (out / "runs").mkdir(parents=True)
    with folders.claimed(out, "a test"):
        done = called("campaign", "run", file, "--out", out)
    in_a_sentence(done, (2, 4))
    assert done.returncode == 4 or "another campaign works there; wait for it" in done.stderr


def test_of_two_builds_of_the_kernel_the_second_waits_and_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "own_cache", lambda: tmp_path)
    monkeypatch.setattr(umlkernel, "own_cache", lambda: tmp_path)
    waits, found = threading.Event(), []
    monkeypatch.setattr(kernel, "say", lambda text: waits.set() if "another build" in text else None)
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=lambda: found.append(kernel.build()))
        second.start()
        assert waits.wait(60) and not found
        home = tmp_path / f"uml-6.12.1-{umlkernel.recipe_key()}"
        home.mkdir()
        (home / "linux").touch(0o755)
    second.join(60)
    assert [one.path for one in found] == [home / "linux"]
