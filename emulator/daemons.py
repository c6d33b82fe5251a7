"""Routing daemons: BIRD 2 in every node's namespace, where the scenario's routing is not the oracle's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emulator import host
from emulator.messages import packed
from emulator.net import Sky
from emulator.node import SkyNode
from topologies.errors import InvalidRun, MachineError

if TYPE_CHECKING:
    from topologies.plan import Plan
    from topologies.scenario import Scenario

COST_S = 1e-4  # the one-way delay that costs 1
COST_MAX = 65_535
COST_LOOKS = 16  # at a contact's delay
APART_S = 0.02  # starts of two daemons; BIRD works its routes out once a second, so fifty ways apart
POLL_S = 1.0
SETTLED_S = 5.0  # so long must all tables stay as they are before they count as converged
ANSWER_S = 2.0
LAST_LINES = 8


def program(scenario: Scenario) -> str:
    """The path of the daemon that a scenario's routing needs, "" if it needs none."""
    if not scenario.routing.by_daemons:
        return ""
    path = host.find_tool("bird")
    if path is None:
        raise MachineError(
            f"{scenario.where('routing', 'protocol')} is {scenario.routing.protocol}, which needs BIRD 2 "
            "(package bird2); scripts/install installs it."
        )
    return path


def link_costs(plan: Plan) -> np.ndarray:
    """int[links]: the mean one-way delay while a link stands, in units of COST_S, 1 to COST_MAX.

    A daemon's costs are fixed when it starts: one that followed the delay would flood the network with every
    change of it.
    """
    link = plan.contacts["link"].to_numpy()
    start_s, end_s = (plan.contacts[end].to_numpy()[:, None] for end in ("start_s", "end_s"))
    look_s = start_s + (end_s - start_s) * (np.arange(COST_LOOKS) + 0.5) / COST_LOOKS
    mean_s = plan.delay_s(link[:, None], look_s).mean(axis=1)
    lasts_s = (end_s - start_s)[:, 0]
    total_s = np.bincount(link, lasts_s, len(plan.links))
    weighed = np.bincount(link, mean_s * lasts_s, len(plan.links))
    delay_s = np.divide(weighed, total_s, out=np.zeros(len(plan.links)), where=total_s > 0)
    return np.clip(np.round(delay_s / COST_S), 1, COST_MAX).astype(int)


def configurations(plan: Plan) -> Iterable[tuple[str, str]]:
    """(node, configuration) of every node: the same for the same plan."""
    import jinja2  # takes a tenth of a second, which a run without daemons need not spend

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template, rule = environment.get_template("bird.config"), plan.scenario.routing
    costs: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for link, cost in zip(plan.links, link_costs(plan).tolist(), strict=True):
        costs[link.a].append((plan.nodes[link.b].name, cost))
        costs[link.b].append((plan.nodes[link.a].name, cost))
    for i, node in enumerate(plan.nodes):
        yield node.name, template.render(
            name=node.name, ip=node.ip, ip6=node.ip6, costs=sorted(costs[i]),
            transit=rule.ground_relay or node.kind == "satellite", hello_s=rule.hello_s, dead_s=rule.dead_s,
            bfd_interval_ms=rule.bfd_interval_ms if rule.protocol == "ospf+bfd" else None,
            bfd_multiplier=rule.bfd_multiplier,
        )  # fmt: skip


