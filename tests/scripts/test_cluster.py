"""Campaigns on a Dask cluster: two machines, as two network namespaces; and clusters that will not do."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster

from skybed.emulator.lanes import lanes
from skybed.scripts.cli.main import main
from skybed.scripts.running import cluster
from skybed.topologies.scenario import campaign
from support import needs
from support.plain_netns import can_make_namespaces, chain
from support.tiny_campaign import PAIRS

PATIENCE_S = 300
LEFT_S = 60  # a run hears that it is not wanted any more when its lane next says something
DASK = [sys.executable, "-m", "dask"]
SKYBED = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]


# -- two machines ------------------------------------------------------------------------------------


@pytest.fixture
def machines():
    """Two, linked: namespaces by name."""
    with chain("west", "east") as nodes:
        yield nodes


@pytest.fixture
def start(tmp_path):
    """start(node, name, *command) begins a program there (node None: here); its output is in NAME.log."""
    begun = []

    def begin(node, name, *command):
        prefix = ["ip", "netns", "exec", node.netns] if node else []
        with open(tmp_path / f"{name}.log", "w") as log:
            begun.append(subprocess.Popen([*prefix, *command], stdout=log, stderr=log, cwd=lanes.ROOT))
        return begun[-1]

    yield begin
    for process in reversed(begun):
        process.kill()
        process.wait()


@pytest.fixture
def worker(start, machines, tmp_path):
    """worker(where, cpu, name) begins a Dask worker with a directory of its name."""
    cpus = sorted(os.sched_getaffinity(0))

    def begin(where, cpu, name):
        command = ["worker", "tcp://10.0.0.1:8786", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        place = ["--local-directory", str(tmp_path / name), "--host", machines[where].ip]
        taken = cpus[cpu % len(cpus)]  # each machine has a CPU of its own
        return start(machines[where], name, "taskset", "-c", str(taken), *DASK, *command, *place)

    return begin


def under_way(tmp_path, name):
    return list((tmp_path / name).glob("dask-scratch-space/*/run-*/run/plan"))


def lanes_under_way(tmp_path):
    """Processes of lanes whose runs are in this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone
            if f"{lanes.MARK}={tmp_path}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def wait_until(what, process=None, patience_s=PATIENCE_S):
    until_s = time.monotonic() + patience_s
    while not what():
        assert process is None or process.poll() is None, "it ended early"
        assert time.monotonic() < until_s
        time.sleep(0.05)


def tables(out):
    return {path.relative_to(out): path.read_bytes() for path in (out / "table").rglob("*.parquet")}


