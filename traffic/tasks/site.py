"""A node that takes part in tasks: what it holds, computes, sends, and draws."""

from __future__ import annotations

from typing import Any

from skybed.topologies.model.carried import Carried
from skybed.traffic.nodes import NodeHandle
from skybed.traffic.tasks.battery import Battery, Spans, Work
from skybed.traffic.tasks.computer import Computer
from skybed.traffic.tasks.sending import Mail, Port
from skybed.traffic.timers import Timers

MANY = 1 << 30  # slots, of a node that is given no computer and told how long its jobs take


class Site:
    """number: of the node in the plan."""

    def __init__(self, number: int, node: NodeHandle, on_ground: bool, carries: Carried, mail: Mail) -> None:
        self.number, self.name, self.on_ground, self.carries = number, node.name, on_ground, carries
        self.store = mail.shared.store(number, mail.timers.now_s)
        self.handle = node
        self.port = Port(mail, node, lambda sending: self.sends(1 if sending else -1))
        self.dead = False
        self.camera_free_s = -1e9
        self.expected_s = 0.0  # of computing, of what is on its way
        self._look = 0  # which timer of the battery counts
        self.battery: Battery | None = None
        self._sending = 0  # over how many ways at once

    def begin(self, timers: Timers) -> None:
        """From run time 0 on."""
        carries, self._timers = self.carries, timers
        self.computer = Computer(carries.computing.slots if carries.computing else MANY, timers, self._works)
        if carries.power:
            self.battery = Battery(carries.power, carries.computing, 0.0)
            self._watch()

    @property
    def transmit_w(self) -> float:
        return self.carries.power.transmit_w if self.carries.power else 0.0

    @property
    def compute_w(self) -> float:
        """Of a slot at work."""
        return self.carries.computing.watts if self.carries.computing else 0.0

    def queue_s(self) -> float:
        """How long a job would wait here, about."""
        slots = self.carries.computing.slots if self.carries.computing else MANY
        return self.computer.backlog_s() + self.expected_s / slots

    def done_s(self, now_s: float, arrives_s: float, seconds: float, sunlit: Spans) -> float:
        """When a job of so many seconds would be done that comes at a time: behind what is to be computed
        here before it, and as far as the battery lasts.
        """
        queue_s, slots = self.queue_s(), self.carries.computing.slots if self.carries.computing else MANY
        if not self.battery or not seconds:
            return max(now_s + queue_s, arrives_s) + seconds if seconds else arrives_s
        queue = Work(queue_s, slots * self.compute_w)
        return self.battery.done_s(now_s, queue, arrives_s, Work(seconds, self.compute_w), sunlit)

    def figures(self, t_s: float) -> dict[str, Any]:
        """What it holds, has in its battery and computes now; None: no limit, no battery. jobs: in slots."""
        told = {
            "node": self.name, "held_bytes": self.store.held_bytes, "room_bytes": self.store.room_bytes,
            "jobs": self.computer.running, "waiting": self.computer.waiting, "dead": self.dead,
        }  # fmt: skip
        if not self.battery:
            return told
        pct = 100 * self.battery.level_wh(t_s) / self.battery.power.battery_wh
        return told | {
            "battery_pct": round(pct, 2), "sunlit": self.battery.sunlit, "paused": self.battery.paused,
            "solar_w": self.battery.solar_w, "load_w": self.battery.load_w,
        }  # fmt: skip

    def shines(self, sunlit: bool) -> None:
        """The Sun does, or no longer."""
        assert self.battery
        self.battery.shines(self._timers.now_s(), sunlit)
        self._watch()

    def draws(self, what: str, watts: float) -> None:
        """So much more than before, see Battery.draws."""
        if self.battery and watts:
            self.battery.draws(self._timers.now_s(), what, watts)
            self._watch()

    def close(self, until_s: float) -> None:
        if self.battery:
            self.battery.close(until_s)

    def sends(self, more: int) -> None:
        """Over so many ways more than before; who sends over several draws what one takes."""
        before, self._sending = self._sending, self._sending + more
        self.draws("transmit", ((self._sending > 0) - (before > 0)) * self.transmit_w)

    def _works(self, slots: int) -> None:
        self.draws("compute", slots * self.compute_w)

    def _watch(self) -> None:
        """Pause, or let go on, when the battery has come to that level."""
        battery = self.battery
        assert battery
        due_s = battery.next_s()
        self._look += 1
        look = self._look
        if due_s is not None:
            self._timers.at(due_s, lambda: self._turn() if look == self._look else None)

    def _turn(self) -> None:
        battery = self.battery
        assert battery
        paused = not battery.paused
        battery.pauses(self._timers.now_s(), paused)
        self.computer.pause(paused)
        self._watch()
