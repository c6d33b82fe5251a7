"""Where a User Mode Linux kernel is, and whether it boots. `scripts/machine/kernel.py` builds one.

A built kernel lives in CACHE/uml-VERSION-KEY/linux. KEY is a hash of the recipe (the configuration and
the patches in scripts/machine/uml), so a changed recipe means a new kernel and an old one is never mistaken
for it. CACHE is /var/cache/skybed for what root built, which everyone finds, and the user's own cache
directory for what a user built, which root does not trust.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECIPE = Path(__file__).resolve().parents[2] / "scripts" / "machine" / "uml"
SYSTEM_CACHE = Path("/var/cache/skybed")
PACKAGED = Path("/usr/bin/linux.uml")  # Debian's user-mode-linux; Ubuntu has the same name
MISSING = "No User Mode Linux kernel that boots was found: run `skybed install --kernel`, which builds one."

BOOT_TIMEOUT_S = 60.0
_TOKEN = "skybed: the kernel runs programs"


@dataclass(frozen=True)
class Kernel:
    """A kernel that runs as an ordinary process."""

    path: Path
    version: str  # of Linux, such as "6.12.117"
    built: bool  # from our recipe: everything built in, virtual time, seeds for netem


def recipe_key(recipe: Path = RECIPE) -> str:
    """Twelve hex digits that stand for the configuration and the patches in the folder `recipe`."""
    digest = hashlib.sha256()
    for path in sorted([recipe / "kernel.config", *recipe.glob("*.patch")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def own_cache() -> Path:
    """The directory in which this user's builds are kept."""
    if os.geteuid() == 0:
        return SYSTEM_CACHE
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "skybed"


def built_kernel(caches: Sequence[Path] | None = None) -> Kernel | None:
    """The newest kernel built from the recipe as it is now, or None. It was booted when it was built."""
    key = recipe_key()
    for cache in caches if caches is not None else dict.fromkeys([own_cache(), SYSTEM_CACHE]):
        kernels = [
            Kernel(path, path.parent.name.split("-")[1], built=True)
            for path in cache.glob(f"uml-*-{key}/linux")
            if os.access(path, os.X_OK)
        ]
        if kernels:
            return max(kernels, key=lambda kernel: version_tuple(kernel.version))
    return None


def find_kernel() -> Kernel | None:
    """The kernel to use: a built one, else the distribution's if it boots here, else None."""
    kernel = built_kernel()
    if kernel is None and os.access(PACKAGED, os.X_OK) and boot_failure(PACKAGED) is None:
        shown = subprocess.run([PACKAGED, "--version"], capture_output=True, text=True, check=False)
        kernel = Kernel(PACKAGED, shown.stdout.strip(), built=False)
    return kernel


def boot_failure(path: Path, *arguments: str) -> str | None:
    """Boots a kernel to a program that says so and powers off.

    arguments: further ones for the kernel's command line. Returns None when it worked, else the last
    lines that the kernel printed.
    """
    with tempfile.TemporaryDirectory(prefix="skybed-boot-") as folder:
        # Not a shell script with `halt`: minimal systems have none. 0x4321fedc is RB_POWER_OFF.
        init = Path(folder, "init")
        init.write_text(
            f"#!{sys.executable} -SE\nimport ctypes, os\n"
            f"os.write(1, b'{_TOKEN}\\n')\nctypes.CDLL(None).reboot(0x4321fedc)\n"
        )
        init.chmod(0o755)
        command = [
            str(path), "mem=128M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
            f"init={init}", f"uml_dir={folder}", "con=null", "con0=null,fd:1", *arguments,
        ]  # fmt: skip
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return f"{path}: {error.strerror}"
        try:
            output, _ = process.communicate(timeout=BOOT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nno answer within {BOOT_TIMEOUT_S:.0f} s"
    return None if _TOKEN in output else "\n".join(output.strip().splitlines()[-8:])


def version_tuple(version: str) -> tuple[int, ...]:
    """(6, 12, 117) of "6.12.117"; anything that is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
