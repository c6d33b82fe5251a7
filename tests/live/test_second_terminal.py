"""A sky that moves is entered from a second terminal, by the commands of the docs."""

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from skybed.analysis.run import load
from support import needs
from support.places import ROOT, SKYBED

TEXT = (ROOT / "docs" / "programs.md").read_text()
PATIENCE_S = 120

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def going(tmp_path_factory):
    """The directory of a run that goes on; at the end it is told to stop, and has stopped."""
    folder = tmp_path_factory.mktemp("going") / "second"
    words = [SKYBED, "run", "pair", "--duration", "600", "--out", folder]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + PATIENCE_S
    while command("exec", folder, "miyun", "--", "true").returncode:
        assert time.monotonic() < until and process.poll() is None, process.stderr.read()
        time.sleep(0.5)
    yield folder
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert command("exec", folder, "miyun", "--", "true").returncode == 2
    assert not load(folder).manifest.finished


def command(*words, given=""):
    words = [str(SKYBED), *map(str, words)]
    return subprocess.run(words, input=given, capture_output=True, text=True, timeout=PATIENCE_S)


def test_the_run_is_listed(going):
    (line,) = [line for line in command("ps").stdout.splitlines() if str(going) in line]
    assert line.split()[:3] == ["pair", load(going).manifest.lane, "real"]


def test_a_command_has_its_input_output_and_exit_code(going):
    done = command("exec", going, "sanya", "--", "sh", "-c", "cat; echo no >&2; exit 7", given="a\nb\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "a\nb\n", "no\n")


def test_it_runs_in_the_node(going):
    node = next(node for node in load(going).plan.nodes if node.name == "sanya")
    done = command("exec", "second", "sanya", "--", "ip", "-o", "-4", "address", "show", "lo")
    assert f" {node.ip}/32 " in done.stdout


def test_what_is_not_there_is_told(going):
    done = command("exec", going, "sany", "--", "true")
    assert (done.returncode, done.stderr) == (2, "There is no node sany (did you mean sanya?).\n")
    assert command("exec", going, "sanya", "--", "no-such-program").returncode == 127
    done = command("exec", "nowhere", "sanya", "--", "true")
    assert done.returncode == 2 and "nowhere: no such run goes on" in done.stderr


def test_links_are_shown_as_they_are_in_force(going):
    """The delay is that of geometry when it was looked at, within the plan's bound."""
    seen = json.loads(command("inspect", going, "sanya", "--json").stdout)
    plan = load(going).plan
    (link,) = seen["links"]
    assert link["link"] == "eo-0-0--sanya" and link["there"] == link["back"] and not link["by_hand"]
    true_us = float(plan.delay_s(plan.network.link_between[0, plan.node("sanya")], seen["t_s"])) * 1e6
    assert abs(link["there"]["delay"] - true_us) < plan.scenario.bound_us + 50
    assert [one["peer"] for one in seen["candidates"]] == ["eo-0-0"]
    shown = command("inspect", going, "sanya").stdout
    assert re.search(r"^eo-0-0 +access\[0\] .* until \d+\.\d+ s$", shown.replace(" \n", "\n"), re.MULTILINE)
    assert "eo-0-0  eo      " in command("inspect", going).stdout
    assert command("inspect", going, "sany").returncode == 2


def test_a_shell_is_one_on_a_terminal(going):
    pid, screen = pty.fork()
    if not pid:
        os.execv(SKYBED, [str(SKYBED), "shell", str(going), "miyun"])
    os.write(screen, b"tty; ip -o link show lo | cut -d: -f2; stty size; exit 5\n")
    seen = b""
    try:
        while more := os.read(screen, 4096):
            seen += more
    except OSError:  # it has ended
        pass
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 5, seen
    assert b"/dev/pts/" in seen and re.search(rb"^ lo\r$", seen, re.MULTILINE)


def test_who_leaves_takes_along_what_it_ran(going):
    mark = "sleep 54321"
    words = [str(SKYBED), "exec", str(going), "sanya", "--", *mark.split()]
    visitor = subprocess.Popen(words, stdin=subprocess.PIPE)
    until = time.monotonic() + PATIENCE_S

    def runs():
        return command("exec", going, "sanya", "--", "pgrep", "-fx", mark).returncode == 0

    while not runs():
        assert time.monotonic() < until
    visitor.kill()
    with visitor:  # closes its input too
        pass
    while runs():
        assert time.monotonic() < until


@needs.program("tshark", "tshark")
def test_a_link_is_captured_until_ctrl_c(going, tmp_path):
    file = tmp_path / "link.pcap"
    words = [str(SKYBED), "capture", str(going), "sanya", "eo-0-0", "-w", str(file)]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as capturing:
        until = time.monotonic() + PATIENCE_S
        while not file.exists() or file.stat().st_size < 10_000:
            assert time.monotonic() < until and capturing.poll() is None
            time.sleep(0.1)
        capturing.send_signal(signal.SIGINT)
        assert capturing.wait(PATIENCE_S) == 0
    read = ["tshark", "-r", str(file), "-Y", "udp.port == 862", "-T", "fields", "-e", "frame.number"]
    assert len(subprocess.run(read, capture_output=True, text=True).stdout.split()) > 10


def test_the_examples_of_the_docs_are_commands(going):
    section = re.search(r"^## From a second terminal\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    lines = [line for line in re.search(r"```\n(.*?)```", section, re.DOTALL)[1].splitlines() if line]
    for line in lines:
        words = line.partition("#")[0].split()
        assert words[0] == "skybed"
        words = [str(going) if word == "pair" else word for word in words[1:]]
        done = command(*words, given="exit\n")
        assert done.returncode == 0, line + done.stdout + done.stderr
