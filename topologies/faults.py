"""Unplanned outages: what they do to contacts, and when routing notices."""

from __future__ import annotations

import math

import pandas as pd

from topologies.contacts import Link, Node, contact_frame
from topologies.errors import ScenarioError
from topologies.scenario import Scenario

Spans = list[tuple[float, float]]


def outages(scenario: Scenario, nodes: list[Node], links: list[Link], duration_s: float) -> pd.DataFrame:
    """The scenario's faults, one row per link they touch: link, kind, start_s, end_s (inf: never repaired).

    Outages of one kind on one link that overlap are one.
    """
    index = {node.name: n for n, node in enumerate(nodes)}
    touched: dict[tuple[int, str], Spans] = {}
    for number, fault in enumerate(scenario.faults):
        if fault.at_s >= duration_s:
            continue
        ends = fault.link or (fault.node,)
        wanted = {index[str(name)] for name in ends}
        hit = [n for n, link in enumerate(links) if wanted <= {link.a, link.b}]
        if fault.link and not hit:
            raise ScenarioError(
                f"{scenario.where('faults', number)}: {fault.link[0]} and {fault.link[1]} are never linked "
                f"in this plan; name a link of it or a node."
            )
        for n in hit:
            until_s = fault.at_s + (fault.for_s or math.inf)
            touched.setdefault((n, fault.kind), []).append((fault.at_s, until_s))
    rows = [(n, kind, *span) for (n, kind), spans in sorted(touched.items()) for span in union(spans)]
    frame = pd.DataFrame(rows, columns=["link", "kind", "start_s", "end_s"])
    return frame.astype({"link": "int32", "kind": "str", "start_s": "float64", "end_s": "float64"})


def cut(contacts: pd.DataFrame, lost: pd.DataFrame, detection_s: float) -> pd.DataFrame:
    """Contacts without the outages that take the carrier.

    Routing leaves such a link `detection_s` after its loss, and is back on it at the repair.
    """
    carrier = _by_link(lost[lost.kind == "carrier"])
    if not carrier:
        return contacts
    rows = []
    for link, start, end, route_start, route_end in contacts.itertuples(index=False):
        for a, b in minus([(start, end)], carrier.get(link, [])):
            known = route_end if b == end else min(route_end, b + detection_s)
            rows.append((link, a, b, max(a, route_start), max(a, known)))
    return contact_frame(rows)


def routed(contacts: pd.DataFrame, lost: pd.DataFrame, detection_s: float, links: int) -> list[Spans]:
    """For each link the spans in which routing uses it: disjoint, sorted."""
    usable: list[Spans] = [[] for _ in range(links)]
    for row in contacts.itertuples():
        usable[row.link].append((row.route_start_s, row.route_end_s))
    silent = _by_link(lost[lost.kind == "silent"])
    for link, spans in enumerate(usable):
        known = union([(start + detection_s, end) for start, end in silent.get(link, [])])
        usable[link] = minus(union(spans), known)
    return usable


def silences(contacts: pd.DataFrame, lost: pd.DataFrame) -> list[tuple[int, float, float]]:
    """(link, start_s, end_s) in which a link stands and yet drops everything; cut to contacts."""
    silent = _by_link(lost[lost.kind == "silent"])
    found = []
    for row in contacts.itertuples():
        for start, end in silent.get(row.link, []):
            if max(start, row.start_s) < min(end, row.end_s):
                found.append((row.link, max(start, row.start_s), min(end, row.end_s)))
    return found


def union(spans: Spans) -> Spans:
    """Disjoint, sorted, without empty ones; those that touch are joined."""
    merged: Spans = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def minus(spans: Spans, holes: Spans) -> Spans:
    """What is left of disjoint sorted spans outside the holes (disjoint, sorted)."""
    left = []
    for start, end in spans:
        for a, b in holes:
            if b <= start or a >= end:
                continue
            if a > start:
                left.append((start, a))
            start = b
        if start < end:
            left.append((start, end))
    return left


def _by_link(lost: pd.DataFrame) -> dict[int, Spans]:
    spans: dict[int, Spans] = {}
    for row in lost.itertuples():
        spans.setdefault(row.link, []).append((row.start_s, row.end_s))
    return spans
