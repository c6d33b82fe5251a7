"""Boots the machine that scripts/check-native has made, and tells what its checks saw.

    python -m skybed.scripts.machine.native.boot [--long] FOLDER

FOLDER holds vmlinuz, initrd.img and disk; `results` in it is shared with the machine, for what is wanted of
it and what came of it. Needs no package of Python.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from skybed.scripts.machine.native import results
from skybed.scripts.machine.native.results import Result

MEMORY_MB = 3072
PATIENCE_S = {False: 2400, True: 7200}  # by whether it is the long form; of the wall's clock, for all
LOOK_S = 1.0
# Emulated time is instructions, a thousand million a second, and idle time is skipped: so what is measured
# does not depend on how busy this machine is. numpy with emulated AVX has died.
EMULATED = ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-cpu", "max,la57=off,-avx,-avx2,-fma,-f16c"]
WITHOUT_KVM = (
    "Emulated, without KVM: times are those of a processor of 10^9 instructions a second, and limits of "
    f"timing are wider: {', '.join(f'{name} {limit}' for name, limit in results.WIDER.items())}."
)
HARDWARE = ["-accel", "kvm", "-cpu", "host"]


def arguments(folder: Path, disk_bytes: int, kvm: bool) -> list[str]:
    """Of QEMU: one CPU, no network, the console to its output; what is written to the disk is forgotten.

    The disk is memory to the machine: with a virtual disk emulated time runs on while it waits for it.
    """
    most_mb = MEMORY_MB + 2 * disk_bytes // 2**20
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-serial", "stdio", "-nic", "none", *(HARDWARE if kvm else EMULATED), "-smp", "1",
        "-machine", "pc,nvdimm=on", "-m", f"{MEMORY_MB}M,slots=2,maxmem={most_mb}M",
        "-object", f"memory-backend-file,id=disk,share=off,mem-path={folder / 'disk'},size={disk_bytes}",
        "-device", "nvdimm,memdev=disk",
        "-virtfs", f"local,path={folder / 'results'},mount_tag=results,security_model=none",
        "-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img"),
        "-append", "root=/dev/pmem0 rw console=ttyS0 panic=-1 quiet",
    ]  # fmt: skip


def has_kvm(cpuinfo: str, device: Path = Path("/dev/kvm")) -> bool:
    """Whether the processor can: a device that is there without it boots nothing."""
    return bool(re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpuinfo, re.M)) and os.access(device, os.W_OK)


def boot(folder: Path, long: bool, kvm: bool) -> tuple[list[str], list[Result]]:
    """The names of the checks that were wanted, and what came of those that ended; each is told at once."""
    names, came = results.wanted(long), folder / "results" / "results.jsonl"
    (folder / "results" / "wanted.json").write_text(json.dumps({"names": names, "emulated": not kvm}))
    command = arguments(folder, (folder / "disk").stat().st_size, kvm)
    begun_s, found = time.monotonic(), 0
    with (
        open(folder / "console.txt", "wb") as console,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console) as machine,
    ):
        try:
            over = False
            while not over:
                time.sleep(LOOK_S)
                wall_s = time.monotonic() - begun_s
                over = machine.poll() is not None or wall_s > PATIENCE_S[long]
                so_far = results.parse(came.read_text()) if came.exists() else []
                for result in so_far[found:]:
                    print(f"   {wall_s:5.0f} s  {result.name}: {'yes' if result.ok else 'NO'}", flush=True)
                found = len(so_far)
        finally:
            machine.kill()
    return names, so_far


def main() -> int:
    *options, name = sys.argv[1:]
    folder = Path(name).absolute()
    kvm = has_kvm(Path("/proc/cpuinfo").read_text())
    begun_s = time.monotonic()
    names, came = boot(folder, options == ["--long"], kvm)
    wall_s, used = time.monotonic() - begun_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"== {wall_s:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of a processor")
    print("With KVM: times are the machine's own." if kvm else WITHOUT_KVM)
    print(results.table(names, came), end="")
    if len(came) < len(names):
        print("The console's last lines:", *console_end(folder), sep="\n   ")
    return 0 if results.hold(names, came) else 1


def console_end(folder: Path) -> list[str]:
    return (folder / "console.txt").read_text(errors="replace").splitlines()[-15:]


if __name__ == "__main__":
    sys.exit(main())
