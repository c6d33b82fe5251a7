"""Builds the User Mode Linux kernel, once, from the distribution's kernel source package.

`python -m skybed.scripts.machine.kernel build` builds it unless it is there, `path` prints the kernel to
use; each comes back with 4 and a sentence when this machine cannot. `lacking` is for scripts/install. Needs
the standard library only.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skybed.emulator.lanes.host import can_native
from skybed.emulator.lanes.umlkernel import (
    MISSING,
    RECIPE,
    Kernel,
    boot_failure,
    built_kernel,
    find_kernel,
    own_cache,
    recipe_key,
    version_tuple,
)

SOURCES = Path("/usr/src")
OLDEST, NEWEST = (6, 6), (6, 12)  # netem takes a seed since 6.6; 6.12 is what the recipe was written for
TOOLS = {  # by the package that holds each
    "gcc": "gcc", "make": "make", "flex": "flex", "bison": "bison", "bc": "bc", "patch": "patch",
    "ld": "binutils", "perl": "perl", "xz": "xz-utils", "bzip2": "bzip2",
}  # fmt: skip
C_LIBRARY = Path("/usr/include/stdlib.h")
SPACE_GB = 3
STEPS = 1570  # lines that the build prints, measured with 6.12; only the progress shown depends on it

# What no run can do without: `make olddefconfig` drops an option silently when it cannot be had.
ESSENTIAL = (
    "HOSTFS", "NET_NS", "VETH", "NET_SCH_NETEM", "NET_SCH_HTB", "IPV6", "PACKET", "HIGH_RES_TIMERS",
    "UML_TIME_TRAVEL_SUPPORT", "MCONSOLE", "MAGIC_SYSRQ",
)  # fmt: skip


class KernelError(Exception):
    """The kernel cannot be built here; the message says what to do."""


def kernel_source(folder: Path = SOURCES) -> tuple[Path, tuple[int, ...]]:
    """The tarball of the newest kernel source package that suits the recipe, and its version."""
    tarballs = {}
    for path in folder.glob("linux-source-*.tar.*"):
        match = re.fullmatch(r"linux-source-([\d.]+)\.tar\.(xz|bz2|gz|zst)", path.name)
        if match and OLDEST <= version_tuple(match[1])[:2] <= NEWEST:
            tarballs[version_tuple(match[1])] = path
    if not tarballs:
        raise KernelError(
            f"No kernel source between Linux 6.6 and 6.12 in {folder}: run `skybed install --kernel`, which "
            "installs the package linux-source-6.12 or its like."
        )
    version = max(tarballs)
    return tarballs[version], version


def build() -> Kernel:
    """The kernel of the recipe: the one in a cache, else built now into this user's cache.

    Takes minutes and 3 GB of disk while it runs. Raises KernelError.
    """
    cache = own_cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KernelError(f"{cache}: {error.strerror}; make it writable or set XDG_CACHE_HOME.") from error
    with _locked(cache):
        kernel = built_kernel()
        if kernel is not None:
            return kernel
        _check_packages_and_space(cache)
        tarball, version = kernel_source()
        for stale in cache.glob("build-*"):  # of a build that was killed: the lock is ours now
            shutil.rmtree(stale, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
        try:
            return _build(tarball, version, work, cache)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def patches(version: tuple[int, ...], recipe: Path = RECIPE) -> list[Path]:
    """Those that a kernel gets, in their order. One whose name ends with a version is for that one only: it
    makes a kernel faster, and no different.
    """
    chosen = []
    for patch in sorted(recipe.glob("*.patch")):
        suffix = re.search(r"-(\d+\.\d+)\.patch$", patch.name)
        if not suffix or version_tuple(suffix[1]) == version[:2]:
            chosen.append(patch)
    return chosen


def _build(tarball: Path, version: tuple[int, ...], work: Path, cache: Path) -> Kernel:
    """Unpacks, patches, configures, compiles, boots; what came out is moved into place last."""
    started = time.monotonic()
    with open(cache / "build.log", "w") as log:
        log_path = Path(log.name)

        def run(*command: str | Path, cwd: Path = work) -> None:
            done = subprocess.run(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
            if done.returncode:
                raise _failure(f"{command[0]} failed while building the kernel", log_path)

        say(f"unpacking {tarball.name}")
        run("tar", "-xf", tarball, "--no-same-owner")
        (source,) = (path for path in work.iterdir() if path.is_dir())
        out = work / "out"
        out.mkdir()
        for patch in patches(version):
            run("patch", "-p1", "--forward", "--batch", "-i", patch, cwd=source)

        say("configuring")
        make = ("nice", "-n", "10", "make", "-C", str(source), "ARCH=um", f"O={out}")
        run(*make, "tinyconfig")
        (out / "recipe").write_text((out / ".config").read_text() + (RECIPE / "kernel.config").read_text())
        (out / "recipe").replace(out / ".config")  # the last word on an option counts
        run(*make, "olddefconfig")
        configured = set((out / ".config").read_text().splitlines())
        dropped = [option for option in ESSENTIAL if f"CONFIG_{option}=y" not in configured]
        if dropped:
            raise _failure(f"{tarball.name} cannot be configured with {', '.join(dropped)}", log_path)

        cores = len(os.sched_getaffinity(0))
        say(f"compiling on {cores} cores (once; minutes)")
        _compile([*make, f"-j{cores}", "linux"], log_path)
        shown = subprocess.run([out / "linux", "--version"], capture_output=True, text=True, check=True)
        built = re.match(r"[\d.]+", shown.stdout)
        assert built is not None, shown.stdout

        say("booting it")
        for arguments in ((), ("time-travel=inf-cpu",)):
            failure = boot_failure(out / "linux", *arguments)
            if failure is not None:
                raise KernelError(
                    f"The kernel was built but does not boot here {' '.join(arguments)}:\n{failure}\n"
                    "User Mode Linux needs ptrace, and a temporary directory that is not mounted noexec; "
                    "see `skybed doctor`."
                )
        home = cache / f"uml-{built[0]}-{recipe_key()}"
        ready = work / "ready"
        ready.mkdir()
        shutil.move(out / "linux", ready / "linux")
        (ready / "linux").chmod(0o755)
        shutil.copy(out / ".config", ready / "config")
        ready.chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        ready.rename(home)
    kernel = built_kernel([cache])
    assert kernel is not None
    say(f"Linux {kernel.version} is ready after {time.monotonic() - started:.0f} s: {kernel.path}")
    return kernel


def _compile(command: list[str], log_path: Path) -> None:
    """Runs make, its lines into the log, and shows how far it is."""
    terminal = sys.stdout.isatty()
    shown_at = time.monotonic()
    with (
        open(log_path, "a") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as make,
    ):
        assert make.stdout is not None
        for count, line in enumerate(make.stdout):
            log.write(line)
            now = time.monotonic()
            if now - shown_at >= (0.2 if terminal else 15.0):
                shown_at = now
                share = f"{min(99, 100 * count // STEPS):3d} %"
                if terminal:
                    print(f"\r\033[Kkernel: {share} {line.strip()[:60]}", end="", flush=True)
                else:
                    say(share.strip())
        if terminal:
            print("\r\033[K", end="", flush=True)
    if make.returncode:
        raise _failure("the kernel does not compile", log_path)


def _check_packages_and_space(cache: Path) -> None:
    missing = lacking_packages()
    if missing:
        raise KernelError(
            f"Building the kernel takes the packages {' '.join(missing)}: run `skybed install --kernel`, "
            "which installs them."
        )
    free_gb = shutil.disk_usage(cache).free / 1e9
    if free_gb < SPACE_GB:
        raise KernelError(f"{cache} has {free_gb:.1f} GB free, the build takes {SPACE_GB} GB: make room.")


def lacking_packages() -> list[str]:
    """Debian packages without which the kernel cannot be built; `linux-source` stands for any that suits."""
    lacking = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if not C_LIBRARY.exists():
        lacking.append("libc6-dev")
    try:
        kernel_source()
    except KernelError:
        lacking.append("linux-source")
    return lacking


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One build at a time in a cache; a second one waits and then finds the kernel there."""
    with open(cache / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _failure(what: str, log: Path) -> KernelError:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    return KernelError(f"{tail}\n{what}; the whole log is in {log}.")


def say(text: str) -> None:
    print(f"kernel: {text}", flush=True)


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["build"]:
                build()
            case ["lacking", *options]:
                if (not options and can_native()) or built_kernel():
                    return 0
                print("\n".join(lacking_packages()))
                return 1
            case ["path"]:
                kernel = find_kernel()
                if kernel is None:
                    raise KernelError(MISSING)
                print(kernel.path)
            case _:
                usage = "usage: python -m skybed.scripts.machine.kernel build | path | lacking [--kernel]"
                print(usage, file=sys.stderr)
                return 2
    except KernelError as error:
        print(error, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
