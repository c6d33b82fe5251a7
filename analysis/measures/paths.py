"""Which way packets went: by path proof (what they really crossed), and as they had to: by the plan, or where
daemons route by the forwarding tables that were recorded. "Planned" is either.

A path is text, "Miyun > relay-0-1 > Kashi"; "" means that there was none.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from skybed.analysis.measures.forwarding import traces
from skybed.analysis.measures.metrics import of_flow
from skybed.analysis.measures.truth import path_name
from skybed.analysis.run import Run, kept
from skybed.topologies.errors import RunError
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import EndToEndFlow
from skybed.topologies.model.tables import PATHS
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import srv6

LOOK_S = 0.1  # a planned path that lasts less may be missed
EDGE_S = 1e-3  # planned path changes are located to this
FLIGHT_S = 1.0  # a proof may show the path of any instant this long after it was sent


def proofs(run: Run, flow: str) -> pd.DataFrame:
    """Every path proof of a trace flow: columns sent_s, path ("a > b > c", "?" for a silent hop), reached."""
    hops = of_flow(run.paths, flow, "trace")
    source = hops["src"].iloc[0]
    trace = (hops["hop"] == 1).cumsum()
    grouped = hops.assign(node=hops["node"].fillna("?")).groupby(trace)
    return pd.DataFrame({
        "sent_s": grouped["sent_s"].first(),
        "path": grouped["node"].agg(lambda nodes: " > ".join([source, *nodes])),
        "reached": grouped["reached"].any(),
    }).reset_index(drop=True)  # fmt: skip


def paths(run: Run, flow: str) -> pd.DataFrame:
    """The intervals in which successive path proofs of a trace flow agreed: columns start_s, end_s, path.

    An interval lasts from the first proof of a path to the first proof of another one; path is "" where
    the far end was not reached.
    """
    seen = proofs(run, flow)
    return _intervals(seen["sent_s"].to_numpy(), seen["path"].where(seen["reached"], "").to_numpy(object))


@kept
def planned_paths(run: Run, flow: str) -> pd.DataFrame:
    """The planned path of a flow, while it lasted: columns start_s, end_s, path; edges to EDGE_S."""
    flows = [f for f in run.traffic if isinstance(f, EndToEndFlow)]
    asked = next((f for f in flows if f.name == flow), None)
    if asked is None:
        names = ", ".join(str(f.name) for f in flows) or "none"
        raise RunError(f"{run.dir}: the scenario has no flow {flow} between nodes; its flows are {names}.")
    start_s, stop_s = asked.window_s(run.played_s)

    def at(t_s: np.ndarray) -> np.ndarray:
        return path_at(run, asked.source, asked.target, t_s, asked.family)

    t_s = np.append(np.arange(start_s, stop_s, LOOK_S), stop_s)
    path = at(t_s)
    change = np.flatnonzero(path[1:] != path[:-1])
    low, high, old = t_s[change], t_s[change + 1], path[change]
    while len(change) and (high - low).max() > EDGE_S:
        middle = (low + high) / 2
        same = at(middle) == old
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    edge_s = np.concatenate([t_s[:1], high, t_s[-1:]])
    return _intervals(edge_s, np.concatenate([path[:1], path[change + 1], path[-1:]]))


def path_at(run: Run, src: str, dst: str, t_s: np.ndarray, family: int = 4) -> np.ndarray:
    """The planned path of packets sent at t_s, as text; shape of t_s."""
    path, _ = _arrivals(run, src, dst, t_s, family)
    return path


def _arrivals(run: Run, src: str, dst: str, t_s: np.ndarray, family: int) -> tuple[np.ndarray, np.ndarray]:
    """`path_at`, and when the packets arrive (nan: lost)."""
    trace, *_ = traces(run, family)
    arrival_s, number, ways = trace(src, dst, t_s)
    names = np.array([path_name(run.plan, path) for path in ways] + [""], dtype=object)
    return names[np.where(np.isnan(arrival_s), -1, number)], arrival_s


def check_proofs(run: Run) -> pd.DataFrame:
    """Every path proof beside the plan: columns flow, sent_s, path, reached, planned, agrees.

    A silent hop agrees with any node; a proof may also agree with the path of FLIGHT_S later. Of paths by
    source it must agree with what can be seen.
    """
    checked = []
    for flow in kinds.writing(run.traffic, PATHS):
        if run.rows(flow).empty:
            continue
        seen = proofs(run, str(flow.name))
        sent_s, path = seen["sent_s"].to_numpy(), seen["path"].where(seen["reached"], "")
        now = _provable(run, flow, sent_s)
        soon = _provable(run, flow, np.minimum(sent_s + FLIGHT_S, run.played_s))
        hidden = run.scenario.routing.means.keeps_path and flow.family == 4
        shown = [[_outside(run.plan, p) for p in planned] if hidden else planned for planned in (now, soon)]
        agrees = [_same(p, a) or _same(p, b) for p, a, b in zip(path, *shown, strict=True)]
        checked.append(seen.assign(flow=flow.name, planned=now, agrees=agrees))
    columns = ["flow", "sent_s", "path", "reached", "planned", "agrees"]
    return pd.concat(checked)[columns] if checked else pd.DataFrame(columns=columns)


def _provable(run: Run, flow: EndToEndFlow, t_s: np.ndarray) -> np.ndarray:
    """As `path_at`, but "" also where no answer would come back."""
    path, arrival_s = _arrivals(run, flow.source, flow.target, t_s, flow.family)
    there = ~np.isnan(arrival_s)
    _, back_s = _arrivals(run, flow.target, flow.source, arrival_s[there], flow.family)
    path[np.flatnonzero(there)[np.isnan(back_s)]] = ""
    return path


def _same(proven: str, planned: str) -> bool:
    seen, wanted = proven.split(" > "), planned.split(" > ")
    return len(seen) == len(wanted) and all(a in ("?", b) for a, b in zip(seen, wanted, strict=True))


def _outside(plan: Plan, path: str) -> str:
    """What proofs can see of a planned path by source: IPv4 packets come out at the far end with the TTL with
    which they came to the ingress."""
    nodes = path.split(" > ")
    at = srv6.ingress([plan.node(name) for name in nodes] if path else [], len(plan.orbits))
    return path if at >= len(nodes) - 1 else " > ".join([*nodes[: max(at, 1)], nodes[-1]])


def handovers(run: Run, path_intervals: pd.DataFrame) -> int:
    """How often a path came back with other access links than before; a gap without path is passed over."""
    plan = run.plan
    access = {frozenset(link.name.split("--")) for link in plan.links if link.kind == "access"}

    def of(path: str) -> list[frozenset[str]]:
        nodes = path.split(" > ")
        return [hop for hop in map(frozenset, pairwise(nodes)) if hop in access]

    used = [of(path) for path in path_intervals["path"] if path]
    return sum(before != after for before, after in pairwise(used))


def _intervals(t_s: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    """Runs of one label in a series sorted by time; the last one ends with the series."""
    starts = np.flatnonzero(np.append(True, label[1:] != label[:-1]))
    ends = np.append(t_s[starts[1:]], t_s[-1:])
    return pd.DataFrame({"start_s": t_s[starts], "end_s": ends, "path": label[starts]})
