"""Where the runs of a campaign are made: in workers of Dask, this machine's own or a cluster's.

A worker makes a run in a directory of its own, judges it, and returns it as bytes. So it shares no files with
whoever asked; and a run is either there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import logging
import os
import platform
import shutil
import signal
import tempfile
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, Literal

from dask import config
from distributed import (
    Client,
    Future,
    KilledWorker,
    LocalCluster,
    Worker,
    WorkerPlugin,
    as_completed,
    get_worker,
)

from skybed.analysis import verdict
from skybed.analysis.campaign.table import USABLE
from skybed.analysis.run import load
from skybed.analysis.verdict import Verdict
from skybed.emulator.lanes import lanes, umlkernel
from skybed.scripts.running.messages import Heard, Traffic
from skybed.scripts.running.progress import Listener
from skybed.scripts.running.run import PACKAGES, Options, execute
from skybed.scripts.running.run_bar import told_of
from skybed.topologies.errors import InvalidRun, MachineError, ScenarioError, SkybedError
from skybed.topologies.model import kinds
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.campaign import Case

ROOMS = ("topologies", "emulator", "traffic", "analysis", "scripts")
SUFFIXES = (".py", ".config", ".patch", ".c")  # of files that make a difference to a run
CODE, KERNEL = "skybed's code", "the uml kernel"
CONNECT_S = 10.0
TOPIC, TELL_S = "skybed", 0.5  # under which a worker tells how far a run is, and how often


class Unwanted(BaseException):
    """Nobody waits for the run any more: the campaign was interrupted, or its process is gone."""


# -- in a worker -------------------------------------------------------------------------------------


def plan(case: Case) -> bytes | str:
    """The plan of a case, as an archive of its folder, or why there is none."""
    with _alone() as (folder, listener):
        try:
            planned = Plan.make(
                case.played, progress=lambda what, share: listener.at("planning", share, what)
            )
            planned.save(folder)
        except SkybedError as error:
            return str(error)
        return archive(folder)


def play(case: Case, retries: int, planned: bytes | str | None) -> bytes:
    """One run, judged, as an archive of its directory. planned: what `plan` gave; None: the run plans."""
    with _alone() as (folder, listener):
        out, stored = folder / "run", folder / "plan"
        out.mkdir()
        if isinstance(planned, str):
            write_verdict(case, out, "error", planned)
        else:
            if planned is not None:
                unpack(planned, stored)
            make(case, retries, out, listener, Plan.load(stored) if planned is not None else None)
        return archive(out)


@contextlib.contextmanager
def _alone() -> Iterator[tuple[Path, Listener]]:
    """A folder for a task, and whom to tell how far it is."""
    worker = get_worker()
    with tempfile.TemporaryDirectory(prefix="run-", dir=worker.local_directory) as folder:
        yield Path(folder), WhileWanted(worker, str(worker.get_current_task()))


def make(case: Case, retries: int, out: Path, listener: Listener, planned: Plan | None = None) -> None:
    """Run a case into a directory, again if it is invalid or breaks off, and judge it."""
    for _ in range(retries + 1):
        shutil.rmtree(out)
        out.mkdir()
        try:
            execute(case.scenario, Options(clock=case.clock), out, listener, planned)
            run = load(out)
            judged = verdict.judge(run)
            verdict.write(run, judged)
            if judged.status in USABLE:
                return
        except InvalidRun as error:
            write_verdict(case, out, "invalid", str(error))
        except ScenarioError as error:  # it would be the same again
            write_verdict(case, out, "error", str(error))
            return
        except Exception as error:
            write_verdict(case, out, "error", f"{type(error).__name__}: {error}")


def archive(folder: Path) -> bytes:
    """What is in a directory, as a zip archive; tables are compressed already."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archived:
        for path in sorted(folder.rglob("*")):
            archived.write(path, path.relative_to(folder))
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """What `archive` packed."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archived:
        archived.extractall(folder)


def write_verdict(case: Case, out: Path, status: Literal["invalid", "error"], why: str) -> None:
    """That of a run that left nothing to judge."""
    Verdict.broken_off(case.key, case.scenario.duration_s, status, why).write(out)


class WhileWanted(Listener):
    """Listens to how far a run is, ends one that nobody waits for any more, and passes on how far it is."""

    def __init__(self, worker: Worker, key: str) -> None:
        self._worker, self._key = worker, key
        self._lines: list[str] = []
        self._told_s, self._stage = 0.0, ""

    def at(self, stage: str, share: float, note: str = "") -> None:
        task = self._worker.state.tasks.get(self._key)
        if task is None or task.state == "cancelled":
            raise Unwanted
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._told_s >= TELL_S:
            self._stage, self._told_s = stage, now_s
            how = {"task": self._key, "stage": stage, "share": share, "note": note, "lines": self._lines}
            self._worker.log_event(TOPIC, how)

    def heard(self, message: Heard) -> None:
        if isinstance(message, Traffic):
            self._lines = told_of(message)


def versions() -> dict[str, str]:
    """What must be the same in two places for a run to give the same tables."""
    kernel = umlkernel.built_kernel()
    installed = {name: importlib.metadata.version(name) for name in ("skybed", *PACKAGES)}
    installed |= {CODE: code(), "Python": platform.python_version()}
    return installed | ({KERNEL: kernel.version} if kernel else {})


def code() -> str:
    """Hash of skybed's source, and of flow kinds that are not its own: what is installed says only the
    version."""
    digest = hashlib.sha256()
    for file in sorted(map(Path, kinds.files())):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    for room in ROOMS:
        for path in sorted((lanes.PACKAGE / room).rglob("*")):
            if path.suffix in SUFFIXES:
                name = str(path.relative_to(lanes.PACKAGE))
                digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _able(virtual: bool) -> dict[str, str] | str:
    """In a worker: its versions, or why no run can be made there."""
    try:
        lanes.choose("auto", virtual)
    except MachineError as error:
        return str(error)
    return versions()


class _Kinds(WorkerPlugin):
    """The flow kinds that are registered here, for a worker, which reads scenarios with such flows."""

    def __init__(self) -> None:
        self._files = kinds.files()

    def setup(self, worker: Worker) -> None:
        for file in self._files:
            kinds.load(file)


class _LeaveCtrlC(WorkerPlugin):
    """A terminal sends Ctrl-C to every process; here only the first is to act on it."""

    def setup(self, worker: Worker) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


# -- outside -----------------------------------------------------------------------------------------


def listen(client: Client, told: Callable[[str, dict[str, Any]], None]) -> None:
    """Have it told how far runs are: the key of a case, and stage, share, note and lines of figures."""

    def pass_on(event: tuple[float, dict[str, Any]]) -> None:
        how = dict(event[1])
        told(how.pop("task").split("-")[0], how)

    client.subscribe_topic(TOPIC, pass_on)


def results(client: Client, cases: Sequence[Case], retries: int) -> Iterator[tuple[Case, bytes | str]]:
    """The runs as they are done, or why there is none: the process that made it was killed, each time.

    Those that are under way end when the client is closed.
    """
    unique = uuid.uuid4().hex  # a key that was cancelled a moment ago would be that old run
    plans = {
        key: client.submit(plan, case, key=f"plan-{key}-{unique}", pure=False)
        for key, case in sharing(cases).items()
    }
    futures = {}
    for case in cases:
        planned = plans.get(_plan_key(case))
        future = client.submit(play, case, retries, planned, key=f"{case.key}-{unique}", pure=False)
        futures[future] = case
    del plans  # each goes with the last run that takes it
    for future in as_completed(list(futures), loop=client.loop):
        yield futures.pop(future), _result(future)
        future.release()  # the run is stored; its worker need not keep it


def sharing(cases: Sequence[Case]) -> dict[str, Case]:
    """Of each plan that several cases have, its key and the first of them."""
    keys = [_plan_key(case) for case in cases]
    shared = {key for key, many in Counter(keys).items() if many > 1}
    return {key: case for key, case in reversed([*zip(keys, cases, strict=True)]) if key in shared}


def _plan_key(case: Case) -> str:
    return case.played.plan_sha256


def _result(future: Future) -> bytes | str:
    try:
        return future.result()
    except KilledWorker as error:
        return f"{type(error).__name__}: {error}"
    except CancelledError:
        raise MachineError(
            "The scheduler is gone, and what it knew; start the campaign again, what is done is kept."
        ) from None
    except Exception as error:  # a run's own errors are in its verdict
        raise MachineError(
            f"A worker cannot make runs: {type(error).__name__}: {error}. See to it and start the campaign "
            "again, what is done is kept."
        ) from error


@contextlib.contextmanager
def of_this_machine(jobs: int, retries: int, scratch: Path) -> Iterator[Client]:
    """Processes of this machine, a run at a time in each. They and their lanes end with this one.

    They speak TLS with keys made for them alone: whoever else reaches their ports could have code run.
    """
    settings = {
        "distributed.scheduler.allowed-failures": retries,
        "distributed.scheduler.worker-saturation": 1.0,  # none waits at a worker, to be blamed for its end
        "distributed.worker.profile.enabled": False,
        "distributed.admin.large-graph-warning-threshold": "1GB",
    }
    with (
        config.set(settings),
        LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, memory_limit=0, security=True,
            dashboard_address=None, local_directory=scratch, silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        client.register_plugin(_LeaveCtrlC())
        client.register_plugin(_Kinds())
        try:
            yield client
        except BaseException:
            for name in ("distributed", "tornado.application", "asyncio"):  # they miss who is ended now
                logging.getLogger(name).setLevel(logging.CRITICAL)
            for worker in cluster.workers.values():  # at once: a run that begins hears of nothing for seconds
                worker.auto_restart = False
                with contextlib.suppress(TypeError, ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            raise


@contextlib.contextmanager
def at(address: str, clock: str) -> Iterator[Client]:
    """The cluster whose scheduler is at an address, once each of its workers can do what is to be done here.

    Raises MachineError where there is none, or a worker that lacks something or has it in another version.
    """
    try:
        client = Client(address, set_as_default=False, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise MachineError(f"{address}: no Dask scheduler answers there ({error}).") from None
    with client:
        threads = client.nthreads()
        if not threads:
            raise MachineError(f"{address}: the scheduler has no workers; start some: dask worker {address}")
        for worker, many in threads.items():
            if clock == "real" and many > 1:
                raise ScenarioError(
                    f"{worker} makes {many} runs at once, which in real time disturb each other; start it "
                    "with --nthreads 1."
                )
        client.register_plugin(_Kinds())
        _same_versions(client, clock == "virtual")
        yield client


def _same_versions(client: Client, virtual: bool) -> None:
    known = versions()
    for worker, answer in client.run(_able, virtual, on_error="return").items():
        if isinstance(answer, Exception):
            raise MachineError(f"{worker} cannot use skybed ({answer}); install {known['skybed']} there.")
        if isinstance(answer, str):
            raise MachineError(f"{worker}: {answer}")
        for name, version in answer.items():
            if known.setdefault(name, version) != version:  # this machine may have no uml kernel
                raise MachineError(
                    f"{worker} has {name} {version}, not {known[name]} as others: runs would not be the "
                    "same. Install the same there."
                )
