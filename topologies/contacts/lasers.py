"""Links among satellites, by their pattern: which satellites are meant, and when such a link stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import listed, nearest, ruled
from skybed.topologies.contacts.access import setup_s
from skybed.topologies.contacts.motion import Motion, Span
from skybed.topologies.contacts.nodes import LINK_KINDS
from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.contacts.spans import Spans, common, spans, union
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.model.links import Access, LinkClass
from skybed.topologies.model.space import BY_PLANES, Between, Isl, Lasers
from skybed.topologies.orbits import planes
from skybed.topologies.orbits.geometry import WGS72_RADIUS_KM


def within(motion: Motion, name: str) -> list[Span]:
    """Links within a layer, to until_s: they stand on."""
    isl, nodes = motion.scenario.layers[name].isl, motion.layer(name)
    if isl.pattern in BY_PLANES:
        return list(_by_planes(motion, name))
    return _by_rule(motion, isl, nodes, nodes)


def between(motion: Motion, rule: Between) -> list[Span]:
    """Links of satellites of some layers."""
    layers = [motion.layer(name) for name in rule.layers]
    nodes = np.sort(np.concatenate([np.zeros(0, np.int64), *layers]))
    group = np.zeros(len(nodes), np.int64)
    for number, layer in enumerate(layers):
        group[np.searchsorted(nodes, layer)] = number
    return _by_rule(motion, rule, nodes, group)


def _by_rule(motion: Motion, rule: Lasers, nodes: Index, group: Index) -> list[Span]:
    """Links of nodes, ascending, by a pattern that needs no planes; group: see nearest.decisions."""
    times_s = np.arange(0, motion.until_s, rule.every_s)
    if rule.pattern == "nearest":
        which = conditions(rule, motion.scenario.link_class(rule.link))
        chosen = nearest.decisions(motion.sky, nodes, group, rule, which, times_s)
        return list(_decided(motion, rule, nodes, times_s, chosen))
    if rule.python is not None:
        chosen = ruled.decisions(motion, nodes, rule.python, times_s)
        return list(_decided(motion, rule, nodes, times_s, chosen))
    return list(_listed(motion, rule)) if rule.pattern == "listed" else []


def conditions(rule: Lasers | Access, link: LinkClass) -> Conditions:
    """What must hold for a link of two satellites."""
    reach_km = rule.max_range_km or link.max_range_km
    return Conditions(max_range_km=reach_km, min_radius_km=WGS72_RADIUS_KM + rule.grazing_altitude_km)


def conditions_between_planes(isl: Isl, link: LinkClass) -> Conditions:
    return replace(conditions(isl, link), max_latitude_deg=isl.polar_cutoff_deg)


def conditions_to_ground(rule: Lasers, link: LinkClass) -> Conditions:
    """What must hold for a listed link of a station and a satellite. The horizon always counts."""
    elevation_deg = link.min_elevation_deg or 0.0
    return Conditions(rule.max_range_km or link.max_range_km, min_elevation_deg=elevation_deg)


# -- patterns --------------------------------------------------------------------------------------


def _by_planes(motion: Motion, name: str) -> Iterator[Span]:
    layer, nodes = motion.scenario.layers[name], motion.layer(name)
    satrecs = [motion.satellites[n].satrec for n in nodes]
    wanted = pairs(layer.isl, planes.of_layer(layer, satrecs, motion.scenario.epoch))
    link = motion.scenario.link_class(layer.isl.link)
    for between, limits in ((False, conditions), (True, conditions_between_planes)):
        a, b = (nodes[end[wanted.between == between]] for end in (wanted.a, wanted.b))
        seen = _seen(motion, a, b, limits(layer.isl, link))
        yield from _made(a, b, "isl", layer.isl.link, _acquired(motion, a, b, link, seen))


def _decided(
    motion: Motion, rule: Lasers, nodes: Index, times_s: Array, chosen: Iterable[Index]
) -> Iterator[Span]:
    """Links that are chosen anew at times: pairs i * len(nodes) + j each, see nearest and ruled."""
    keys = list(chosen)
    start_s = np.repeat(times_s, [len(key) for key in keys])
    pair, key = np.unique(np.concatenate(keys), return_inverse=True)
    meant = union(spans(key, start_s, np.minimum(start_s + rule.every_s, motion.until_s)))
    a, b = (nodes[end] for end in np.divmod(pair, len(nodes)))
    link = motion.scenario.link_class(rule.link)
    seen = common(_seen(motion, a, b, conditions(rule, link)), meant)
    yield from _made(a, b, "isl", rule.link, _acquired(motion, a, b, link, seen))


def _listed(motion: Motion, rule: Lasers) -> Iterator[Span]:
    """A row's times cut what stands: a link that is in view has been acquired before they begin. One whose
    delay is given stands as it says.
    """
    index = {name: n for n, name in enumerate(motion.names)}
    times: dict[tuple[str, bool, bool], dict[tuple[int, int], list[tuple[float, float]]]] = {}
    for row in listed.of_rule(rule, motion.names, motion.scenario.begin):
        a, b = sorted((index[row.a], index[row.b]))
        on_ground = sum(end >= motion.sky.satellites for end in (a, b))
        ground = on_ground > 0
        turned = ground or index[row.a] > index[row.b]
        class_name = row.link_class or rule.link
        if row.given:
            if row.from_s < motion.until_s:
                until_s = min(row.until_s, motion.until_s)
                yield Span(a, b, LINK_KINDS[on_ground], class_name, row.from_s, until_s, turned, given=True)
            continue
        times.setdefault((class_name, ground, turned), {}).setdefault((a, b), []).append(
            (row.from_s, row.until_s)
        )
    for (class_name, ground, turned), rows in times.items():
        link = motion.scenario.link_class(class_name)
        a, b = np.array(list(rows), np.int64).T
        which = (conditions_to_ground if ground else conditions)(rule, link)
        counts = [len(spans) for spans in rows.values()]
        from_s, until_s = np.concatenate(list(rows.values())).T
        meant = Spans(np.repeat(np.arange(len(rows)), counts), from_s, until_s)
        seen = _seen(motion, *((b, a) if ground else (a, b)), which)
        stands = common(_acquired(motion, a, b, link, seen), meant)
        yield from _made(a, b, "access" if ground else "isl", class_name, stands, turned)


# -- when they stand -------------------------------------------------------------------------------


def _seen(motion: Motion, a: Index, b: Index, conditions: Conditions) -> Spans:
    """When each pair (a, b) can be linked, by its number."""
    return Spans(*intervals(motion.sky, a, b, conditions, motion.until_s))


def _acquired(motion: Motion, a: Index, b: Index, link: LinkClass, seen: Spans) -> Spans:
    """When links of pairs stand that are set up once they are seen, or taken as set up if that is at 0."""
    start_s, nth, before = seen.start_s.copy(), 0, -1
    for row, pair in enumerate(seen.key.tolist()):
        nth, before = (nth + 1 if pair == before else 0), pair
        if start_s[row] > 0:
            name = f"{motion.names[a[pair]]}--{motion.names[b[pair]]}"
            start_s[row] += setup_s(link, motion.scenario.seed, name, nth)
    return seen._replace(start_s=start_s).where(start_s < seen.end_s)


def _made(
    a: Index, b: Index, kind: str, class_name: str, stands: Spans, turned: bool = False
) -> Iterator[Span]:
    for pair, start_s, end_s in zip(*(column.tolist() for column in stands), strict=True):
        yield Span(int(a[pair]), int(b[pair]), kind, class_name, start_s, end_s, turned)
