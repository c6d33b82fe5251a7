"""Routing daemons in the nodes' namespaces, where the scenario's routing is not the oracle's.

What depends on the software is in emulator/daemons/suites.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skybed.emulator.daemons import routers, suites
from skybed.emulator.daemons.routers import Router
from skybed.emulator.kernel.addresses import packed
from skybed.topologies.errors import InvalidRun, MachineError, ScenarioError
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Playable

if TYPE_CHECKING:
    from skybed.emulator.sky.net import Sky
    from skybed.emulator.sky.node import SkyNode
    from skybed.topologies.plan.plan import Plan

APART_S = 0.02  # starts of two daemons; BIRD works its routes out once a second, so fifty ways apart
POLL_S = 1.0
SETTLED_S = 5.0  # so long must all tables stay as they are before they count as converged
LAST_LINES = 8


def require(scenario: ScenarioModel) -> None:
    """Raises MachineError when the software that a scenario's routing needs is not there."""
    rule = scenario.routing
    for part in rule.parts:
        for suite in suites.of(part, bool(rule.domains)):
            if lacking := suite.lacking(part):
                where = scenario.where("routing", "protocol")
                raise MachineError(f"{where} is {rule.title}, which needs {lacking}.")


def memory_mb(scenario: ScenarioModel) -> float:
    """What a node's daemons take, at most."""
    rule = scenario.routing
    needs = [[suite.memory_mb(part) for suite in suites.of(part, bool(rule.domains))] for part in rule.parts]
    return max(map(sum, needs))


def check(plan: Plan) -> None:
    """Raises ScenarioError for a template of the user's that gives nothing of use for some node."""
    if plan.scenario.routing.custom:
        try:
            for _ in configurations(plan):
                pass
        except suites.Unfit as error:
            where = plan.scenario.where("routing", "custom", error.field)
            raise ScenarioError(f"{where}, {error.says}") from None


def configurations(plan: Plan) -> Iterator[tuple[str, dict[str, str]]]:
    """(node, text of its files by their names) of every node: the same for the same plan."""
    for router in routers.of_plan(plan, routers.link_costs(plan)):
        home, files = Path(router.node.name), dict[str, str]()
        for suite in _suites(router):
            suite.processes(router, home)
            files |= suite.configurations(router, home)
        if files:
            yield router.node.name, files


def _suites(router: Router) -> list[suites.Suite]:
    return suites.of(router.rule, router.bgp is not None)


@dataclass(frozen=True)
class Daemon:
    """A process that runs in a node."""

    node: SkyNode
    title: str
    log: Path
    process: subprocess.Popen


