"""What each probe should have measured, from geometry: by the plan alone, or by what daemons did.

A probe's true RTT is how long the trace takes it to the far end when sent at its time of sending,
plus how long the answer takes back when sent at its arrival; a path that changes in flight is thereby
followed hop by hop. To the geometry every hop adds the time that the packet takes on the wire at the
link's rate (106 bytes at 10 Mbit/s are 85 us), because the emulated link takes it too; with srv6 the
packet is longer from its ingress on. Queueing is not
part of the truth: probes that share a link with load are marked, and their error says how long they
queued, not how well the emulation kept time.

Where daemons route, the plan does not know which way a probe went, but every change of every forwarding table
was recorded: the trace follows those.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures.forwarding import Path, Trace, passing, traces
from skybed.analysis.measures.loads import shared
from skybed.analysis.run import PIECE_ROWS, Run, kept
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import latest
from skybed.topologies.errors import RunError
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.tables import PROBES
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import srv6
from skybed.topologies.routing.forwarding import crossings


@kept
def probes(run: Run) -> pd.DataFrame:
    """The probes with their truth, in the order of the run's table, which gains these columns:

    true_rtt_us, true_owd_us, true_owd_back_us (nan where the probe or its answer must be lost),
    expected_lost (no path stood), loss_probability (of the links on the path), loaded (shares a link with
    udp or tcp traffic), known (by `forwarding.traces`; where not, true times are nan and expected_lost is
    false), path (text, "" where lost), losing (the classes of links on its ways that lose
    packets, joined by " + "), jitter_us and jitter_deviation_us (what chance adds on the way there,
    see Chance), oracle_rtt_us (by the oracle's routes, nan where it loses the probe)
    and error_us, owd_error_us, owd_back_error_us: measured minus true, nan where there is nothing to compare,
    or where it is left to chance: under jitter the true times are means.
    """
    parts = [_flow(run, name, part) for name, part in run.probes.groupby("flow")]
    if not parts:
        return _flow(run, "", run.probes)
    return pd.concat(parts).sort_index()


def flows(run: Run) -> list[ProbingFlow]:
    """All that probe, in the order of the run's table; then those that have no rows."""
    names = [str(flow.name) for flow in run.traffic if isinstance(flow, ProbingFlow)]
    return [_probing(run, name) for name in dict.fromkeys([*run.flow_names(PROBES), *names])]


def pieces(run: Run, flow: ProbingFlow) -> Iterator[pd.DataFrame]:
    """The rows of `probes` of a flow, of a long run piece by piece, as `Run.pieces` has them."""
    if run.long(PROBES.name):
        for part in run.pieces(flow, PROBES):
            yield _flow(run, str(flow.name), part)
    else:
        every = probes(run)
        yield every[every["flow"] == flow.name]


def thinned(run: Run) -> pd.DataFrame:
    """`probes` for a figure: of a long run one of `shown_of`."""
    if not run.long(PROBES.name):
        return probes(run)
    every = shown_of(run)
    # A copy, or all that is between would be held, too.
    parts = [(flow, rows.iloc[::every].copy()) for flow in flows(run) for rows in run.pieces(flow, PROBES)]
    return pd.concat([_flow(run, str(flow.name), part) for flow, part in parts], ignore_index=True)


def shown_of(run: Run) -> int:
    """Of how many probes `thinned` has one."""
    return -(-run.length(PROBES.name) // PIECE_ROWS) if run.long(PROBES.name) else 1


def path_name(plan: Plan, path: Path) -> str:
    """A path as text, such as "Miyun > relay-0-1 > Kashi"; "" for no path."""
    return " > ".join(plan.nodes[node].name for node in path)


def one_way(
    plan: Plan, trace: Trace, src: str, dst: str, sent_s: np.ndarray, flow: ProbingFlow
) -> tuple[np.ndarray, np.ndarray, list[Path]]:
    """Of a flow's probes, or its answers: true one-way delay in us (nan where lost), path number (-1 where
    lost) and the paths.
    """
    arrival_s, path_id, paths = trace(src, dst, sent_s, flow.hops)
    path_id = np.where(np.isnan(arrival_s), -1, path_id)
    on_wire_us = _on_wire_us(plan, sent_s, path_id, paths, flow.wire_bytes)
    return (arrival_s - sent_s) * 1e6 + on_wire_us, path_id, paths


class Chance(NamedTuple):
    """What of each packet's delay is left to chance: jitter_us on average, which the true times have, and its
    standard deviation; nan: it came at an instant at which an extra delay changed, or may have waited for
    packets before it, which it does not overtake when one has fallen.
    """

    jitter_us: np.ndarray
    deviation_us: np.ndarray

    @property
    def some(self) -> np.ndarray:
        return np.isnan(self.jitter_us) | (self.jitter_us > 0)


def _losing(plan: Plan, sent_s: np.ndarray, path_id: np.ndarray, paths: list[Path]) -> np.ndarray:
    """Of each packet the classes of links on its way that lose packets: a bit for each of `_classes`."""
    losing, bits = np.zeros(len(sent_s), np.int64), {name: 1 << n for n, name in enumerate(_classes(plan))}
    for rows, _, link, side, at_s in crossings(plan.network, sent_s, path_id, paths):
        loses = plan.network.values.at(Property.LOSS, link, side, at_s) > 0
        losing[rows[loses]] |= bits[plan.links[link].class_name]
    return losing


def _classes(plan: Plan) -> list[str]:
    return sorted({link.class_name for link in plan.links})


def _joined(plan: Plan, losing: np.ndarray) -> np.ndarray:
    """Their names, joined by " + "."""
    every, number = np.unique(losing, return_inverse=True)
    names = [
        " + ".join(name for n, name in enumerate(_classes(plan)) if bits >> n & 1) for bits in every.tolist()
    ]
    return np.array(names, object)[number]


def _left_to_chance(plan: Plan, sent_s: np.ndarray, path_id: np.ndarray, paths: list[Path]) -> Chance:
    jitter_us, variance, values = np.zeros(len(sent_s)), np.zeros(len(sent_s)), plan.network.values
    if not values.varying:
        return Chance(jitter_us, variance)
    for rows, _, link, side, at_s in crossings(plan.network, sent_s, path_id, paths):
        own_us = values.at(Property.JITTER, link, side, at_s)
        last = latest(values.unsure, np.full(len(rows), 2 * link + side), at_s)
        waits = at_s < np.append(values.unsure.end_s, -np.inf)[last]
        jitter_us[rows] += np.where(waits, np.nan, own_us)
        if own_us.any():
            variance[rows] += (own_us * plan.links[link].jitter_deviation(side)) ** 2
    return Chance(jitter_us, np.sqrt(variance))


def _flow(run: Run, name: str, part: pd.DataFrame) -> pd.DataFrame:
    """One flow's probes with their truth; also gives an empty table its columns."""
    plan, sent_s = run.plan, part["sent_s"].to_numpy()
    out_us = back_us = oracle_us = np.full(len(part), np.nan)
    out_id = losing = np.zeros(len(part), np.int64)
    paths: list[Path] = []
    there, back_chance = Chance(*np.zeros((2, len(part)))), np.zeros(len(part), bool)
    loaded, known, passes = np.zeros(len(part), bool), np.ones(len(part), bool), np.zeros(len(part))
    if len(part):
        flow = _probing(run, name)
        trace, *others = traces(run, flow.family)
        (out_us, out_id, paths), (back_us, back_id, back_paths) = _both_ways(plan, trace, sent_s, flow)
        answered_s = sent_s + np.nan_to_num(out_us) / 1e6
        passes = passing(plan, sent_s, out_id, paths) * passing(plan, answered_s, back_id, back_paths)
        losing = _losing(plan, sent_s, out_id, paths) | _losing(plan, answered_s, back_id, back_paths)
        there = _left_to_chance(plan, sent_s, out_id, paths)
        back_chance = _left_to_chance(plan, answered_s, back_id, back_paths).some
        loaded = shared(run, sent_s, out_id, paths) | shared(run, sent_s, back_id, back_paths)
        for other in others:
            other_us = round_trip_us(plan, other, sent_s, flow)
            known &= np.isclose(other_us, out_us + back_us, rtol=0, atol=0, equal_nan=True)
        oracle_us = out_us + back_us
        if run.scenario.routing.means.filled_by != "oracle":
            oracle_us = round_trip_us(plan, partial(plan.trace, by=plan.oracle), sent_s, flow)
    names = np.array([path_name(plan, path) for path in paths] + [""], dtype=object)
    out_us, back_us = np.where(known, out_us, np.nan), np.where(known, back_us, np.nan)
    true_rtt_us = out_us + back_us
    return part.assign(
        true_rtt_us=true_rtt_us,
        true_owd_us=out_us,
        true_owd_back_us=back_us,
        expected_lost=np.isnan(true_rtt_us) & known,
        loss_probability=1 - passes,
        loaded=loaded,
        known=known,
        path=names[out_id],
        losing=_joined(plan, losing),
        jitter_us=there.jitter_us,
        jitter_deviation_us=there.deviation_us,
        oracle_rtt_us=oracle_us,
        error_us=(part["rtt_us"] - true_rtt_us).mask(there.some | back_chance),
        owd_error_us=(part["owd_us"] - out_us).mask(there.some),
        owd_back_error_us=(part["owd_back_us"] - back_us).mask(back_chance),
    )


def _probing(run: Run, name: str) -> ProbingFlow:
    flow = next((flow for flow in run.traffic if flow.name == name), None)
    if not isinstance(flow, ProbingFlow):
        raise RunError(f"{run.dir}: probes.parquet holds {name}, no probe flow of the scenario.")
    return flow


def _both_ways(
    plan: Plan, trace: Trace, sent_s: np.ndarray, flow: ProbingFlow
) -> tuple[tuple[np.ndarray, np.ndarray, list[Path]], tuple[np.ndarray, np.ndarray, list[Path]]]:
    """`one_way` of a flow's probes, and of their answers, of which those to lost probes are lost."""
    out_us, out_id, paths = one_way(plan, trace, flow.source, flow.target, sent_s, flow)
    sent = ~np.isnan(out_us)
    back_us, back_id = np.full(len(sent_s), np.nan), np.full(len(sent_s), -1)
    back_us[sent], back_id[sent], back_paths = one_way(
        plan, trace, flow.target, flow.source, (sent_s + out_us / 1e6)[sent], flow
    )
    return (out_us, out_id, paths), (back_us, back_id, back_paths)


def both_ways_us(
    plan: Plan, trace: Trace, sent_s: np.ndarray, flow: ProbingFlow
) -> tuple[np.ndarray, np.ndarray]:
    """What probes of a flow that are sent at these run times take there, and back; nan: they are lost."""
    (out_us, _, _), (back_us, _, _) = _both_ways(plan, trace, sent_s, flow)
    return out_us, back_us


def round_trip_us(plan: Plan, trace: Trace, sent_s: np.ndarray, flow: ProbingFlow) -> np.ndarray:
    """Both together."""
    return sum(both_ways_us(plan, trace, sent_s, flow))  # type: ignore[return-value]


def _on_wire_us(
    plan: Plan, sent_s: np.ndarray, path_id: np.ndarray, paths: list[Path], packet_bytes: int
) -> np.ndarray:
    """How long packets are sent at the rates of the links on their way."""
    taken_us = np.zeros(len(sent_s))
    added = [srv6.added_bytes(path, len(plan.orbits)) for path in paths]
    longer = plan.scenario.routing.means.keeps_path
    for rows, place, link, side, at_s in crossings(plan.network, sent_s, path_id, paths):
        size = packet_bytes + (added[path_id[rows[0]]][place] if longer else 0)
        taken_us[rows] += 8 * size / plan.network.values.at(Property.RATE, link, side, at_s)
    return taken_us
