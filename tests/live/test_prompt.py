"""Mininet's prompt with commands from a file, in virtual time: what is typed, and what it says."""

import itertools
import re
import subprocess

import pytest

from skybed.analysis import contents
from skybed.analysis.run import load
from skybed.analysis.verdict import judge
from support import needs
from support.places import ROOT, SKYBED

pytestmark = [pytest.mark.live, needs.virtual_time]

README = (ROOT / "README.md").read_text()


@pytest.fixture
def typed(tmp_path):
    """typed(scenario, commands) gives what was said to each, by command, and the run directory."""
    numbers = itertools.count()

    def run(scenario, commands, *options):
        out = tmp_path / f"run-{next(numbers)}"
        text = "".join(f"{command}\n" for command in commands)
        command = [
            SKYBED,
            "run",
            scenario,
            "--cli",
            "--clock",
            "virtual",
            "--out",
            out,
            *options,
        ]
        done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, timeout=300)
        said = done.stdout.replace("\r", "").split("mininet> ")[1:]
        answers = [part.partition("\n") for part in said]
        assert [first for first, *_ in answers][: len(commands)] == commands, done.stdout + done.stderr
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return {first: " ".join(rest.split()) for first, _, rest in answers}, out

    return run


def test_what_the_readme_types(typed):
    section = re.search(r"\*\*Type into a moving sky\.\*\*.*?```\n(.*?)```", README, re.DOTALL)[1]
    scenario = re.search(r"skybed run (\S+) --cli", section)[1]
    said, _ = typed(scenario, re.findall(r"^mininet> (.*)$", section, re.MULTILINE))
    assert "3 received" in said["beijing ping -c 3 eo-0-0"]
    assert re.search(r"\d+ 10\.0\.0\.1 ", said["beijing traceroute -n eo-0-0"])
    assert "dev relay-0-4" in said["relay-0-3 ip route"]
    assert re.match(
        r"relay-0-3--relay-0-4 is down since \S+ s, until `link relay-0-3 relay-0-4 up`\.",
        said["link relay-0-3 relay-0-4 down"],
    )
    assert re.match(r"relay-0-3--relay-0-4 is up since", said["link relay-0-3 relay-0-4 up"])
    assert re.search(r"Results: \['[\d.e+]+ Mbits/sec', ", said["iperf beijing eo-0-0"])


def test_a_link_is_taken_down_and_is_up_again_and_the_verdict_knows(typed):
    """At 15 s both links stand; the routes over one go with it, and come back with it."""
    commands = [
        "wait 15", "sanya ping -c 1 miyun", "link sanya eo-0-0 down", "sanya ip -4 route",
        "sanya ping -c 1 -W 1 eo-0-0", "link eo-0-0 sanya up", "sanya ip -4 neigh", "sanya ping -c 2 miyun",
        "wait 20", "link eo-0-0 sanya down",
    ]  # fmt: skip
    said, out = typed("pair", commands)
    assert "1 received" in said["sanya ping -c 1 miyun"] and "2 received" in said["sanya ping -c 2 miyun"]
    assert "eo-0-0" not in said["sanya ip -4 route"]
    assert "unreachable" in said["sanya ping -c 1 -W 1 eo-0-0"]
    assert "PERMANENT" in said["sanya ip -4 neigh"]
    assert said["link eo-0-0 sanya down"] == "The scenario is over; its links stay as they are."
    run = load(out)
    verdict = judge(run)
    assert verdict.status != "invalid", verdict.reasons
    changed = run.table("changed")
    assert changed["by"].tolist() == ["prompt"] * 2 and changed["value"].fillna(1).tolist() == [0, 1]
    assert any("changed by hand, 2 at the prompt" in note for note in verdict.notes)


def test_a_link_is_set_and_released(typed):
    """Of 1,034 bytes at 100 kbit/s each way takes 83 ms. Miyun's link has no contact before 8.7 s."""
    ping = "sanya ping -c 1 -W 1 -s 972 eo-0-0"
    commands = [
        "link miyun eo-0-0 set loss_pct=3", "wait 12", "link sanya eo-0-0 set loss_pct=100", ping,
        "link sanya eo-0-0 set loss_pct=planned rate_mbps=0.1", f"{ping} -q",
        "link eo-0-0 sanya set delay_ms=500 one_way", "link eo-0-0 sanya release", "wait 3", f"{ping} -q -n",
        "link sanya eo-0-0 set", "link sanya eo-0-0 set loss_pct=all", "link sanya eo-0-0 set loss=3",
        "link sanya eo-0-0 set loss_pct=101",
    ]  # fmt: skip
    said, out = typed("pair", commands)
    begins = r"eo-0-0--miyun has no contact now; the next one begins at 8\.\d+ s\."
    assert re.fullmatch(rf"eo-0-0--miyun has loss_pct=3 since 0\.\d+ s\. {begins}", said[commands[0]])
    assert re.fullmatch(r"eo-0-0--sanya has loss_pct=100 since 12\.\d+ s\.", said[commands[2]])
    assert "100% packet loss" in said[ping]
    slow_ms, usual_ms = (float(said[f"{ping} {more}"].split("/")[-2]) for more in ("-q", "-q -n"))
    assert slow_ms - usual_ms == pytest.approx(166, abs=30)  # behind a probe of the run, at most
    assert re.fullmatch(r"eo-0-0--sanya is as planned since 13\.\d+ s\.", said[commands[7]])
    for command in commands[10:12]:
        assert said[command].startswith("Type `link NODE NODE down`, `up`, `set loss_pct=10 ")
    assert said[commands[12]] == "loss of a link cannot be set; what can is delay_ms, loss_pct, rate_mbps."
    assert said[commands[13]] == "The loss of a link cannot be held at 101; it can be from 0 to 100 %."
    changed = load(out).table("changed")
    assert changed["property"].tolist() == ["loss", "loss", "loss", "rate", "delay", "delay", "rate"]
    assert changed["value"].dropna().tolist() == [3, 100, 0.1, 500_000]