@pytest.mark.netns
@pytest.mark.skipif(not can_make_namespaces(), reason="network namespaces cannot be made here")
@needs.virtual_time
def test_two_machines_of_which_one_dies_give_the_table_of_one(machines, start, worker, tmp_path):
    (tmp_path / "c.yaml").write_text(PAIRS.replace("repeats: 2", "repeats: 5"))  # the new one comes in time
    here, there = tmp_path / "on-this-machine", tmp_path / "far"
    campaign = [*SKYBED, "campaign", "run", str(tmp_path / "c.yaml"), "--out"]
    assert start(None, "local", *campaign, str(here)).wait(PATIENCE_S) == 0

    start(machines["west"], "scheduler", *DASK, "scheduler", "--host", "10.0.0.1", "--no-dashboard")
    worker("west", 0, "w")
    dies = worker("east", 1, "e")
    wait_until(lambda: (tmp_path / "scheduler.log").read_text().count("Register worker") == 2)

    remote = [*campaign, str(there), "--scheduler", "tcp://10.0.0.1:8786"]
    process = start(machines["east"], "first", *remote)
    wait_until(lambda: under_way(tmp_path, "w") and under_way(tmp_path, "e"), process)
    dies.kill()
    worker("east", 1, "again")
    wait_until(lambda: list((there / "runs").glob("*")) and under_way(tmp_path, "again"), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(LEFT_S) == 130
    told = (tmp_path / "first.log").read_text()
    kept = len(list((there / "runs").iterdir()))
    assert 1 <= kept < 10 and f"interrupted; {kept} of 10 runs are done" in told and "Traceback" not in told
    wait_until(lambda: not lanes_under_way(tmp_path), patience_s=LEFT_S)
    wait_until(lambda: not under_way(tmp_path, "w") and not under_way(tmp_path, "again"))  # cleared up

    process = start(machines["east"], "second", *remote)
    assert process.wait(PATIENCE_S) == 0, (tmp_path / "second.log").read_text()
    assert "10 runs: 10 pass." in (tmp_path / "second.log").read_text()
    assert len(tables(here)) == 2 and tables(here) == tables(there)


# -- clusters that will not do -----------------------------------------------------------------------


@pytest.fixture
def few(tmp_path):
    """A cluster in this process, of two workers."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0",
        local_directory=tmp_path / "scratch",
    ) as made:  # fmt: skip
        yield made


def refused(tmp_path, *words, code=4):
    (tmp_path / "c.yaml").write_text(PAIRS.replace("repeats: 2", "clock: real"))
    out = ["--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["campaign", "run", str(tmp_path / "c.yaml"), *words, *out])
    assert done.exit_code == code and done.stderr.count("\n") == 1
    assert not list((tmp_path / "out").glob("runs/*"))
    return done.stderr


def test_a_run_that_nobody_waits_for_any_more_ends(few, tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text(PAIRS)
    cases = campaign.load(tmp_path / "c.yaml")[1][:3]
    begun, ended = threading.Semaphore(0), threading.Semaphore(0)

    def endless(scenario, options, out, listener, plan):
        begun.release()
        try:
            while True:
                listener.at("playing", 0.5)
                time.sleep(0.01)
        finally:
            ended.release()

    monkeypatch.setattr(cluster, "execute", endless)
    told = []

    def wait(client):
        try:
            list(cluster.results(client, cases, retries=3))
        except cluster.MachineError as error:
            told.append(str(error))

    with Client(few, set_as_default=False) as client:
        waiting = threading.Thread(target=wait, args=(client,))
        waiting.start()
        assert begun.acquire(timeout=10) and begun.acquire(timeout=10)
        assert not ended.acquire(timeout=0.2)
    assert ended.acquire(timeout=10) and ended.acquire(timeout=10)
    waiting.join(10)
    assert not begun.acquire(timeout=0.2)  # the third, or a second try
    assert told[0].startswith("The scheduler is gone")


def test_workers_of_other_versions_are_refused(few, tmp_path, monkeypatch):
    codes = iter(["a1", "a1", "b2"])  # here, and the two workers
    monkeypatch.setattr(cluster, "code", lambda: next(codes))
    told = refused(tmp_path, "--scheduler", few.scheduler_address)
    assert re.match(
        r"skybed: inproc://\S+ has skybed's code b2, not a1 as others: runs would not be the same.", told
    )


def test_a_worker_that_cannot_run_anything_is_named(few, tmp_path, monkeypatch):
    monkeypatch.setattr(
        cluster.lanes, "choose", lambda *_: (_ for _ in ()).throw(cluster.MachineError("No."))
    )
    told = refused(tmp_path, "--scheduler", few.scheduler_address)
    assert re.match(r"skybed: inproc://\S+: No.$", told)


def test_in_real_time_a_worker_makes_one_run_at_a_time(tmp_path):
    with LocalCluster(
        n_workers=1,
        threads_per_worker=3,
        processes=False,
        dashboard_address="127.0.0.1:0",
        local_directory=tmp_path,
    ) as made:
        told = refused(tmp_path, "--scheduler", made.scheduler_address, code=2)
    assert "makes 3 runs at once, which in real time disturb each other; start it with --nthreads 1." in told


def test_a_cluster_that_is_not_there_or_has_no_workers_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    assert "no Dask scheduler answers there" in refused(tmp_path, "--scheduler", "tcp://127.0.0.1:9")
    assert "no Dask scheduler answers there" in refused(tmp_path, "--scheduler", "nonsense")
    with LocalCluster(
        n_workers=0, processes=False, dashboard_address="127.0.0.1:0", local_directory=tmp_path
    ) as made:
        told = refused(tmp_path, "--scheduler", made.scheduler_address)
    assert f"the scheduler has no workers; start some: dask worker {made.scheduler_address}" in told
    told = refused(tmp_path, "--scheduler", "tcp://127.0.0.1:9", "--jobs", "2", code=2)
    assert "--jobs is for this machine" in told


def test_nobody_else_can_have_code_run_by_a_campaign(tmp_path):
    with cluster.of_this_machine(1, 0, tmp_path) as client:
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        assert client.submit(pow, 2, 5).result() == 32
        for stranger in (address, address.replace("tls", "tcp")):
            with pytest.raises((OSError, TypeError)):
                Client(stranger, timeout=2, set_as_default=False)
