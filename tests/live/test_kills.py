"""Whoever of a run is killed, when and how: it ends within half a minute with a sentence, and leaves nothing.

A seeded sample in every run of the tests; `make kills` tries every case, and campaigns too, KILLS=N a sample
of another seed. The run itself tells when a moment has come, by its stage or by what it notes to have played,
so no idle machine is needed.
"""

import os
import random
import signal

import pytest
import yaml

from support import needs
from support.begun import ALL, PATIENCE_S, Begun, children, lanes_of, nothing_is_left, send
from support.command import finished
from support.places import PAIR
from support.tiny_campaign import PAIRS

DURATION_S = 60_000  # far more than is played, in virtual time too
MOMENTS_S = 0.1, 4.0
STAGES = ("starting", "building", "playing")
OF_THIS_MACHINE = {
    "skybed": ALL,
    "lane": ("KILL", "TERM", "QUIT", "INT"),  # a uml kernel is deaf to SIGHUP
    "stub": ("KILL",),  # other signals it keeps until the guest lets it run
}
# As a program in a node finds them, of which the process of traffic is the parent.
OF_THE_GUEST = {
    "traffic": ("$PPID", ("KILL", "TERM", "HUP", "QUIT")),
    "player": ("$(ps -o ppid= -p $PPID)", ("KILL", "TERM", "HUP", "QUIT", "INT INT")),
    "daemon": ("$(pgrep -o bird)", ("KILL", "TERM", "QUIT")),
}
CASES = [
    (whom, how, clock)
    for clock in ("virtual", "real")
    for whom, signals in (OF_THIS_MACHINE | {name: of[1] for name, of in OF_THE_GUEST.items()}).items()
    for how in signals
]
WANTED = os.environ.get("KILLS", "1")
SAMPLE = random.Random(WANTED)  # without daemons in real time, who take long to find each other
SAMPLED = [
    SAMPLE.choice([case for case in CASES if case[0] == whom and case[::2] != ("daemon", "real")])
    for whom in ("skybed", "stub", *SAMPLE.sample(["lane", "traffic", "player", "daemon"], 2))
]

pytestmark = [pytest.mark.live, needs.virtual_time]


def scenario(whom, how, seed):
    """The smallest sky for a long time; from within somebody kills what is of the guest's."""
    chance = random.Random(seed)
    data = yaml.safe_load(PAIR.read_text()) | {"duration_s": DURATION_S}
    if whom in OF_THE_GUEST:
        each = "; sleep 0.1; ".join(f"kill -{name} {OF_THE_GUEST[whom][0]}" for name in how.split())
        killer = {"kind": "program", "name": "killer", "node": "sanya", "start_s": chance.uniform(*MOMENTS_S)}
        data["traffic"].append(killer | {"command": each})
    if whom == "daemon":
        data["routing"] = {"protocol": "ospf", "hello_s": 1, "dead_s": 4, "ahead_s": 20}
    return data


@pytest.mark.parametrize(
    "whom, how, clock", CASES if WANTED == "all" else SAMPLED, ids=lambda value: value.replace(" ", "-")
)
def test_a_run_whose_process_is_killed_ends(whom, how, clock, begin, machine, tmp_path):
    seed = f"{WANTED} {whom} {how} {clock}"
    chance = random.Random(seed)
    file = tmp_path / "kill.yaml"
    file.write_text(yaml.safe_dump(scenario(whom, how, seed)))
    before = machine()
    run = begin("run", file, "--lane", "uml", "--clock", clock)
    stage, at_s = chance.choice(STAGES if whom == "skybed" else STAGES[-1:]), chance.uniform(*MOMENTS_S)
    if whom in OF_THE_GUEST:
        run.wait_for(lambda: "playing" in run.said)
    else:
        run.wait_for(lambda: stage in run.said and (stage != "playing" or run.played_s >= at_s))
        victims = [run.process.pid] if whom == "skybed" else lanes_of(run)
        if whom == "stub":
            victims = [stub for lane in victims for stub in children(lane)]
        assert run.process.poll() is None and victims, run.said
        send(chance.choice(victims), how)
    noted_s, code = run.played_s, run.ends()

    if (whom, how) == ("skybed", "KILL"):
        assert code == -signal.SIGKILL
        assert finished("clean").returncode == 0
    else:
        assert code in (3, 130), run.said
        assert "\nskybed: " in run.said or "INVALID" in run.said
    assert "Traceback" not in run.said
    nothing_is_left(before, machine, tmp_path)

    told = finished("report", run.out)
    assert told.returncode == 3 and "Traceback" not in told.stderr
    played_s = max(0.0, run.played_s)
    assert played_s >= noted_s - 1e-3 and f"{played_s:g} s of {DURATION_S} s" in told.stdout + told.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The table of a campaign that was left alone."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "campaign.yaml").write_text(PAIRS)
    run = Begun(folder, "campaign", "run", folder / "campaign.yaml")
    assert run.process.wait(PATIENCE_S) == 0, run.said
    return tables(run.out)


def tables(out):
    return {path.relative_to(out): path.read_bytes() for path in (out / "table").rglob("*.parquet")}


if WANTED == "all":  # test_killed_campaigns.py has the sample

    @pytest.mark.parametrize("how", ALL)
    @pytest.mark.parametrize("whom", ["campaign", "worker"])
    def test_a_campaign_whose_process_is_killed_is_resumed(whom, how, alone, begin, machine, tmp_path):
        chance = random.Random(f"{WANTED} {whom} {how}")
        file = tmp_path / "campaign.yaml"
        file.write_text(PAIRS)
        before, runs = machine(), chance.randrange(4)
        campaign = begin("campaign", "run", file)
        out = campaign.out

        def come():
            under_way = out.glob(".unfinished/dask-scratch-space/*/run-*/run/plan")
            return len([*out.glob("runs/*")]) >= runs and any(under_way)

        campaign.wait_for(come)
        if whom == "campaign":
            send(campaign.process.pid, how)
            campaign.ends()
            assert "Traceback" not in campaign.said
        else:
            nannies = children(campaign.process.pid)
            send(chance.choice([worker for nanny in nannies for worker in children(nanny)] or nannies), how)
            campaign.wait_for(lambda: False)
        again = begin("campaign", "run", file)
        assert again.process.wait(PATIENCE_S) == 0, again.said
        assert tables(out) == alone
        nothing_is_left(before, machine, tmp_path)
