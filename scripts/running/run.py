"""One run, from outside the lane: plan, start the lane, follow it, note the circumstances."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import math
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skybed.analysis import contents
from skybed.analysis.manifest import Manifest
from skybed.emulator.daemons import daemons, routers
from skybed.emulator.kernel import netns
from skybed.emulator.lanes import host, lanes, wiring
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.lanes.lanes import Lane
from skybed.emulator.lanes.wiring import Wiring
from skybed.emulator.sky import tables
from skybed.scripts.running import handover, merging, messages
from skybed.scripts.running.follow import Limits, follow
from skybed.scripts.running.kernels import Kernels
from skybed.scripts.running.messages import Heard, Network
from skybed.scripts.running.progress import Listener, Listeners, report_every_s, tell
from skybed.scripts.running.run_bar import RunBar
from skybed.topologies.bundles import contacts
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import InvalidRun, MachineError, ScenarioError
from skybed.topologies.files import MAKE_ROOM, whole
from skybed.topologies.model import kinds
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.links import PACKET_BYTES
from skybed.topologies.model.tables import PROBES
from skybed.topologies.plan import cores
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import planned, ways, windowed
from skybed.topologies.scenario import hosts
from skybed.topologies.scenario.file import Scenario
from skybed.topologies.scenario.hosts import HostsFile
from skybed.topologies.tasks import foreseen
from skybed.traffic import crossings
from skybed.traffic.bundles import memory

if TYPE_CHECKING:
    from skybed.scripts.running.script import Function

PACKAGES = ("mininet", "scapy", "pyroute2", "sgp4", "skyfield", "numpy", "scipy", "pandas")
GUEST_MEMORY_MB = 1024
NODE_MEMORY_MB = 1  # a third of it the namespace, the rest for routes
LINK_MEMORY_MB = 0.1  # 80 KiB for two interfaces, 12 more once they are up and have queues; 5 in Python
PATIENCE_S = 180  # beyond the scenario's duration, for the lane to boot, build, collect and end
VIRTUAL_PATIENCE = 20  # how much slower than the clock on the wall virtual time may be
SILENCE_S = 180  # and for it to say nothing, beyond the time from one report to the next
FLOODING_S = 2e-3  # and, times its nodes squared, for what daemons compute in a second of virtual time
ROOM_MB, ROOM = 20, 3  # on the disk: at the least, and as a multiple of what the lane is given
PROBE_ROOM = 80  # bytes, for one: half of them until the tables are written, the others in its table
LAST_LINES = 8
NOTED_S = 0.5  # on the wall, from one note of how much was played to the next


@dataclass(frozen=True)
class Options:
    """How to run. wall_limit_s: of the lane, by the clock on the wall; None: enough for most. script: what
    holds the network meanwhile, see scripts.running.script. read_only: the lane may change no file but those
    of the run. hosts: machines that carry the sky together. cores: on how many of this machine's, a kernel on
    each.
    """

    lane: str = "auto"
    clock: str = "real"
    interactive: bool = False
    wall_limit_s: float | None = None
    script: str | Path | Function | None = None
    read_only: bool = False
    hosts: HostsFile | None = None
    cores: int = 1

    @property
    def virtual(self) -> bool:
        return self.clock == "virtual"


def execute(
    scenario: Scenario,
    options: Options,
    out: Path,
    listener: Listener | None = None,
    plan: Plan | None = None,
    beside: Listener | None = None,
) -> bool:
    """Run a scenario into the empty directory `out`. Whether there is something to judge: not if a prompt was
    left before the end. listener: is told how far it is; None: a bar shows it. plan: one that was worked out
    before, with the same `plan_sha256`. beside: listens, too."""
    own = _given(options.script) if options.script else {}
    if options.cores != 1:
        _check_cores(scenario, options)
    if options.hosts:
        _check_hosts(scenario, options)
    lane = "native" if options.hosts else lanes.choose(options.lane, options.virtual)
    daemons.require(scenario)  # if it is missing, say so before anything is made
    scenario = scenario.in_virtual_time() if options.virtual else scenario
    before = _host_state()
    with ExitStack() as shown:
        listener = Listeners(listener or shown.enter_context(RunBar()), *([beside] if beside else []))
        if plan is None:
            plan = Plan.make(scenario, progress=lambda what, share: listener.at("planning", share, what))
            tell(plan.notes)
        plan = replace(plan, scenario=scenario)
        if lane == "uml":
            require_mappings(len(plan.nodes))
        daemons.check(plan)
        stored = hand_over(plan, out)
        if options.hosts:
            place = options.hosts.place(scenario, plan.nodes)
            handover.give_for_hosts(out, options.hosts.given, place)
        kernels = None
        if options.cores > 1:
            kernels = Kernels.prepare(stored, out, options.cores, handover.take_grace_s(out))
        _require_room(plan, out)
        listener.planned(stored)
        for name, content in own.items():
            (out / name).write_bytes(content)
        manifest = _manifest(scenario, lane, options.clock)
        manifest.write(out)
        zero_ns = round(scenario.begin.timestamp() * 1e9)
        virtual = lanes.VirtualTime(zero_ns, scenario.seed) if options.virtual else None
        listener.at("starting", 0.0, f"the {lane} lane" if not kernels else f"{options.cores} uml kernels")
        underlay = shown.enter_context(netns.inherited()) if options.hosts else None
        command = _command(options, virtual, scenario, underlay)
        with ExitStack() as running:

            def start(
                folder: Path, nodes: int, told: Sequence[str] = (), wiring: Wiring | None = None
            ) -> Lane:
                return running.enter_context(
                    lanes.running(
                        lane,
                        [*command, *told, str(folder.resolve())],
                        folder,
                        memory_of(plan, nodes),
                        options.interactive,
                        virtual,
                        options.read_only,
                        wiring,
                    )
                )

            begun = [start(*of) for of in kernels.each(running)] if kernels else [start(out, len(plan.nodes))]
            if options.interactive:
                shown.close()  # the terminal is the prompt's
                if not sys.stdin.isatty():
                    threading.Thread(target=_type, args=(begun[0].channel,), daemon=True).start()
            limits = _limits(plan, options)
            where = kernels.of_node if kernels else {}
            ended = follow(begun, plan, out, Listeners(listener, Noted(manifest, out)), limits, where)
    if not ended:
        raise InvalidRun(_last_words(out))
    inside = ended[0]
    if options.hosts:
        others = [
            merging.Written(out / handover.ELSEWHERE / of["name"], of["drift_us"])
            for of in inside["hosts"][1:]
        ]
        merging.merge([merging.Written(out), *others], plan, place, inside["played_s"])
    if kernels:
        inside = kernels.join(ended)
    hashes = {"tables_sha256": contents.hashes(out)}
    manifest = manifest.with_(inside | _host_state(before) | hashes)
    manifest.write(out)
    return manifest.finished or not options.interactive


def _check_hosts(scenario: Scenario, options: Options) -> None:
    """Raise ScenarioError for what is not done on several hosts."""
    _refuse("--hosts", {
        "--clock virtual": (options.virtual, "several kernels of machines have no virtual time in common"),
        "--lane uml": (options.lane == "uml", "a sky on several hosts is played in their own kernels"),
        **_by_hand(options, "links are changed by hand on one host alone"),
    })  # fmt: skip
    hosts.check(scenario)
    if own := kinds.files(kinds.used(scenario.flows)):
        raise ScenarioError(
            f"{own[0]} is a flow kind of your own, which other hosts do not have; leave it out, or --hosts."
        )
    if not (native := host.can_native()):
        raise MachineError(f"--hosts needs the native lane, which cannot run here: {native.why}.")


def _check_cores(scenario: Scenario, options: Options) -> None:
    """Raise ScenarioError for what is not done on several cores."""
    if not 1 <= options.cores <= wiring.MOST_KERNELS:
        raise ScenarioError(f"A sky is played on 1 to {wiring.MOST_KERNELS} cores, not on {options.cores}.")
    _refuse("--cores", {
        "--hosts": (options.hosts is not None, "it is for one machine"),
        **_by_hand(options, "links are changed by hand in one kernel alone"),
    })  # fmt: skip
    if not options.virtual:
        raise ScenarioError(
            "--cores needs --clock virtual: in real time the native lane has all cores, and uml one."
        )
    cores.check(scenario)


def _by_hand(options: Options, why: str) -> dict[str, tuple[bool, str]]:
    return {"--script": (options.script is not None, why), "--cli": (options.interactive, why)}


def _refuse(wanted: str, others: Mapping[str, tuple[bool, str]]) -> None:
    """Raise ScenarioError for an option that does not go with the one wanted. others: whether it is given,
    and why it does not.
    """
    for option, (is_given, why) in others.items():
        if is_given:
            raise ScenarioError(f"{option} cannot be had with {wanted}: {why}. Leave out one of them.")


def new_directory(scenario: Scenario) -> Path:
    """runs/NAME-DATE-TIME, which sorts by time."""
    return Path("runs") / f"{scenario.name}-{dt.datetime.now():%Y%m%d-%H%M%S}"


def hand_over(plan: Plan, out: Path) -> Plan:
    """Write into a run directory what the inside is given, and what was to happen. Returns the plan as it is
    stored there.
    """
    plan.save(out / "plan")
    stored = Plan.load(out / "plan")  # its events are read, not worked out again
    tables.write_events(stored, out / "events.parquet")
    with whole(out / "scenario.yaml") as file:
        file.write_text(plan.scenario.dump())
    flows = plan.scenario.flows
    longest_s = ways.longest_s(plan.network, [flow.ends for flow in flows])
    rates_mbps = plan.network.values.usual(Property.RATE)
    queues = np.array([[link.capable(side).queue_packets for side in (0, 1)] for link in plan.links], float)
    drained_s = 8e-6 * PACKET_BYTES * queues[rates_mbps > 0] / rates_mbps[rates_mbps > 0]
    queue_s = float(drained_s.max(initial=0.0))
    grace_s = crossings.grace_s(longest_s, queue_s if any(kinds.of(flow).LOADS for flow in flows) else 0.0)
    handover.give(out, stored.scenario, crossings.built(flows), grace_s)
    handover.give_for_oracle(out, stored)
    if plan.scenario.tasks:
        handover.give_for_tasks(out, foreseen.of(stored))
    if any(isinstance(flow, BundleFlow) for flow in flows) or any(
        task.carrier == "bundles" for task in plan.scenario.tasks
    ):
        handover.give_for_bundles(out, contacts.of(plan))
    if plan.scenario.routing.means.filled_by == "daemons":
        changes = planned.played(stored.network, stored.routes)
        links = [link.name for link in plan.links]
        handover.give_for_daemons(out, changes, links, routers.link_costs(plan))
    return stored


def _given(wanted: str | Path | Function) -> dict[str, bytes]:
    from skybed.scripts.running import script  # brings Mininet along, which nobody else needs outside

    return script.given(wanted)


def require_mappings(nodes: int) -> None:
    """Before a guest is made whose largest process the machine's kernel would kill."""
    most = host.most_uml_nodes()
    if nodes > most:
        raise MachineError(
            f"A sky of {nodes:,} nodes takes more mappings of memory than this machine allows a process; the "
            f"uml lane could play {most:,}. As root run `sysctl -w vm.max_map_count="
            f"{nodes * host.MAPPINGS_A_NODE}`."
        )