class Daemons:
    """The daemons of the nodes of a sky that stand here; none, and nothing to wait for, where the oracle
    routes.

    plan: the whole, also where the sky stands on several hosts. folder: where a folder for each node keeps
    its configurations and logs. costs: of links, see routers.link_costs. All are one process group, so that
    one system call tells whether any has ended, and one ends them all.
    """

    def __init__(self, sky: Sky, plan: Playable, folder: Path, costs: np.ndarray):
        self._sky, self._plan, self._folder, self._costs = sky, plan, folder, costs
        self._rule = plan.scenario.routing
        self.running: dict[int, Daemon] = {}  # by process number
        self._group = 0
        self._routers: list[tuple[Router, SkyNode]] = []
        self._homes = Path()
        self._versions: dict[str, None] = {}  # in the order in which they were told

    def start(self) -> None:
        """Start them, first the first of each node, APART_S apart: else all would work at the same instants,
        as routers do not, and wait for one another. Links may come and go from then on.
        """
        if self._rule.means.filled_by != "daemons":
            return
        require(self._plan.scenario)
        self._homes = Path(tempfile.mkdtemp(prefix="skybed-routing-"))
        every = zip(routers.of_plan(self._plan, self._costs), self._sky.sky_nodes, strict=True)
        self._routers = [(router, node) for router, node in every if node.here]
        for suite in dict.fromkeys(suite for router, _ in self._routers for suite in _suites(router)):
            suite.prepare(self._homes)
        wanted = []  # by node
        for router, node in self._routers:
            home = self._home(node)
            home.mkdir()
            self._kept(node).mkdir(parents=True)
            processes = []
            for suite in _suites(router):
                processes += [(node, process) for process in suite.processes(router, home)]
                for name, text in suite.configurations(router, home).items():
                    for folder in (home, self._kept(node)):
                        (folder / name).write_text(text)
            wanted.append(processes)
        for turn in itertools.zip_longest(*wanted):
            for node, process in filter(None, turn):
                self._run(node, process)
                time.sleep(APART_S)

    def _home(self, node: SkyNode) -> Path:
        """Where its daemons have their sockets, until the end of the run. FRR takes no dot in its name."""
        return self._homes / node.name.replace(".", "+")

    def _kept(self, node: SkyNode) -> Path:
        """Where a node's configurations and logs stay."""
        return self._folder / node.name

    def _run(self, node: SkyNode, wanted: suites.Process) -> None:
        path = self._kept(node) / wanted.log
        with open(path, "w") as log:
            process = node.popen(
                wanted.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | wanted.environment,
                start_new_session=False, process_group=self._group,
            )  # fmt: skip
        self._group = self._group or process.pid
        self.running[process.pid] = Daemon(node, wanted.title, path, process)

    def await_convergence(self, limit_s: float, progress: Callable[[], None]) -> None:
        """Wait until every node has a route to every other that it can reach at run time 0, and none changes
        any more. Raises MachineError for a daemon that does not run, InvalidRun when the time is over.

        progress: called at every look, once a second.
        """
        if not self.running:
            return
        from skybed.emulator.kernel.fib import Changes  # with pyroute2, which nobody outside a lane needs

        nodes, wanted = [node for _, node in self._routers], self._wanted()
        deadline_s = time.monotonic() + limit_s
        mute, lacking = list(range(len(nodes))), [0] * len(nodes)
        unread, since_s = set(mute), time.monotonic()
        with contextlib.closing(Changes(node.namespace for node in nodes)) as changes:
            while True:
                progress()
                if said := self.fallen():
                    raise MachineError(said)
                mute = [number for number in mute if not self._answers(number)]
                changed, now_s = changes.take(), time.monotonic()
                if changed:
                    unread.update(changed)
                    since_s = now_s
                over, settled = now_s >= deadline_s, not mute and now_s - since_s >= SETTLED_S
                if over or settled:  # to read all tables takes long: not before
                    for number in unread:
                        lacking[number] = len(wanted[number] - _destinations(nodes[number]))
                    unread.clear()
                if settled and not any(lacking):
                    return
                if over:
                    raise InvalidRun(self._not_converged(limit_s, mute, lacking))
                time.sleep(POLL_S)

    def fallen(self) -> str | None:
        """A sentence about a daemon that has ended by itself, if there is one."""
        if not self.running:
            return None
        ended = os.waitid(os.P_PGID, self._group, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        daemon = self.running[ended.si_pid]
        how = "exit code" if ended.si_code == os.CLD_EXITED else "signal"
        which = f"{daemon.title} on {daemon.node.name}"
        return f"{which} ended with {how} {ended.si_status}. {_last_words([daemon])}"

    def facts(self) -> dict:
        """For the manifest: `routing` with the protocol and, of daemons, their version and the memory of a
        node's, the mean of all nodes: resident, all and without shared pages of files, in MiB."""
        facts: dict[str, object] = {"protocol": self._rule.title}
        if self.running:
            status = [Path(f"/proc/{pid}/status").read_text() for pid in self.running]
            facts["daemon"] = ", ".join(self._versions)
            for key, field in (("memory_mib", "VmRSS:"), ("private_memory_mib", "RssAnon:")):
                sizes = [int(text.partition(field)[2].split()[0]) for text in status if field in text]
                facts[key] = round(sum(sizes) / 1024 / len(self._routers), 2)
        return {"routing": facts}

    def stop(self) -> None:
        """End all at once: their routes go with their namespaces."""
        if self.running:
            os.killpg(self._group, signal.SIGKILL)
            for daemon in self.running.values():
                daemon.process.wait()
        if self._homes.name:
            shutil.rmtree(self._homes, ignore_errors=True)
        self.running.clear()

    def _wanted(self) -> list[frozenset[bytes]]:
        """Of each node here the destinations that it can reach at run time 0. Itself is one, so that nodes
        share them."""
        reachable = score.reachable(self._plan, 0.0) | np.eye(len(self._plan.nodes), dtype=bool)
        ips = [_ips(node) for node in self._sky.sky_nodes]
        alike = {row.tobytes(): row for row in reachable}
        reached = {
            key: frozenset().union(*(ips[i] for i in np.flatnonzero(row))) for key, row in alike.items()
        }
        return [reached[reachable[router.number].tobytes()] for router, _ in self._routers]

    def _answers(self, number: int) -> bool:
        """Whether all daemons of a node do."""
        router, node = self._routers[number]
        versions = [suite.version(router, node, self._home(node)) for suite in _suites(router)]
        self._versions |= dict.fromkeys(filter(None, versions))
        return None not in versions

    def _not_converged(self, limit_s: float, mute: list[int], lacking: list[int]) -> str:
        began = f"Routing did not converge in the {limit_s:.0f} s before run time 0: "
        if mute:
            name = self._routers[mute[0]][1].name
            what = f"the routing daemon on {name} does not answer."
        elif any(lacking):
            worst = int(np.argmax(lacking))
            name = self._routers[worst][1].name
            what = f"{np.count_nonzero(lacking)} nodes lack routes, {name} {lacking[worst]} of them."
        else:
            return f"{began}routes kept being written."
        return f"{began}{what} {_last_words(x for x in self.running.values() if x.node.name == name)}"


def _last_words(daemons: Iterable[Daemon]) -> str:
    """The ends of their logs."""
    said = []
    for daemon in daemons:
        lines = daemon.log.read_text().splitlines()[-LAST_LINES:]
        begin = f"The last lines of its log, {daemon.log}:" if lines else f"Its log, {daemon.log}, is empty."
        said.append("\n  ".join([begin, *lines]))
    return "\n".join(said)


def _ips(node: SkyNode) -> set[bytes]:
    return {packed(node.ip), packed(node.ip6)}


def _destinations(node: SkyNode) -> set[bytes]:
    """What a node's tables of both families lead to, packed, and itself."""
    with node.namespace.entered():
        four, six = (Path(f"/proc/thread-self/net/{name}").read_text() for name in ("route", "ipv6_route"))
    led = {struct.pack("=I", int(line.split(None, 2)[1], 16)) for line in four.splitlines()[1:]}
    return led | {bytes.fromhex(line[:32]) for line in six.splitlines()} | _ips(node)