def test_what_is_not_there_is_said(typed):
    """Miyun's link has no contact before 8.7 s; it can be held down all the same."""
    commands = [
        "link eo-0-0 miyun down", "link eo-0-0 miyun up", "link sanya miyun up", "link sania eo-0-0 up",
        "link sanya eo-0-0 sideways", "switch s1 start", "dpctl dump-flows", "sania ip route", "sanya",
        "iperf sanya miyun", "source nowhere", "py exit()", "sh ls pyproject.toml",
        "py net.configLinkStatus('sanya', 'eo-0-0', 'down')",
    ]  # fmt: skip
    said, _ = typed("pair", commands)
    begins = r"eo-0-0--miyun has no contact now; the next one begins at 8\.\d+ s"
    assert re.fullmatch(begins + r", and is held down then\.", said["link eo-0-0 miyun down"])
    assert re.fullmatch(begins + r"\.", said["link eo-0-0 miyun up"])
    assert said["link sanya miyun up"] == "sanya and miyun are never linked in this run."
    assert said["link sania eo-0-0 up"] == "This sky has no node sania (did you mean sanya?)."
    assert said["link sanya eo-0-0 sideways"].startswith("Type `link NODE NODE down`")
    for command in ("switch s1 start", "dpctl dump-flows"):
        assert said[command] == "There are no switches in a sky: every node is a router."
    assert said["sania ip route"].startswith("There is no command and no node sania;")
    assert said["sanya"] == "Type a command for sanya: sanya ip route"
    assert "iperf3 from sanya to miyun: unable to connect" in said["iperf sanya miyun"]
    assert said["source nowhere"] == "There is no file nowhere; type `source FILE`."
    assert said["py exit()"] == "Type `exit` to leave."
    assert said["sh ls pyproject.toml"] == "pyproject.toml"  # where the command was given
    assert "cannot be switched" in said[commands[-1]]


def test_names_of_interfaces_and_of_nodes_are_left_as_they_are_typed(typed):
    commands = [
        "sanya ip -o link show eo-0-0",
        "sanya timeout 3 tcpdump -c 1 -ni eo-0-0 icmp6 & ping -c 1 eo-0-0; wait",
        "sanya getent ahostsv4 eo-0-0",
    ]  # fmt: skip
    said, _ = typed("pair", commands)
    assert "eo-0-0" in said[commands[0]] and "1 received" in said[commands[1]]
    assert "listening on eo-0-0" in said[commands[1]]
    assert "10.0.0.1" in said[commands[2]]


def test_time_stands_still_but_for_commands_and_waiting_and_the_tables_are_the_same_again(typed, tmp_path):
    """A ping once a second takes 2 s; what is asked of the prompt alone takes none."""
    commands = [
        "now", "nodes", "links", "wait 0", "wait 12.5", "sanya ping -c 3 eo-0-0", "wait 0.0", "wait",
        "wait -1",
    ]  # fmt: skip
    said, once = typed("pair", commands)
    assert said["now"] == said["wait 0"] == "Run time is 0.000 s."
    assert said["wait 12.5"] == "Run time is 12.500 s."
    assert 14.5 < float(said["wait 0.0"].split()[3]) < 15
    assert said["wait"] == said["wait -1"] == "Type `wait SECONDS`."
    assert contents.hashes(once) == contents.hashes(typed("pair", commands)[1])


def test_bytes_that_are_no_text_are_no_end(tmp_path):
    command = [SKYBED, "run", "pair", "--cli", "--clock", "virtual", "--out", tmp_path / "run"]
    done = subprocess.run(
        command, input=b"now\n\xff\xfe\x00\nnow\n", cwd=ROOT, capture_output=True, timeout=300
    )
    assert done.stdout.count(b"Run time is 0.000 s.") == 2 and b"Traceback" not in done.stdout + done.stderr


def test_a_command_from_a_file_that_waits_for_ever_is_ended_by_the_limit(tmp_path):
    options = ["--cli", "--clock", "virtual", "--wall-limit", "5", "--out", tmp_path / "run"]
    command = [SKYBED, "run", "pair", *options]
    done = subprocess.run(command, input="miyun cat\n", cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3 and "asked to stop after 5 s on the wall" in done.stderr, done.stderr


def test_a_lane_that_may_only_read_changes_no_file_but_those_of_the_run(typed, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("as it was\n")
    inside = tmp_path / "run-0" / "inside"  # where the fixture has the run's directory
    tried = [f"sh rm {outside}", f"miyun echo other > {outside}", f"miyun echo kept > {inside}", "exit"]
    said, out = typed("pair", tried, "--read-only", "--duration", "1")
    assert all("Read-only file system" in said[command] for command in tried[:2])
    assert outside.read_text() == "as it was\n"
    assert (out / "inside").read_text() == "kept\n"
