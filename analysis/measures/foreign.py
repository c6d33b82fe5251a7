"""Traffic that no flow of the scenario tells of, as that of programs: which links carried it, and when.

The table `carried` counts all packets of a link by the second. What is more than the scenario's own flows and
the routing daemons can have sent in it is foreign.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from skybed.analysis.measures.forwarding import Path, link_numbers, traces
from skybed.analysis.run import Run, kept
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import EndToEndFlow, PacketFlow
from skybed.topologies.model.tables import CARRIED

MARGIN = 1.2  # of what own flows send: they are counted by the second, and sent a little unevenly
SLACK_BYTES = 500  # a second, of what a kernel sends of its own accord
HEADERS_BYTES = 62  # of Ethernet, IPv6 and UDP
OTHER_BYTES = 200  # of a packet of a flow that tells no size, as of a trace
BEFORE_S, AFTER_S = 0.1, 1.5  # of a packet's sending: what leaves a link then may have stood in its way


@kept
def _foreign(run: Run) -> np.ndarray | None:
    """bool[link, second]: whether it carried what is not the scenario's; None where nobody counted."""
    if not run.wrote(CARRIED):
        return None
    names = [node.name for node in run.plan.nodes]
    links = {frozenset((names[link.a], names[link.b])): i for i, link in enumerate(run.plan.links)}
    seconds = int(np.ceil(run.played_s)) + 1
    own = _neighbours(_own_bytes(run, seconds) + _control_bytes(run, links, seconds))
    counted = np.zeros_like(own)
    _add(counted, run.table(CARRIED.name), links)
    return counted > MARGIN * own + SLACK_BYTES


def meets(run: Run, sent_s: np.ndarray, path: np.ndarray, paths: list[Path]) -> np.ndarray:
    """Whether each packet, sent at sent_s over paths[path] (-1: lost), shared a link with foreign traffic:
    bool, shape of sent_s.
    """
    foreign = _foreign(run)
    if foreign is None or not foreign.any():
        return np.zeros(len(sent_s), bool)
    on_path = np.zeros((len(paths) + 1, foreign.shape[1]), bool)  # the last row: no path
    for number, way in enumerate(paths):
        on_path[number] = foreign[list(link_numbers(run.plan, way))].any(axis=0)
    so_far = np.pad(on_path.cumsum(axis=1), ((0, 0), (1, 0)))
    first = np.clip(np.floor(sent_s - BEFORE_S).astype(int), 0, foreign.shape[1])
    last = np.clip(np.floor(sent_s + AFTER_S).astype(int) + 1, 0, foreign.shape[1])
    return so_far[path, last] > so_far[path, first]


def _own_bytes(run: Run, seconds: int) -> np.ndarray:
    """float[link, second]: at most what flows of the scenario send over a link, both directions together."""
    own = np.zeros((len(run.plan.links), seconds))
    for flow in run.traffic:
        if not isinstance(flow, EndToEndFlow):
            continue
        start_s, stop_s = flow.window_s(run.played_s)
        t_s = np.arange(start_s, stop_s + 0.5, 0.5)
        a_second = _bytes_a_second(flow, run.played_s)
        trace, *_ = traces(run, flow.family)
        arrival_s, path, paths = trace(flow.source, flow.target, np.minimum(t_s, stop_s))
        there = ~np.isnan(arrival_s)
        _, back, back_paths = trace(flow.target, flow.source, arrival_s[there])
        for at_s, number, ways in ((t_s, path, paths), (t_s[there], back, back_paths)):
            for j, way in enumerate(ways):
                second = np.unique(at_s[number == j].astype(int))
                for link in link_numbers(run.plan, way):
                    own[link, second[second < seconds]] += a_second
    return own


def _bytes_a_second(flow: EndToEndFlow, until_s: float) -> float:
    if isinstance(flow, PacketFlow):
        return (flow.packets_s + 1) * (flow.size_bytes + HEADERS_BYTES)
    packets = kinds.of(flow).packets(flow, until_s) / max(flow.length_s(until_s), 1.0) + 1
    return np.inf if kinds.of(flow).LOADS else packets * OTHER_BYTES  # inf: as much as it can


def _control_bytes(run: Run, links: dict[frozenset[str], int], seconds: int) -> np.ndarray:
    control = np.zeros((len(run.plan.links), seconds))
    _add(control, run.control, links)
    return control


def _add(total: np.ndarray, rows: pd.DataFrame, links: dict[frozenset[str], int]) -> None:
    """Add the bytes of rows with t_s, node, peer to their links and seconds."""
    numbers = [links.get(frozenset(pair), -1) for pair in zip(rows["node"], rows["peer"], strict=True)]
    link, second = np.array(numbers, int), rows["t_s"].to_numpy().astype(int)
    within = (link >= 0) & (second >= 0) & (second < total.shape[1])
    np.add.at(total, (link[within], second[within]), rows["bytes"].to_numpy()[within])


def _neighbours(a_second: np.ndarray) -> np.ndarray:
    """The most of each second, the one before and the one after."""
    wide = np.pad(a_second, ((0, 0), (1, 1)))
    return np.maximum(a_second, np.maximum(wide[:, :-2], wide[:, 2:]))
