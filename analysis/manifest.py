"""manifest.json: the circumstances of a run. What is None was not noted: the run broke off before."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from skybed.analysis.stored import Stored
from skybed.topologies.model.fields import Strict


class RoutingFacts(Strict):
    """Who made the routes."""

    protocol: str
    daemon: str | None = None  # name and version; of daemons only, as what follows
    memory_mib: float | None = None  # of a node's daemons, resident, the mean of all nodes
    private_memory_mib: float | None = None  # without the pages that they share


class RecorderFacts(Strict):
    """Of the process that notes routes and control traffic, since run time was known."""

    cpu_s: float
    missed_packets: int  # of control traffic, for want of room
    overruns: int  # how often a kernel told more than could wait, so that a table was read as a whole


class TrafficFacts(Strict):
    """Of the process that sends and receives."""

    dropped_by_sink: dict[str, int]  # packets of each udp flow that its own sink had no room for


class HostFacts(Strict):
    """Of a machine that carried a part of the sky, the first of them the one where the run was started."""

    name: str
    nodes: int  # that stood there
    underlay_rtt_us: dict[str, float]  # to others, lower quartile; half of it was taken off links' delays
    offset_us: float  # by how much its clock was ahead of the first one's
    drift_us: float  # by how much more at the end
    uncertainty_us: float  # of both
    # Of others than the first, whose own facts stand in the manifest.
    kernel: str | None = None
    hop_cost_us: float | None = None
    build_s: float | None = None
    player_cpu_s: float | None = None
    clock_stepped_ms: float | None = None
    recorder: RecorderFacts | None = None


class KernelsFacts(Strict):
    """Of several kernels on this machine that played the sky together, a core for each."""

    nodes: list[int]  # that stood in each
    one_way_us: float  # over the wires between them; a part of the delay of each link that crosses


class Manifest(Stored):
    WHAT: ClassVar[str] = "manifest"

    format: Literal[1] = 1
    skybed: str  # versions: of skybed, Python and packages
    python: str
    versions: dict[str, str]
    lane: Literal["native", "uml"]
    clock: Literal["real", "virtual"]
    scenario: str
    scenario_sha256: str  # of its content
    seed: int
    started_utc: str
    duration_s: float  # as planned
    played_s: float  # below 0 where the run was stopped before run time 0
    finished: bool
    cpu_count: int

    # What is known at the end of a run.
    kernel: str | None = None  # that the network ran in
    fallen: str | None = None  # a sentence about a daemon that ended by itself, if one did
    player_cpu_s: float | None = None  # of the thread that applied the updates
    clock_stepped_ms: float | None = None  # by how much the time of day was set in the run
    hop_cost_us: float | None = None  # what the kernel takes for a hop; taken off every delay
    routing: RoutingFacts | None = None
    recorder: RecorderFacts | None = None  # where daemons route
    traffic: TrafficFacts | None = None
    hosts: list[HostFacts] | None = None  # where there were several
    kernels: KernelsFacts | None = None  # where there were several
    captures: dict[str, dict[str, int]] | None = None  # packets of each, and those that it missed
    load_s: float | None = None  # how long it took to read the plan, to build the network, ...
    build_s: float | None = None
    converge_s: float | None = None  # ... until routing had converged, and to end it all
    teardown_s: float | None = None
    host_load_1m: list[float] | None = None  # before and after
    steal_pct: float | None = None  # CPU time that the machine's own host took away
    tables_sha256: dict[str, str] | None = None  # see analysis.compare.exact

    @property
    def virtual(self) -> bool:
        return self.clock == "virtual"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        lacking = [name for name in JUDGED if self.finished and getattr(self, name) is None]
        if lacking:
            raise ValueError(f"is of a finished run and has no {lacking[0]}")
        return self

    def with_(self, facts: dict[str, Any]) -> Manifest:
        """The same with what has become known since."""
        return Manifest.model_validate(self.as_json() | facts, strict=True)


# What a finished run is judged by.
JUDGED = ("player_cpu_s", "clock_stepped_ms", "traffic", "host_load_1m", "steal_pct")
