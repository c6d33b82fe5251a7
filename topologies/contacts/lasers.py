"""Links within a layer, by its pattern: which satellites are meant, and when such a link stands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybed.topologies.arrays import Index
from skybed.topologies.contacts import listed
from skybed.topologies.contacts.access import setup_s
from skybed.topologies.contacts.motion import Motion, Span
from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.contacts.spans import Spans, common
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.model.links import LinkClass
from skybed.topologies.model.space import BY_PLANES, Isl
from skybed.topologies.orbits import planes
from skybed.topologies.orbits.geometry import WGS72_RADIUS_KM


def within(motion: Motion, name: str) -> list[Span]:
    """Links within a layer, to until_s: they stand on."""
    isl = motion.scenario.layers[name].isl
    if isl.pattern == "listed":
        return list(_listed(motion, isl))
    if isl.pattern in BY_PLANES:
        return list(_by_planes(motion, name))
    return []


def conditions(isl: Isl, link: LinkClass, between: bool = False) -> Conditions:
    """What must hold for a link of two satellites; `between` two planes the polar cut-off counts too."""
    return Conditions(
        max_range_km=isl.max_range_km or link.max_range_km,
        min_radius_km=WGS72_RADIUS_KM + isl.grazing_altitude_km,
        max_latitude_deg=isl.polar_cutoff_deg if between else None,
    )


# -- patterns --------------------------------------------------------------------------------------


def _by_planes(motion: Motion, name: str) -> Iterator[Span]:
    layer, nodes = motion.scenario.layers[name], motion.layer(name)
    satrecs = [motion.satellites[n].satrec for n in nodes]
    wanted = pairs(layer.isl, planes.of_layer(layer, satrecs, motion.scenario.epoch))
    link = motion.scenario.link_class(layer.isl.link)
    for between in (False, True):
        a, b = (nodes[end[wanted.between == between]] for end in (wanted.a, wanted.b))
        seen = _seen(motion, a, b, conditions(layer.isl, link, between))
        yield from _made(a, b, "isl", layer.isl.link, _acquired(motion, a, b, link, seen))


def _listed(motion: Motion, isl: Isl) -> Iterator[Span]:
    """A row's times cut what stands: a link that is in view has been acquired before they begin."""
    index = {name: n for n, name in enumerate(motion.names)}
    times: dict[tuple[str, bool], dict[tuple[int, int], list[tuple[float, float]]]] = {}
    for row in listed.rows(isl.links or ""):
        a, b = sorted((index[row.a], index[row.b]))
        kind = row.link_class or isl.link, b >= motion.sky.satellites
        times.setdefault(kind, {}).setdefault((a, b), []).append((row.from_s, row.until_s))
    for (class_name, ground), rows in times.items():
        link = motion.scenario.link_class(class_name)
        a, b = np.array(list(rows), np.int64).T
        which = conditions(isl, link)
        if ground:
            which = Conditions(which.max_range_km, min_elevation_deg=link.min_elevation_deg or 0.0)
        counts = [len(spans) for spans in rows.values()]
        from_s, until_s = np.concatenate(list(rows.values())).T
        meant = Spans(np.repeat(np.arange(len(rows)), counts), from_s, until_s)
        seen = _seen(motion, *((b, a) if ground else (a, b)), which)
        stands = common(_acquired(motion, a, b, link, seen), meant)
        yield from _made(a, b, "access" if ground else "isl", class_name, stands)


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


def _made(a: Index, b: Index, kind: str, class_name: str, stands: Spans) -> Iterator[Span]:
    for pair, start_s, end_s in zip(*(column.tolist() for column in stands), strict=True):
        yield Span(int(a[pair]), int(b[pair]), kind, class_name, start_s, end_s)
