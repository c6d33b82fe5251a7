"""Outages: which links they take and when, what that does to contacts, and when routing knows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Index
from skybed.topologies.contacts.contacts import contact_frame
from skybed.topologies.contacts.motion import Motion
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.spans import Spans, common, joined, latest, minus, spans, union
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.faults import LINK_KINDS, Fault
from skybed.topologies.model.routing import Routing
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits import chance
from skybed.topologies.orbits.tracks import Track, standing

CARRIER, SILENT = "carrier", "silent"
DRAWN_AT_ONCE = 16  # failures

Known = Callable[[Fault], bool]


# -- from faults to outages of links ---------------------------------------------------------------


def outages(motion: Motion, links: list[Link], duration_s: float, known: Known | None = None) -> pd.DataFrame:
    """The scenario's faults, or those that are known, one row per link they touch: link, kind, planned,
    start_s, end_s (when it works again, set-up included; inf: never).

    Outages of a link that are of one kind, and equally planned, and overlap are one.
    """
    outages_of: dict[tuple[str, bool], list[Spans]] = {}
    regions = itertools.count(len(motion.names))  # where the sky has their centres
    for fault in motion.scenario.faults:
        centre = next(regions) if fault.region else None
        if known is None or known(fault):
            lost = _repaired(motion, fault, links, _lost(motion, fault, links, centre, duration_s))
            outages_of.setdefault((fault.kind, fault.planned), []).append(lost)
    frames = [
        pd.DataFrame(union(joined(parts))._asdict()).assign(kind=kind, planned=planned)
        for (kind, planned), parts in outages_of.items()
    ]
    frame = (
        pd.concat(frames) if frames else pd.DataFrame(columns=["key", "kind", "planned", "start_s", "end_s"])
    )
    frame = frame.rename(columns={"key": "link"})[["link", "kind", "planned", "start_s", "end_s"]]
    types = {"link": "int32", "kind": "str", "planned": "bool", "start_s": "float64", "end_s": "float64"}
    return frame.astype(types).sort_values(["link", "start_s", "kind", "planned"], ignore_index=True)


def check(scenario: ScenarioModel, nodes: list[Node], links: list[Link]) -> None:
    """Raise ScenarioError for a fault of links of which the plan has none."""
    for number, fault in enumerate(scenario.faults):
        if fault.link and not len(_links(fault, [node.name for node in nodes], links)):
            raise ScenarioError(
                f"{scenario.where('faults', number)}: {fault.link[0]} and {fault.link[1]} are never linked "
                f"in this plan; name a link of it or a node."
            )
        if fault.links and not len(_links(fault, [], links)):
            raise ScenarioError(
                f"{scenario.where('faults', number)}: no link of this plan is of {fault.links}; name a kind "
                f"or a class that it has."
            )


def centres(scenario: ScenarioModel) -> list[Track]:
    """The centres of faults' regions, in the order of the faults, as places that stand."""
    return [standing(x.region.lat_deg, x.region.lon_deg) for x in scenario.faults if x.region]


def _lost(motion: Motion, fault: Fault, links: list[Link], centre: int | None, duration_s: float) -> Spans:
    """When a fault holds links down, by link, before they are acquired anew."""
    if fault.link or fault.links:
        hit = _links(fault, motion.names, links)
        return _when(motion, fault, hit, [links[n].name for n in hit], duration_s)
    if centre is None:
        hit = _nodes(motion, fault)
        down = union(_when(motion, fault, hit, [motion.names[n] for n in hit], duration_s))
    else:
        down = _in_region(motion, fault, centre, duration_s)
    ends = [link.a for link in links], [link.b for link in links]
    return union(*(_at(np.array(nodes, np.int64), down) for nodes in ends))


def _links(fault: Fault, names: list[str], links: list[Link]) -> Index:
    if fault.link:
        ends = {names.index(name) for name in fault.link}
        return np.array([n for n, link in enumerate(links) if ends == {link.a, link.b}], np.int64)
    field = "kind" if fault.links in LINK_KINDS else "class_name"
    return np.array([n for n, link in enumerate(links) if getattr(link, field) == fault.links], np.int64)


def _nodes(motion: Motion, fault: Fault) -> Index:
    if fault.node is not None:
        return np.array([motion.names.index(fault.node)])
    if fault.layer is not None:
        return motion.layer(fault.layer)
    assert fault.plane is not None
    return np.array(
        [n for n, s in enumerate(motion.satellites) if (s.layer, s.plane) == fault.plane], np.int64
    )


def _in_region(motion: Motion, fault: Fault, centre: int, duration_s: float) -> Spans:
    """When nodes are within the region of a fault while it lasts: they come and go."""
    assert fault.region is not None
    nodes, near = np.arange(len(motion.names)), Conditions(max_apart_km=fault.region.radius_km)
    seen = intervals(motion.sky, np.full(len(nodes), centre), nodes, near, motion.until_s)
    inside = Spans(seen.pair, seen.start_s, np.where(seen.end_s < motion.until_s, seen.end_s, np.inf))
    name = f"{fault.region.lat_deg}/{fault.region.lon_deg}/{fault.region.radius_km}"
    when = _when(motion, fault, np.zeros(1, np.int64), [name], duration_s)
    return common(inside, joined([when._replace(key=np.full(len(when.key), n)) for n in nodes]))


