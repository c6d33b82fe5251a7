"""The two lanes: ways to run a program in a Linux kernel that can do what a sky needs.

native: the running kernel, in network, mount and process namespaces of its own.
uml: a User Mode Linux kernel, an ordinary process, with this machine's files as its root.

Either way everything that the program makes ends with it, however it ends: namespaces, links, processes.
And the machine's own network namespace never has an address or a route of a scenario.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from skybed.emulator.lanes import channel, host, mconsole, umlkernel
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.lanes.wiring import Wiring
from skybed.topologies.errors import MachineError

PACKAGE = Path(__file__).absolute().parents[2]  # the folder skybed; not resolved: its rooms may be links
ROOT = PACKAGE.parent  # from here Python finds the package
# Environment variables of every process of a run, by which `clean` finds it: its directory, its skybed's pid.
MARK, OWNER = "SKYBED_RUN", "SKYBED_PID"
TEMPORARY = "skybed-lane-"
LOG = "log.txt"
REFUSED = b"UML ran out of memory on the host side"  # as a uml kernel says before it ends a process
ADDR_NO_RANDOMIZE = 0x0040000  # <sys/personality.h>
# Of Python in the guest. Compiled files that one run writes and the next reads would leave a trace in time.
REPEATABLE = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
GUEST_VARIABLES = ("HOME", "LANG", "TERM", "COLUMNS", "LINES")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # signals that ask to end
# What a uml kernel says when a process of its own is no longer there (3: ESRCH), or got a signal here.
COMPLAINT = re.compile(rb"\w+ +[-:] .*(?:errno = 3\s*$|failed to wait for SIGTRAP|child stopped with signal)")
LEAST_OPEN_FILES = 256  # of a uml kernel; a sky of three nodes takes a hundred
ZOMBIE_LOOKS = 12  # in a row, not a time: a machine may stand still
LONGEST_LINE = 1000
# A worker of the kernel's, as long as it frees network namespaces; also the one that helps out.
FREEING = re.compile(r"(kworker/.*|netns)\+netns$")
FREED_S, FREED_LOOKS, FREED_LOOK_S = 120.0, 5, 0.1  # in a row: what has just ended may not be its work yet
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1
VIRTUAL_LEAD_S = 60  # for all that comes before a run and does wait


@dataclass(frozen=True)
class Lane:
    """A lane that runs. channel: to the command's descriptor channel.DESCRIPTOR; it ends with the lane.
    folder: of its own, as long as it runs. complained: set once its kernel has missed a process, see `hurt`.
    """

    process: subprocess.Popen[bytes]
    channel: Channel
    folder: Path
    complained: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class VirtualTime:
    """Time of a uml kernel that does not pass by itself: idle time is skipped, work takes none.

    zero_ns: run time 0, ns since 1970; the kernel boots VIRTUAL_LEAD_S before it. seed: of all its random
    numbers.
    """

    zero_ns: int
    seed: int

    def arguments(self) -> list[str]:
        return [
            "time-travel=inf-cpu",
            f"time-travel-start={self.zero_ns - VIRTUAL_LEAD_S * 1_000_000_000}",
            f"skybed.seed={self.seed}",
            "norandmaps",
        ]


def choose(wanted: str, virtual: bool = False) -> str:
    """The lane, native or uml: what is wanted if this machine can, what it can if `auto` is wanted.

    virtual: time is to be virtual, which only a uml kernel that skybed has built can do.
    """
    if virtual:
        if wanted == "native":
            raise MachineError(
                "Virtual time needs the uml lane: the time of a running kernel cannot be skipped."
            )
        if umlkernel.built_kernel() is None:
            raise MachineError(
                "Virtual time needs a uml kernel of ours; `skybed install --kernel` builds it."
            )
        return "uml"
    if wanted == "auto":
        choice = host.choose_lane()
        if choice.lane is None:
            raise MachineError(f"No lane can run here: {choice.why}. Run `skybed doctor` for the remedies.")
        return choice.lane
    if wanted == "native" and not (native := host.can_native()):
        raise MachineError(f"The native lane cannot run here: {native.why}; take --lane uml.")
    if wanted == "uml" and umlkernel.find_kernel() is None:
        raise MachineError(umlkernel.MISSING)
    return wanted


@contextlib.contextmanager
def running(
    lane: str,
    command: Sequence[str],
    run: Path,
    memory_mb: int,
    interactive: bool = False,
    virtual: VirtualTime | None = None,
    read_only: bool = False,
    wiring: Wiring | None = None,
) -> Iterator[Lane]:
    """The lane with `command` running in it; whatever is left of it when the block ends, is ended.

    What the command prints, and in uml the kernel, goes to log.txt in the directory `run`. interactive: to
    this terminal instead, from which the command reads, if it is one. virtual: uml only. read_only: of the
    machine's files, those below `run` alone may change. wiring: to other uml kernels of the sky; is closed.
    """
    if read_only:
        _require_read_only()
    ours, theirs = socket.socketpair()
    complained = threading.Event()
    with (
        _undisturbed() as from_now_on,
        temporary(run) as scratch,
        _own_cpu(virtual is not None) as cpu,
        ours,
    ):
        start = _native if lane == "native" else _uml
        arguments, environment = start(command, scratch, memory_mb)
        if virtual:
            arguments += virtual.arguments()
        if wiring:
            arguments.append(wiring.argument())
        if read_only:
            environment = {"TMPDIR": str(scratch)} | environment
            arguments = _keeping(arguments, run.absolute(), scratch, environment["TMPDIR"])
        pipe = None if interactive else subprocess.PIPE
        terminal = interactive and sys.stdin.isatty()
        process = subprocess.Popen(
            arguments,
            stdin=None if terminal else subprocess.PIPE,
            stdout=pipe,
            stderr=None if interactive else subprocess.STDOUT,
            env={**os.environ, **environment, MARK: str(run.absolute()), OWNER: str(os.getpid())},
            cwd=scratch,
            preexec_fn=partial(
                _before_exec,
                cpu,
                virtual is not None,
                [theirs.fileno(), *(wiring.descriptors() if wiring else [])],
            ),
            close_fds=False,  # those of Python's close themselves, but for the channel
            start_new_session=not interactive,  # Ctrl-C is ours to pass on
        )
        theirs.close()
        if wiring:
            wiring.close()
        with _kept(process.stdout, run / LOG, complained), _terminal_restored(interactive):
            try:
                yield Lane(process, Channel(ours.fileno(), listens=False), scratch, complained)
            finally:
                from_now_on()
                process.kill()
                process.wait()
                if process.stdin:
                    process.stdin.close()
                end_processes(run)


def _keeping(arguments: Sequence[str], *folders: str | Path) -> list[str]:
    """A command with all files read-only but those in some folders."""
    program = [sys.executable, "-SE", str(PACKAGE / "emulator" / "lanes" / "readonly.py")]
    return [*program, *map(str, folders), "--", *arguments]


def _require_read_only() -> None:
    tried = subprocess.run(_keeping(["true"]), capture_output=True, text=True)
    if tried.returncode:
        why = (tried.stderr.strip().splitlines() or [""])[-1]
        raise MachineError(
            "--read-only needs a mount namespace of its own, by Linux 5.12 or newer, which this machine "
            f"does not give ({why}); leave it out."
        )


def crash(lane: Lane) -> str | None:
    """End a lane that hangs, and tell which process of its it was running, if that can be found out.

    A native lane's processes share the machine's processors; none is told.
    """
    return mconsole.crash(Path(f"/proc/{lane.process.pid}/cwd"))


def hurt(lane: Lane) -> Callable[[], bool]:
    """What tells, asked now and then, whether somebody killed a process of a lane from outside.

    In a uml lane each process of the guest's is one here. If it is killed the guest's kernel does not know of
    it before it lets it run: then it says so and ends the process as if that were to blame, whoever waits for
    it. Until then what is left of it is a zombie, which else does not outlast an instant.
    """
    looks: dict[int, int] = {}  # in a row at which a process was a zombie, by pid

    def look() -> bool:
        dead = {pid: looks.get(pid, 0) + 1 for pid in _children(lane.process.pid) if _state(pid) == "Z"}
        looks.clear()
        looks.update(dead)
        return lane.complained.is_set() or any(count > ZOMBIE_LOOKS for count in dead.values())

    return look


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _state(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def shortage(run: Path) -> str:
    """A sentence with the remedy if a process in a uml lane got no more memory of this machine, else ""."""
    log = run / LOG
    if not log.exists() or REFUSED not in log.read_bytes():
        return ""
    return (
        "This machine gave a process in the lane no more memory, or no more mappings of it. As root run "
        f"`sysctl -w vm.max_map_count={2 * host.most_mappings()}`, or make less data be held at once."
    )


def _native(command: Sequence[str], scratch: Path, memory_mb: int) -> tuple[list[str], dict[str, str]]:
    options = ["--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", f"--wd={ROOT}"]
    return [host.find_tool("unshare") or "unshare", *options, *command], {}


def _uml(command: Sequence[str], scratch: Path, memory_mb: int) -> tuple[list[str], dict[str, str]]:
    kernel = umlkernel.find_kernel()
    if kernel is None:
        raise MachineError(umlkernel.MISSING)
    memory = host.memory_dir(memory_mb)
    if memory is None:
        raise MachineError(
            f"The uml kernel needs {memory_mb} MB in /dev/shm or $TMPDIR; free some, or set TMPDIR to a "
            "directory that has it and is not mounted noexec."
        )
    if 0 <= (most := _open_files()[1]) < LEAST_OPEN_FILES:
        raise MachineError(
            f"The uml kernel holds {LEAST_OPEN_FILES} files open or more, and {most} are allowed; raise the "
            "hard limit (`ulimit -Hn`)."
        )
    guest = {
        "command": list(command),
        "channel": channel.DESCRIPTOR,
        "cwd": str(ROOT),
        "environment": {name: os.environ[name] for name in GUEST_VARIABLES if name in os.environ}
        | {"PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}", **REPEATABLE},
    }
    init = scratch / "init"
    init.write_text(
        f"#!{sys.executable} -SE\nimport runpy, json\n"
        f"main = runpy.run_path({str(PACKAGE / 'emulator' / 'lanes' / 'umlinit.py')!r})['main']\n"
        f"main(json.loads({json.dumps(guest)!r}))\n"
    )
    init.chmod(0o755)
    # The paths are relative to the scratch directory: its name is another each time, and the kernel takes its
    # first random numbers from this line.
    arguments = [
        str(kernel.path), f"mem={memory_mb}M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
        "init=/proc/self/cwd/init", "uml_dir=./", f"umid={mconsole.UMID}", "con=null", "con0=fd:0,fd:1",
        f"ssl0=fd:{channel.DESCRIPTOR}", "quiet", "fb_tunnels=none",
    ]  # fmt: skip
    return arguments, {"TMPDIR": str(memory)}


@contextlib.contextmanager
def _own_cpu(virtual: bool) -> Iterator[int | None]:
    """The CPU to keep a lane on, which no other lane has, or None.

    A uml kernel runs on one CPU at a time and had better stay there: its every system call is a hand-over
    between two processes of ours, which costs 6 us on one CPU and 47 us across two. By the real clock it also
    takes that CPU's time before others, so it must be root and leave the first to them. In virtual time lanes
    begin at the first, so that one by the real clock beside them finds the last. Lanes of other runs are kept
    off by a name that only one socket can have, and that goes with its process.
    """
    cpus = sorted(os.sched_getaffinity(0))
    if not virtual:
        cpus = cpus[:0:-1] if os.geteuid() == 0 else []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim:
        free = next((cpu for cpu in cpus if _bound(claim, f"\0skybed-cpu-{cpu}")), None)
        yield cpus[os.getpid() % len(cpus)] if free is None and virtual else free


def _bound(claim: socket.socket, name: str) -> bool:
    try:
        claim.bind(name)
    except OSError:
        return False
    return True


def _open_files() -> tuple[int, int]:
    """How many a process may have: now, and if it asks for more (-1: any number)."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def _before_exec(cpu: int | None, virtual: bool, theirs: Sequence[int]) -> None:
    """In the child: be killed when skybed is, even by kill -9, and keep time before others are served.

    theirs: descriptors, which it has from channel.DESCRIPTOR on.

    Without random addresses: a uml kernel has as much memory as lies between its program and its heap.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.personality(ADDR_NO_RANDOMIZE)
    most = _open_files()[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a uml kernel holds its guest's open
    above = channel.DESCRIPTOR + len(theirs)  # none is to be closed by another that takes its number
    for number, copy in enumerate([fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in theirs]):
        os.dup2(copy, channel.DESCRIPTOR + number)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
        if not virtual:
            with contextlib.suppress(PermissionError):  # root of a container
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


@contextlib.contextmanager
def _undisturbed() -> Iterator[Callable[[], None]]:
    """Gives what makes the rest of the block deaf to signals that would interrupt it: it cleans up."""
    before: dict[signal.Signals, Any] = {}

    def from_now_on() -> None:
        if threading.current_thread() is threading.main_thread():
            before.update((number, signal.signal(number, signal.SIG_IGN)) for number in ENDING)

    try:
        yield from_now_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def temporary(run: Path) -> Iterator[Path]:
    """A directory of a run's that lasts as long as the block; `remove_leftovers` knows it."""
    scratch = Path(tempfile.mkdtemp(prefix=TEMPORARY))
    (scratch / "run").write_text(f"{os.getpid()} {run.absolute()}\n")
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _kept(output: IO[bytes] | None, path: Path, complained: threading.Event) -> Iterator[None]:
    """What comes is kept in a file, as it is, up to its end. complained: set once COMPLAINT is among it."""
    if output is None:
        yield
        return

    def keep() -> None:
        line = b""
        with open(path, "wb", buffering=0) as file:
            while more := os.read(output.fileno(), channel.AT_ONCE):
                with contextlib.suppress(OSError):  # a disk that is full: tables tell of it
                    file.write(more)
                *whole, line = (line[-LONGEST_LINE:] + more).split(b"\n")
                if any(COMPLAINT.match(text) for text in whole):
                    complained.set()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        keeper.join()
        output.close()


