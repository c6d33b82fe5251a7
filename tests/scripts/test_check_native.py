"""What scripts/check-native makes of a folder and of what its machine told; the machine itself it boots."""

from pathlib import Path

import pytest

from skybed.scripts.machine.native import boot, results
from skybed.scripts.machine.native.results import Result

FOLDER = Path("/some/where")
PAIR = Result("pair", "function", True, "PASS, 30 s", 42.7)


def after(words, option):
    """What follows an option, each time that it is there."""
    return [words[i + 1] for i, word in enumerate(words) if word == option]


@pytest.mark.parametrize("kvm, wanted", [(True, ["kvm"]), (False, ["tcg"])])
def test_the_machine_has_one_processor_a_disk_that_is_memory_and_no_network(kvm, wanted):
    words = boot.arguments(FOLDER, 3 * 2**30, kvm)
    assert after(words, "-accel") == wanted
    assert after(words, "-smp") == ["1"]
    assert after(words, "-nic") == ["none"]
    assert after(words, "-device") == ["nvdimm,memdev=disk"]
    assert after(words, "-object") == [
        "memory-backend-file,id=disk,share=off,mem-path=/some/where/disk,size=3221225472"
    ]
    assert "path=/some/where/results" in after(words, "-virtfs")[0]
    memory = dict(part.partition("=")[::2] for part in after(words, "-m")[0].split(","))
    assert int(memory["maxmem"][:-1]) >= boot.MEMORY_MB + 3 * 1024


def test_only_emulated_time_is_counted_in_instructions():
    assert after(boot.arguments(FOLDER, 2**30, kvm=False), "-icount") == ["shift=0,sleep=off"]
    assert after(boot.arguments(FOLDER, 2**30, kvm=True), "-icount") == []


@pytest.mark.parametrize(
    "cpuinfo, device, there",
    [
        ("flags\t\t: fpu vmx sse\n", "/dev/null", True),
        ("flags\t\t: fpu svm sse\n", "/dev/null", True),
        ("flags\t\t: fpu sse\n", "/dev/null", False),
        ("vmx flags\t: vnmi\nflags\t\t: fpu\n", "/dev/null", False),
        ("flags\t\t: fpu vmx sse\n", "/dev/null/none", False),
    ],
)
def test_kvm_takes_a_processor_that_can_and_a_device(cpuinfo, device, there):
    assert boot.has_kvm(cpuinfo, Path(device)) is there


def test_results_are_read_as_they_were_written_and_half_a_line_is_none_yet():
    other = Result("mn", "function", False, "Results: 33% dropped \u2192 2", 1.0)
    text = results.line(PAIR) + results.line(other)
    assert results.parse(text) == [PAIR, other]
    assert results.parse(text[:-1]) == [PAIR]
    assert results.parse("") == []


def test_the_long_form_is_the_short_one_and_more_and_looks_at_the_machine_last():
    short, long = results.wanted(long=False), results.wanted(long=True)
    assert set(short) < set(long) and len(set(long)) == len(long)
    assert short[0] == long[0] == "doctor"
    assert short[-2:] == long[-2:] == ["isolation", "kernel log"]


def test_a_check_that_did_not_end_is_in_the_table_and_does_not_hold():
    lines = results.table(["pair", "mn"], [PAIR]).splitlines()
    assert lines[1].split() == ["yes", "pair", "function", "43", "s", "PASS,", "30", "s"]
    assert lines[2].split() == ["NO", "mn", "it", "did", "not", "end"]
    assert lines[0].index("seen") == lines[1].index("PASS") == lines[2].index("it did")


def test_all_hold_only_if_each_was_checked_and_right():
    wrong = Result("mn", "function", False, "", 1.0)
    right = Result("mn", "function", True, "", 1.0)
    assert results.hold(["pair", "mn"], [PAIR, right])
    assert not results.hold(["pair", "mn"], [PAIR, wrong])
    assert not results.hold(["pair", "mn"], [PAIR])
    assert not results.hold(["pair"], [])