def _require_room(plan: Plan, out: Path) -> None:
    """Before anything is played whose measurements could not be kept."""
    handed_over = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    probing = kinds.writing(plan.scenario.flows, PROBES)
    probes = sum(kinds.of(flow).packets(flow, plan.duration_s) for flow in probing)
    need_mb = ROOM_MB + (ROOM * handed_over + PROBE_ROOM * probes) / 2**20
    free_mb = shutil.disk_usage(out).free / 2**20
    if free_mb < need_mb:
        raise MachineError(
            f"{out}: {free_mb:.0f} MB are free, and a run may write {need_mb:.0f} MB; {MAKE_ROOM} with --out."
        )


def _type(channel: Channel) -> None:
    """Pass on what is typed, from a file or a pipe."""
    for line in sys.stdin:
        messages.say(channel, messages.Command(line))
    messages.say(channel, messages.Command(""))


def _limits(plan: Plan, options: Options) -> Limits | None:
    """None where somebody sits at the prompt. Where commands come from a file, how long it says nothing is up
    to them, and whoever asks it to end need not ask twice.
    """
    if options.interactive:
        return None if sys.stdin.isatty() else Limits(options.wall_limit_s or math.inf, math.inf)
    slow = VIRTUAL_PATIENCE if options.virtual else 1
    floods = options.virtual and plan.scenario.routing.means.filled_by == "daemons"
    flooding_s = FLOODING_S * len(plan.nodes) ** 2 if floods else 0.0
    wall_s = options.wall_limit_s or PATIENCE_S + plan.duration_s * slow + flooding_s
    return Limits(wall_s, SILENCE_S + 2 * slow * report_every_s(plan.duration_s) + flooding_s)


