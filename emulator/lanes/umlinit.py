"""The first process of a uml guest: mounts, limits, then one command, then power off.

Runs before anything is mounted, with `python -SE`: the standard library only, nothing of skybed's.
"""

import contextlib
import ctypes
import os
import resource
import subprocess
import tty

RB_POWER_OFF = 0x4321FEDC
OPEN_FILES = 1 << 16  # two for each node, and of the recorder one for each end of a link
MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("tmpfs", "/run"),
)
MODULES = (
    "veth",
    "sch_netem",
    "sch_tbf",
    "sch_htb",
    "sch_fq",
    "ipv6",
    "tcp_bbr",
)  # of a kernel not built here
LIMITS = {  # what a host keeps low for fairness between its tenants
    "net/ipv4/icmp_msgs_per_sec": 1_000_000,
    "net/ipv4/icmp_msgs_burst": 1_000_000,
    "net/core/rmem_max": 1 << 26,
    "net/core/wmem_max": 1 << 26,
    "net/core/netdev_max_backlog": 100_000,
    "net/ipv4/neigh/default/gc_thresh3": 1 << 20,
    "net/ipv6/neigh/default/gc_thresh3": 1 << 20,
    "kernel/pty/max": 20_000,
    "kernel/sched_rt_runtime_us": -1,
    "fs/nr_open": 1 << 20,
}


def main(guest: dict) -> None:
    """guest: "command", "channel", "cwd", "environment". Never returns: the machine is off."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, where in MOUNTS:
        with contextlib.suppress(OSError):
            os.makedirs(where, exist_ok=True)
        libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None)
    os.environ.update(guest["environment"], TMPDIR="/run")
    _load_modules()
    for key, value in LIMITS.items():
        with contextlib.suppress(OSError), open(f"/proc/sys/{key}", "w") as file:
            file.write(str(value))
    try:
        _run(guest)
    finally:
        os.sync()
        libc.reboot(RB_POWER_OFF)


def _run(guest: dict) -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        # Opened by a session leader, the terminal becomes its own: Ctrl-C works at the prompt.
        terminal = os.open("/dev/tty0", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(terminal, fd)
        channel = os.open("/dev/ttyS0", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(channel)
        os.dup2(channel, guest["channel"])
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, OPEN_FILES))
        os.chdir(guest["cwd"])
        os.execvpe(guest["command"][0], guest["command"], os.environ)
    while os.wait()[0] != pid:  # and orphans, which are ours as the first process
        pass


def _load_modules() -> None:
    """Debian's packaged kernel has them as modules; in ours they are built in and there is no folder."""
    for parent, _, files in os.walk(f"/usr/lib/uml/modules/{os.uname().release}"):
        for module in files:
            if module.removesuffix(".ko") in MODULES:
                subprocess.run(["insmod", os.path.join(parent, module)], check=False)