def _at(nodes: Index, down: Spans) -> Spans:
    """When the node at one end of each link is down, by link."""
    links = pd.DataFrame({"key": nodes, "link": np.arange(len(nodes))})
    both = links.merge(pd.DataFrame(down._asdict()), on="key")
    return Spans(*(both[name].to_numpy() for name in ("link", "start_s", "end_s")))


def _when(motion: Motion, fault: Fault, keys: Index, names: list[str], duration_s: float) -> Spans:
    """When a fault lasts, for each of its targets."""
    if fault.at_s is None:
        every = [_failures(motion.scenario.seed, fault, name, duration_s) for name in names]
        return joined([x._replace(key=np.full(len(x.key), key)) for key, x in zip(keys, every, strict=True)])
    if fault.at_s >= duration_s:
        return spans()
    return spans(keys, fault.at_s, fault.at_s + (fault.for_s or math.inf))


def _failures(seed: int, fault: Fault, name: str, duration_s: float) -> Spans:
    """Random failures of a target that works at first: up and down times are exponential.

    They follow the seed, the target's name and the fault's own kind and means alone, and a longer duration
    only adds to them.
    """
    assert fault.mtbf_s is not None and fault.mttr_s is not None
    means = fault.mtbf_s, fault.mttr_s
    edges, until_s = [], 0.0
    for drawn in chance.exponential(means, DRAWN_AT_ONCE, seed, name, fault.kind, *means):
        edges.append(until_s + np.cumsum(drawn).reshape(-1, 2))
        until_s = edges[-1][-1, 1]
        if until_s >= duration_s:
            break
    start_s, end_s = np.concatenate(edges).T
    return spans(0, start_s[start_s < duration_s], end_s[start_s < duration_s])


def _repaired(motion: Motion, fault: Fault, links: list[Link], lost: Spans) -> Spans:
    """Outages with the time that it then takes to acquire the link."""
    end_s = []
    for link, start, end in zip(*(column.tolist() for column in lost), strict=True):
        usual = links[link].link_class.setup_s if fault.kind == CARRIER else 0.0
        again = usual if fault.reacquire_s is None else fault.reacquire_s
        end_s.append(end + chance.between(again, motion.scenario.seed, links[link].name, "again", start))
    return lost._replace(end_s=np.array(end_s, float))


# -- what they do to contacts, and what routing knows ----------------------------------------------


def of_kind(lost: pd.DataFrame, kind: str, planned: bool | None = None) -> Spans:
    """The outages of one kind, planned or not (None: both), by link."""
    rows = lost[(lost.kind == kind) & (True if planned is None else lost.planned == planned)]
    return union(spans(*(rows[name].to_numpy() for name in ("link", "start_s", "end_s"))))


def cut(contacts: pd.DataFrame, lost: pd.DataFrame, rule: Routing) -> pd.DataFrame:
    """Contacts without the outages that take the carrier.

    Routing leaves such a link one drain time before a planned outage, and `detection_ms` after it was lost
    otherwise; it is back when the link is.
    """
    carrier, planned = of_kind(lost, CARRIER), of_kind(lost, CARRIER, planned=True)
    if not len(carrier.key):
        return contacts
    whole = of_contacts(contacts)
    left = minus(whole, carrier)
    row = latest(whole, left.key, left.start_s)
    route_start_s, route_end_s = (contacts[name].to_numpy()[row] for name in ("route_start_s", "route_end_s"))
    outage = latest(planned, left.key, left.end_s)
    foreseen = np.append(planned.start_s, np.nan)[outage] == left.end_s  # nan at -1, where there is none
    known_s = left.end_s + np.where(foreseen, -rule.drain_s, rule.detection_ms / 1000)
    known_s = np.where(left.end_s == whole.end_s[row], route_end_s, np.minimum(route_end_s, known_s))
    route_start_s = np.maximum(left.start_s, route_start_s)
    return contact_frame(np.column_stack([*left, route_start_s, np.maximum(route_start_s, known_s)]))


def of_contacts(contacts: pd.DataFrame) -> Spans:
    """When links stand."""
    return spans(*(contacts[name].to_numpy() for name in ("link", "start_s", "end_s")))


def routed(contacts: pd.DataFrame, lost: pd.DataFrame, rule: Routing) -> Spans:
    """When routing uses links: silent outages too are left before they begin, or once they are noticed."""
    usable = spans(*(contacts[name].to_numpy() for name in ("link", "route_start_s", "route_end_s")))
    planned, other = of_kind(lost, SILENT, planned=True), of_kind(lost, SILENT, planned=False)
    left = planned._replace(start_s=planned.start_s - rule.drain_s)
    noticed = other._replace(start_s=other.start_s + rule.detection_ms / 1000)
    return minus(usable, union(left, noticed))


def silences(contacts: pd.DataFrame, lost: pd.DataFrame) -> Spans:
    """When links stand and yet drop everything."""
    return common(of_contacts(contacts), of_kind(lost, SILENT))