def _command(
    options: Options, virtual: lanes.VirtualTime | None, scenario: Scenario, underlay: int | None
) -> list[str]:
    """underlay: a descriptor of the machine's own network namespace, where the run has several hosts."""
    terminal = [] if sys.stdin.isatty() else ["--no-terminal"]
    prompt = ["--cli", *terminal] if options.interactive else []
    zero = [f"--zero-ns={virtual.zero_ns}"] if virtual else []
    every = f"--report-every={report_every_s(scenario.duration_s)}"
    own = [f"--kind={file}" for file in kinds.files(kinds.used(scenario.flows))]
    program = [sys.executable, "-m", "skybed.scripts.running.inside"]
    beyond = [f"--underlay={underlay}"] if underlay is not None else []
    return [*program, *prompt, *zero, every, *own, *beyond, f"--folder={Path.cwd()}"]


def memory_of(plan: Plan, nodes: int) -> int:
    """In MB, what a lane is given in which so many of its nodes stand."""
    return memory_mb(plan.scenario, nodes, links_at_once(plan))


def memory_mb(scenario: Scenario, nodes: int, links: int) -> int:
    """What a lane with so many nodes, and links at once, is given."""
    node_mb = NODE_MEMORY_MB + daemons.memory_mb(scenario)
    bundles_mb = memory.memory_mb(scenario, links)
    return GUEST_MEMORY_MB + round(node_mb * nodes + LINK_MEMORY_MB * links + bundles_mb)