@contextlib.contextmanager
def _terminal_restored(interactive: bool) -> Iterator[None]:
    """The uml console makes a terminal raw; one that is killed leaves it so."""
    if not (interactive and sys.stdin.isatty()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


# -- what is left of a run that was killed -----------------------------------------------------------


def end_processes(run: Path | None = None) -> int:
    """Kill every process of a run (of any whose skybed is gone, if None), by pid; returns how many."""
    ended = 0
    for pid in _processes_of(run):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            ended += 1
    return ended


def _processes_of(run: Path | None) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            lines = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # gone, or another user's
        variables = dict(line.partition("=")[::2] for line in lines)
        if MARK in variables and (
            variables[MARK] == str(run.absolute()) if run else not _lives(variables.get(OWNER, ""))
        ):
            yield int(entry.name)


def _lives(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


def wait_until_freed() -> bool:
    """Whether the kernel has freed the network namespaces of what has ended, once it has or FREED_S are over.

    It does so afterwards, and takes seconds for many. Those of others on this machine are waited for too.
    """
    until_s, looks = time.monotonic() + FREED_S, 0
    while looks < FREED_LOOKS and time.monotonic() < until_s:
        time.sleep(FREED_LOOK_S)
        looks = 0 if _kernel_frees() else looks + 1
    return looks == FREED_LOOKS


def _kernel_frees() -> bool:
    for name in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # gone
            if FREEING.match(name.read_text()):
                return True
    return False


class Begun(NamedTuple):
    """A lane of any skybed. pid: of that skybed; folder: of the lane."""

    pid: int
    run: Path
    folder: Path


def all_begun() -> Iterator[Begun]:
    """Those whose skybed is still there."""
    for record in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*/run"):
        with contextlib.suppress(OSError, ValueError):
            pid, _, run = record.read_text().strip().partition(" ")
            if _lives(pid):
                yield Begun(int(pid), Path(run), record.parent)


def remove_leftovers() -> list[Path]:
    """Remove the temporary directories of lanes whose skybed is gone."""
    removed = []
    for scratch in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        try:
            pid = (scratch / "run").read_text().partition(" ")[0]
        except (OSError, ValueError):
            pid = ""
        if not _lives(pid):
            shutil.rmtree(scratch, ignore_errors=True)
            removed.append(scratch)
    return removed
