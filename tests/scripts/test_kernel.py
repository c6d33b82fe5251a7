import os
import shutil

import pytest

from skybed.emulator.lanes import umlkernel
from skybed.scripts.machine import kernel


@pytest.fixture
def recipe(tmp_path):
    return shutil.copytree(umlkernel.RECIPE, tmp_path / "recipe")


def put(cache, version, key):
    path = cache / f"uml-{version}-{key}" / "linux"
    path.parent.mkdir(parents=True)
    path.write_text("")
    path.chmod(0o755)
    return path


def test_the_same_recipe_means_the_same_kernel(recipe):
    assert umlkernel.recipe_key(recipe) == umlkernel.recipe_key()


@pytest.mark.parametrize("name", ["kernel.config", "host-fp-size.patch"])
def test_a_changed_recipe_means_another_kernel(recipe, name):
    with open(recipe / name, "a") as file:
        file.write("# changed\n")
    assert umlkernel.recipe_key(recipe) != umlkernel.recipe_key()


def test_a_new_patch_means_another_kernel(recipe):
    (recipe / "second.patch").write_text("")
    assert umlkernel.recipe_key(recipe) != umlkernel.recipe_key()


def test_a_kernel_of_another_recipe_is_not_used(tmp_path):
    put(tmp_path, "6.12.117", "0123456789ab")
    assert umlkernel.built_kernel([tmp_path]) is None


def test_of_two_kernels_the_newer_is_used(tmp_path):
    put(tmp_path, "6.12.9", umlkernel.recipe_key())
    newer = put(tmp_path, "6.12.117", umlkernel.recipe_key())
    assert umlkernel.built_kernel([tmp_path]) == umlkernel.Kernel(newer, "6.12.117", built=True)


def test_the_first_cache_goes_first(tmp_path):
    own = put(tmp_path / "own", "6.12.9", umlkernel.recipe_key())
    put(tmp_path / "system", "6.12.117", umlkernel.recipe_key())
    found = umlkernel.built_kernel([tmp_path / "own", tmp_path / "system"])
    assert found is not None and found.path == own


def test_a_users_kernels_are_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert umlkernel.own_cache() == tmp_path / "skybed"


def test_root_trusts_no_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert umlkernel.own_cache() == umlkernel.SYSTEM_CACHE


def test_the_newest_source_that_suits_the_recipe_is_built(tmp_path):
    for name in ("6.1.tar.xz", "6.8.0.tar.bz2", "6.12.tar.xz", "6.14.0.tar.bz2", "6.12.patch"):
        (tmp_path / f"linux-source-{name}").touch()
    assert kernel.kernel_source(tmp_path) == (tmp_path / "linux-source-6.12.tar.xz", (6, 12))


def test_without_a_source_it_says_what_to_install(tmp_path):
    (tmp_path / "linux-source-6.1.tar.xz").touch()
    with pytest.raises(kernel.KernelError, match=r"linux-source-6\.12"):
        kernel.kernel_source(tmp_path)


def test_what_is_no_kernel_does_not_boot():
    assert umlkernel.boot_failure("/bin/false") == ""
    assert "No such file" in umlkernel.boot_failure("/nonexistent")


def test_the_kernel_in_the_cache_boots():
    found = umlkernel.built_kernel()
    if found is None:
        pytest.skip("no kernel has been built here")
    assert umlkernel.boot_failure(found.path) is None


def test_a_patch_for_one_version_is_left_out_of_others(tmp_path):
    for name in ("b.patch", "a-6.12.patch", "c-6.8.patch"):
        (tmp_path / name).touch()
    chosen = [[patch.name for patch in kernel.patches(of, tmp_path)] for of in ((6, 12), (6, 9, 1))]
    assert chosen == [["a-6.12.patch", "b.patch"], ["b.patch"]]
