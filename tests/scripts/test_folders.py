"""Directories for results: one for each run, also when two begin at once."""

import threading

import pytest

from skybed.scripts.running import folders
from skybed.topologies.errors import ScenarioError


def test_two_runs_that_begin_at_once_have_a_directory_each(tmp_path):
    made, begin = [], threading.Barrier(8)

    def make():
        begin.wait()
        with folders.fresh(tmp_path / "runs" / "pair", unused=True) as folder:
            (folder / "table").write_text("mine")
            made.append(folder.name)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["pair", *(f"pair-{n}" for n in range(2, 9))]


def test_what_came_to_nothing_leaves_nothing(tmp_path):
    for unused in (False, True):
        with pytest.raises(KeyboardInterrupt), folders.fresh(tmp_path / "a" / "b", unused=unused):
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_holds_something_is_not_taken(tmp_path):
    (tmp_path / "old").write_text("")
    with pytest.raises(ScenarioError, match="is not empty; name another directory"), folders.fresh(tmp_path):
        raise AssertionError("unreachable")
    with pytest.raises(ScenarioError, match="cannot be a directory"), folders.fresh(tmp_path / "old" / "x"):
        raise AssertionError("unreachable")


def test_an_empty_directory_is_taken_and_stays(tmp_path):
    with pytest.raises(KeyboardInterrupt), folders.fresh(tmp_path) as folder:
        assert folder == tmp_path
        raise KeyboardInterrupt
    assert tmp_path.is_dir()