class Daemons:
    """The daemons of a sky; none, and nothing to wait for, where the oracle routes.

    folder: where each node's NODE.conf and NODE.log are kept. All are one process group, so that one system
    call tells whether any has ended, and one ends them all.
    """

    def __init__(self, sky: Sky, folder: Path):
        self._sky, self._folder = sky, folder
        self._processes: dict[int, subprocess.Popen] = {}
        self._nodes: dict[int, SkyNode] = {}  # both by process number
        self._group = 0
        self._sockets = Path()
        self.version = ""

    def start(self) -> None:
        """Start one on every node, APART_S apart: else all would work at the same instants, as routers do
        not, and wait for one another. Links may come and go from then on.
        """
        plan = self._sky.plan
        bird = program(plan.scenario)
        if not bird:
            return
        self._folder.mkdir(exist_ok=True)
        self._sockets = Path(tempfile.mkdtemp(prefix="skybed-routing-"))
        for name, configuration in configurations(plan):
            (self._folder / f"{name}.conf").write_text(configuration)
            with open(self._log(name), "w") as log:
                process = self._sky[name].popen(
                    [bird, "-f", "-c", str(self._folder / f"{name}.conf"), "-s", str(self._sockets / name)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=False, process_group=self._group,
                )  # fmt: skip
            self._group = self._group or process.pid
            self._processes[process.pid], self._nodes[process.pid] = process, self._sky[name]
            time.sleep(APART_S)

    def await_convergence(self, limit_s: float, progress: Callable[[], None]) -> None:
        """Wait until every node has a route to every other that it can reach at run time 0, and none changes
        any more. Raises MachineError for a daemon that does not run, InvalidRun when the time is over.

        progress: called at every look, once a second.
        """
        if not self._processes:
            return
        deadline_s = time.monotonic() + limit_s
        wanted, before, since_s = self._wanted(), list[dict[bytes, str]](), 0.0
        while True:
            progress()
            if said := self.fallen():
                raise MachineError(said)
            mute = self._mute()
            tables = [_routes(node) for node in self._sky.sky_nodes]
            now_s = time.monotonic()
            if tables != before:
                before, since_s = tables, now_s
            lacking = [len(want - table.keys()) for want, table in zip(wanted, tables, strict=True)]
            if not mute and not any(lacking) and now_s - since_s >= SETTLED_S:
                return
            if now_s >= deadline_s:
                raise InvalidRun(self._not_converged(limit_s, mute, lacking))
            time.sleep(POLL_S)

    def fallen(self) -> str | None:
        """A sentence about a daemon that has ended by itself, if there is one."""
        if not self._processes:
            return None
        ended = os.waitid(os.P_PGID, self._group, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        name = self._nodes[ended.si_pid].name
        how = "exit code" if ended.si_code == os.CLD_EXITED else "signal"
        return f"BIRD on {name} ended with {how} {ended.si_status}. {self._last_words(name)}"

    def facts(self) -> dict:
        """For the manifest: `routing` with the protocol and, of daemons, their version and the mean of their
        resident memory, all and without shared pages of files, in MiB."""
        found: dict[str, object] = {"protocol": self._sky.plan.scenario.routing.protocol}
        if self._processes:
            status = [Path(f"/proc/{pid}/status").read_text() for pid in self._processes]
            found["daemon"] = self.version
            for key, field in (("memory_mib", "VmRSS:"), ("private_memory_mib", "RssAnon:")):
                sizes = [int(text.partition(field)[2].split()[0]) for text in status if field in text]
                found[key] = round(sum(sizes) / 1024 / max(len(sizes), 1), 2)
        return {"routing": found}

    def stop(self) -> None:
        """End all at once: their routes go with their namespaces."""
        if self._processes:
            os.killpg(self._group, signal.SIGKILL)
            for process in self._processes.values():
                process.wait()
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._processes.clear()

    def _wanted(self) -> list[set[bytes]]:
        """Of each node the destinations that it is to have a route to at run time 0."""
        reachable = self._sky.plan.reachable(0.0)
        ips = [[packed(node.ip), packed(node.ip6)] for node in self._sky.sky_nodes]
        return [{ip for i in np.flatnonzero(row) for ip in ips[i]} for row in reachable]

    def _mute(self) -> list[str]:
        """Nodes whose daemon does not answer at its control socket."""
        return [node.name for node in self._nodes.values() if not self._answers(node.name)]

    def _answers(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(ANSWER_S)
            try:
                control.connect(str(self._sockets / name))
                greeting = control.recv(256).decode()  # 0001 BIRD 2.0.12 ready.
            except OSError:
                return False
        self.version = greeting.removeprefix("0001 ").removesuffix("\n").removesuffix(" ready.")
        return greeting.startswith("0001 ")

    def _not_converged(self, limit_s: float, mute: list[str], lacking: list[int]) -> str:
        began = f"Routing did not converge in the {limit_s:.0f} s before run time 0: "
        if mute:
            name, what = mute[0], f"BIRD on {mute[0]} does not answer."
        elif any(lacking):
            worst = int(np.argmax(lacking))
            name = self._sky.sky_nodes[worst].name
            what = f"{np.count_nonzero(lacking)} nodes lack routes, {name} {lacking[worst]} of them."
        else:
            return f"{began}routes kept changing."
        return f"{began}{what} {self._last_words(name)}"

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text().splitlines()[-LAST_LINES:]
        if not lines:
            return f"Its log, {self._log(name)}, is empty."
        return "\n  ".join([f"The last lines of its log, {self._log(name)}:", *lines])

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _routes(node: SkyNode) -> dict[bytes, str]:
    """The interface to each destination, packed, of a node's tables of both families."""
    with node.namespace.entered():
        four, six = (Path(f"/proc/thread-self/net/{name}").read_text() for name in ("route", "ipv6_route"))
    found = {}
    for line in four.splitlines()[1:]:
        interface, destination = line.split(None, 2)[:2]
        found[struct.pack("=I", int(destination, 16))] = interface
    for line in six.splitlines():
        destination, *_, interface = line.split()
        found[bytes.fromhex(destination)] = interface
    return found
