import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from skybed.emulator.lanes import host
from skybed.scripts.cli.doctor import render
from skybed.scripts.machine import doctor
from skybed.scripts.running import run
from skybed.topologies.errors import MachineError

NET_DEV = Path("/proc/net/dev")


@pytest.fixture(scope="module")
def checks():
    return {check.name: check for check in doctor.examine()}


def test_every_check_that_fails_says_what_to_do(checks):
    assert all(check.remedy for check in checks.values() if not check.ok)


def test_the_lane_is_the_one_that_a_run_takes(checks):
    choice = host.choose_lane()
    assert checks["lane"].ok == (choice.lane is not None)
    assert f"auto takes {choice.lane or 'none'}" in checks["lane"].found


def test_native_is_taken_only_by_root_with_netem(checks):
    if "auto takes native" in checks["lane"].found:
        assert checks["root"].ok and checks["sch_netem"].ok and checks["mnexec"].ok


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: ["numpy>=2", "no-such-package>=1"])
    check = doctor.packages()
    assert not check.ok and check.found == "missing: no-such-package"


def test_a_directory_that_is_too_small_is_not_taken_for_memory():
    assert host.memory_dir(need_mb=2**40) is None


def test_tmpdir_goes_first_for_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert host.memory_dir(need_mb=1) == tmp_path


def test_a_sky_of_too_many_nodes_for_the_machine_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(host, "most_uml_nodes", lambda: 9361)
    run.require_mappings(9361)
    with pytest.raises(MachineError, match=r"could play 9,361.*vm.max_map_count=70070"):
        run.require_mappings(10_010)


def test_a_trial_leaves_the_machines_own_network_alone():
    before = len(NET_DEV.read_text().splitlines())
    assert host.namespaces_available() or host.namespaces_available().why
    assert len(NET_DEV.read_text().splitlines()) == before


@pytest.mark.parametrize(
    "said",
    ["Error: lwt encapsulation type not supported.", "Error: CONFIG_LWTUNNEL is not enabled in this kernel."],
)
def test_a_kernel_without_srv6_is_told_by_its_option(monkeypatch, said):
    refused = subprocess.CompletedProcess([], 2, stdout="", stderr=said)
    monkeypatch.setattr(host.subprocess, "run", lambda *_, **__: refused)
    answer = host.segments_available.__wrapped__()
    assert not answer and answer.why == "the kernel has no CONFIG_IPV6_SEG6_LWTUNNEL"


def test_a_lack_that_only_native_has_is_no_failure():
    native = doctor.Check("root", False, "no", "use sudo", "native")
    lane = doctor.Check("lane", True, "auto takes uml: native cannot serve", "", "everything")
    assert doctor.exit_code([native, lane]) == 0


def test_without_a_lane_the_machine_cannot():
    assert doctor.exit_code([doctor.Check("lane", False, "none", "run `skybed install`", "everything")]) == 4


def test_a_remedy_is_shown_under_what_failed():
    console = Console(width=100, record=True, file=StringIO())
    render([doctor.Check("root", False, "no", "use sudo", "native")], console)
    assert "for native: use sudo" in console.export_text()
