"""Wires between uml kernels that play one sky in virtual time: see scripts/machine/uml/wire.patch."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from skybed.emulator.lanes import channel

MOST_KERNELS = 32  # that know each other, by wire.patch
FIRST = channel.DESCRIPTOR + 1  # of a kernel's descriptors
# What a kernel and another share, in bytes: two windows each way, of which only what is sent takes memory.
SHARED_BYTES = 4 * (64 << 20)


class End(NamedTuple):
    """Of a wire. memory: a descriptor; second: whether this kernel is the second of the two."""

    socket: socket.socket
    memory: int
    second: bool


@dataclass(frozen=True)
class Wiring:
    """What one kernel has of it: an end to each other one, in order. one_way_ns: what a packet takes."""

    one_way_ns: int
    ends: list[End]

    def descriptors(self) -> list[int]:
        """To be the kernel's, from FIRST on."""
        return [number for end in self.ends for number in (end.socket.fileno(), end.memory)]

    def argument(self) -> str:
        numbers = itertools.count(FIRST)
        ends = ",".join(f"{next(numbers)},{next(numbers)},{end.second:d}" for end in self.ends)
        return f"skybed.wire={self.one_way_ns},{ends}"

    def close(self) -> None:
        """Here: once the kernel has its own, and must see the others end."""
        for end in self.ends:
            end.socket.close()
            with contextlib.suppress(OSError):
                os.close(end.memory)
        self.ends.clear()


@contextlib.contextmanager
def wired(kernels: int, one_way_ns: int) -> Iterator[list[Wiring]]:
    """For each of so many kernels what it has. What is left of it when the block ends, is closed."""
    every = [Wiring(one_way_ns, []) for _ in range(kernels)]
    try:
        for first, second in itertools.combinations(every, 2):
            memory = os.memfd_create("skybed-wire")
            os.ftruncate(memory, SHARED_BYTES)
            ends = socket.socketpair()
            first.ends.append(End(ends[0], memory, second=False))
            second.ends.append(End(ends[1], os.dup(memory), second=True))
        yield every
    finally:
        for wiring in every:
            wiring.close()