def links_at_once(plan: Plan) -> int:
    """At most: a link is made in the window before its contact begins, and dropped in that after it ended."""
    start_s, end_s = plan.contacts["start_s"].to_numpy(), plan.contacts["end_s"].to_numpy()
    change = np.zeros(windowed.index(plan.duration_s) + 2, int)
    np.add.at(change, np.maximum(start_s // windowed.WINDOW_S - 1, 0).astype(int), 1)
    np.add.at(change, (end_s // windowed.WINDOW_S).astype(int) + 1, -1)
    return min(int(change.cumsum().max()), len(plan.links))


def _last_words(out: Path) -> str:
    log = out / lanes.LOG
    lines = log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:] if log.exists() else []
    where = f" Its last lines, of {log}:" if lines else ""
    return "\n  ".join([f"The lane ended before the run did.{where}", *lines])


# -- the manifest ------------------------------------------------------------------------------------


class Noted(Listener):
    """Notes in the manifest now and then how much was played: so much is known of a run that is killed."""

    def __init__(self, manifest: Manifest, out: Path) -> None:
        self._manifest, self._out, self._noted_s = manifest, out, -NOTED_S

    def at(self, stage: str, share: float, note: str = "") -> None:
        pass

    def heard(self, message: Heard) -> None:
        now_s = time.monotonic()
        if isinstance(message, Network) and now_s - self._noted_s >= NOTED_S:
            self._noted_s = now_s
            with contextlib.suppress(MachineError):  # a full disk: tables tell of it
                self._manifest.with_({"played_s": message.t_s}).write(self._out)


def _manifest(scenario: Scenario, lane: str, clock: str) -> Manifest:
    return Manifest.model_validate({
        "skybed": importlib.metadata.version("skybed"),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "lane": lane,
        "clock": clock,
        "scenario": scenario.name,
        "scenario_sha256": scenario.sha256,
        "seed": scenario.seed,
        "started_utc": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "duration_s": scenario.duration_s,
        "played_s": 0.0,
        "finished": False,
        "cpu_count": os.cpu_count(),
    })  # fmt: skip


def _host_state(before: dict | None = None) -> dict:
    """Load and stolen time of this machine; with `before`, over the time since."""
    times = np.array(Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9], float)
    load_1m = os.getloadavg()[0]
    if before is None:
        return {"times": times, "load_1m": load_1m}
    spent = times - before["times"]
    return {
        "host_load_1m": [round(before["load_1m"], 2), round(load_1m, 2)],
        "steal_pct": round(100 * spent[7] / max(1.0, spent.sum()), 2),
    }
