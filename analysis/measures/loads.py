"""What flows load: the way of each over time, and which packets share a link with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skybed.analysis.measures import foreign, hand
from skybed.analysis.measures.forwarding import Path, link_numbers, traces
from skybed.analysis.run import Run, kept
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import EndToEndFlow

LOOK_S = 0.02  # how densely the way of a stream is looked at
LOOKS = 2**17  # so many at once
STEP_S = 0.5  # how densely the way of a load is looked at
TAIL_S = 2.0  # a queue is taken to drain within this after its load has ended


class Load(NamedTuple):
    """A flow, its window in run time, and its way every STEP_S of it: when a packet sent at t_s arrives (nan:
    never), and the number of its path, if only to where it is lost. links: those that each path crosses.
    """

    flow: EndToEndFlow
    start_s: float
    stop_s: float
    t_s: np.ndarray
    arrival_s: np.ndarray
    path: np.ndarray
    paths: list[Path]
    links: list[set[int]]


@kept
def loads(run: Run) -> list[Load]:
    """Those that began before the run ended."""
    begun = []
    for flow in run.traffic:
        if not kinds.of(flow).LOADS or flow.start_s >= run.played_s:
            continue
        assert isinstance(flow, EndToEndFlow)
        start_s, stop_s = flow.window_s(run.played_s)
        trace, *_ = traces(run, flow.family)
        t_s = np.minimum(np.arange(start_s, stop_s + STEP_S, STEP_S), stop_s)
        arrival_s, path, paths = trace(flow.source, flow.target, t_s)
        links = [set(link_numbers(run.plan, way)) for way in paths]
        begun.append(Load(flow, start_s, stop_s, t_s, arrival_s, path, paths, links))
    return begun


class Looks(NamedTuple):
    """Packets of a stream, one every LOOK_S: when each is sent, when it arrives (nan: never), the number of
    its path. alone: whether it arrives, on a known way that it shares with no other load.
    """

    t_s: np.ndarray
    arrival_s: np.ndarray
    path: np.ndarray
    paths: list[Path]
    alone: np.ndarray


def looks_along(run: Run, load: Load) -> Iterator[Looks]:
    """All of a stream, LOOKS at once."""
    flow = load.flow
    trace, *others = traces(run, flow.family)
    every_s = np.arange(load.start_s, load.stop_s, LOOK_S)
    for first in range(0, len(every_s), LOOKS):
        t_s = every_s[first : first + LOOKS]
        arrival_s, path, paths = trace(flow.source, flow.target, t_s)
        alone = ~np.isnan(arrival_s) & ~shared(run, t_s, path, paths, but=str(flow.name))
        for other in others:
            alone &= np.isclose(other(flow.source, flow.target, t_s)[0], arrival_s, rtol=0, atol=0)
        yield Looks(t_s, arrival_s, path, paths, alone)


def shared(run: Run, sent_s: np.ndarray, path: np.ndarray, paths: list[Path], but: str = "") -> np.ndarray:
    """Whether each packet, sent at sent_s over paths[path] (-1: lost), shared a link with a load, that of the
    flow `but` aside, or with foreign traffic, or met what was set by hand: bool, shape of sent_s.
    """
    met = np.zeros(len(sent_s), bool)
    links = [set(link_numbers(run.plan, way)) for way in paths]
    for load in loads(run):
        if load.flow.name == but:
            continue
        meets = np.zeros((len(paths) + 1, len(load.paths)), bool)  # the last row: no path
        for j, loaded in enumerate(load.links):
            meets[:-1, j] = [bool(crossed & loaded) for crossed in links]
        during = (sent_s >= load.start_s) & (sent_s <= load.stop_s + TAIL_S)
        before = np.clip(np.searchsorted(load.t_s, sent_s) - 1, 0, len(load.t_s) - 1)
        after = np.clip(before + 1, 0, len(load.t_s) - 1)
        met |= during & (meets[path, load.path[before]] | meets[path, load.path[after]])
    return met | foreign.meets(run, sent_s, path, paths) | hand.meets(run, sent_s, path, links)
