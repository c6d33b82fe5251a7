"""Start a program that can change no file of this machine, but below some folders.

    python -SE readonly.py FOLDER... -- PROGRAM ARGUMENT...

It gets a mount namespace of its own, in which all that is mounted is read-only, and the folders are not. The
namespace is that of a user namespace, too, if whoever starts it is not root. With the standard library only.
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000  # <linux/sched.h>
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18  # <linux/mount.h>, as the next ones
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
MOUNT_SETATTR = 442  # the number of the system call, on all kinds of processors; Linux 5.12

libc = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    """struct mount_attr."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def main(words: list[str]) -> None:
    dashes = words.index("--")
    folders, program, here = words[:dashes], words[dashes + 1 :], os.getcwd()
    separate()
    for folder in folders:
        _check(libc.mount(folder.encode(), folder.encode(), None, MS_BIND | MS_REC, None), folder)
    _set("/", Attributes(set=MOUNT_ATTR_RDONLY))
    for folder in folders:
        _set(folder, Attributes(clear=MOUNT_ATTR_RDONLY))
    os.chdir(here)  # anew: where it was is below what is read-only now
    os.execvp(program[0], program)


def separate() -> None:
    """Leave the machine's mount namespace."""
    user, group = os.geteuid(), os.getegid()
    _check(libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)), "a mount namespace")
    if user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "/")


def _set(folder: str, attributes: Attributes) -> None:
    done = libc.syscall(
        MOUNT_SETATTR,
        AT_FDCWD,
        folder.encode(),
        AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    _check(done, folder)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    main(sys.argv[1:])
