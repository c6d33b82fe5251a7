"""Orbital planes: which satellites share one, their order in it, and which plane is next to which.

Those of a Walker are its numbers. Those of an element file are found: real files have planes of unequal
numbers, slots that are empty, spares, satellites on their way to another altitude.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sgp4.api import Satrec
from sgp4.conveniences import jday_datetime

from skybed.topologies.arrays import Array, Index
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits.walker import goes_round

INCLINATION_DEG = 0.1  # between two sorted inclinations: more parts them
MOTION = 0.002  # by so much of it mean motions of one shell differ at most: 10 km of altitude at 780 km
FEW = 0.05  # of the satellites of the largest shell: those of a smaller one are on their way
SAME_DEG, WIDEST_DEG = 0.2, 1.0  # right ascensions so near are of one plane; gaps within one are no wider
THIN = 0.25  # of the median number in a plane: one with fewer is none of its shell's
EQUATORIAL_DEG = 1.0  # inclination below which right ascensions mean nothing
WIDE = 1.5  # of the mean of the other gaps between planes: a wider one, of over 90 deg, is an end
ROUNDING_DEG = 0.05  # by so much an angle may be below 0 and count as 0
LEAST_GAP = 1e-3  # of a revolution: satellites nearer to each other fly in formation
TIE = 0.1  # of a slot: what is up to so much over half a slot ahead is the neighbour, for ties are common


class Chain(NamedTuple):
    """Planes each of which is next to the one before: so many from number `first` on. turn: by how
    many revolutions phase has advanced after the last, seen from the first; 0 where they do not go round.
    """

    first: int
    planes: int
    turn: float


class Arrangement(NamedTuple):
    """Of each satellite of a layer its plane, its slot (order in the plane, from 0) and its phase: place in
    the plane in revolutions, ascending with the slot, and the same for neighbours in planes that are next to
    each other. strays: those that fit no plane of a chain with others.
    """

    plane: Index
    slot: Index
    phase: Array
    chains: tuple[Chain, ...]
    strays: Index


def of_layer(layer: Layer, satrecs: Sequence[Satrec], epoch: dt.datetime) -> Arrangement:
    """Of a layer's satellites; those of files are looked at as they are at the epoch."""
    if not layer.is_arranged:
        return found(satrecs, epoch)
    if layer.walker:
        planes, per_plane, turn = layer.walker.planes, layer.walker.per_plane, 0.0
        if goes_round(layer.walker) and not isinstance(layer.walker.phasing, str):
            turn = round(layer.walker.phasing) / per_plane
    else:
        assert layer.geostationary
        planes, per_plane, turn = 1, len(layer.geostationary.longitudes_deg), 0.0
    plane, slot = np.divmod(np.arange(planes * per_plane), per_plane)
    return Arrangement(
        plane, slot, (slot + 0.5) / per_plane, (Chain(0, planes, turn),), np.zeros(0, np.int64)
    )


def found(satrecs: Sequence[Satrec], epoch: dt.datetime) -> Arrangement:
    """Planes of satellites by their SGP4 elements, all brought to the epoch by SGP4's own secular rates.

    A shell has one inclination and mean motion, a plane of it one right ascension. In each plane satellites
    follow by argument of latitude; from one plane to the next it is counted from where a satellite has the
    nearest phase, which is the same for the whole plane, and of two about equally near (half a slot and up to
    TIE) the one ahead. So slots are those of a Walker with -0.4 P < F < 0.6 P; F and F - P are the same
    satellites. Planes count from the
    lowest right ascension or, where they do not go round the Earth, from after the widest gap.
    """
    motion, inclination_deg, raan_deg, latitude_deg = _mean(satrecs, epoch)
    level = np.minimum(inclination_deg, 180 - inclination_deg) < EQUATORIAL_DEG
    latitude_deg = np.where(level, raan_deg + latitude_deg, latitude_deg)
    raan_deg = np.where(level, 0.0, raan_deg)
    shells = _shells(motion, inclination_deg)
    largest = max(map(len, shells), default=0)
    chains: list[list[Index]] = []
    alone = [np.array([n]) for n in np.flatnonzero(np.isnan(motion)).tolist()]
    for shell in shells:
        if len(shell) < FEW * largest:
            alone += [np.array([n]) for n in shell.tolist()]
            continue
        planes = [shell[members] for members in _planes(raan_deg[shell])]
        thin = THIN * np.median([len(plane) for plane in planes])
        chains.append([plane for plane in planes if len(plane) >= thin])
        alone += [plane for plane in planes if len(plane) < thin]
    strays = np.sort(np.concatenate([np.zeros(0, np.int64), *alone]))
    if largest == 1:  # no two have anything in common
        strays = np.arange(len(satrecs))
    chains += [[plane] for plane in sorted(alone, key=lambda plane: int(plane[0]))]
    return _arranged(chains, np.nan_to_num(raan_deg), np.nan_to_num(latitude_deg / 360), strays)


def _mean(satrecs: Sequence[Satrec], epoch: dt.datetime) -> tuple[Array, Array, Array, Array]:
    """Mean motion (rad/min), inclination, right ascension, mean argument of latitude (deg) at a time; nan
    where SGP4 fails.
    """
    at = jday_datetime(epoch)
    rows = []
    for satrec in satrecs:
        failed = satrec.sgp4(*at)[0]
        rows.append([np.nan] * 4 if failed else [satrec.nm, satrec.im, satrec.Om, satrec.om + satrec.mm])
    motion, *angles = np.array(rows, float).reshape(-1, 4).T
    inclination, raan, latitude = np.degrees(angles)
    return motion, inclination, raan, latitude


def _shells(motion: Array, inclination_deg: Array) -> list[Index]:
    """Satellites of one inclination and mean motion, the largest group first."""
    shells: list[Index] = []
    order = np.argsort(inclination_deg, kind="stable")[: np.count_nonzero(~np.isnan(motion))]
    for group in np.split(order, np.flatnonzero(np.diff(inclination_deg[order]) > INCLINATION_DEG) + 1):
        left = group[np.argsort(motion[group], kind="stable")]
        while len(left):
            end = np.searchsorted(motion[left], motion[left] * (1 + MOTION), side="right")
            begin = int(np.argmax(end - np.arange(len(left))))
            shells.append(np.sort(left[begin : end[begin]]))
            left = np.delete(left, slice(begin, end[begin]))
    return sorted(shells, key=lambda shell: (-len(shell), int(shell[0])))


def _planes(raan_deg: Array) -> list[Index]:
    """Satellites of one right ascension, in its order. Which gaps are between planes shows where gaps, by
    size, grow most.
    """
    angle_deg = (raan_deg + ROUNDING_DEG) % 360
    order = np.argsort(angle_deg, kind="stable")
    gap_deg = _gaps(angle_deg[order], 360.0)
    sizes = np.append(SAME_DEG, np.sort(np.maximum(gap_deg, SAME_DEG)))
    growth = np.where(sizes[:-1] <= WIDEST_DEG, sizes[1:] / sizes[:-1], 0)
    cuts = np.flatnonzero(gap_deg > sizes[int(np.argmax(growth))]) + 1
    if len(cuts) < 2:
        return [order]
    return np.split(np.roll(order, -cuts[0]), cuts[1:] - cuts[0])


def _gaps(angle: Array, whole: float) -> Array:
    """From each of sorted angles to the next, and from the last to the first."""
    return np.diff(angle, append=angle[:1] + whole)


def _arranged(chained: list[list[Index]], raan_deg: Array, latitude: Array, strays: Index) -> Arrangement:
    """latitude: argument of latitude in revolutions. chained: the planes of each chain, in any order."""
    plane, slot = np.zeros((2, len(latitude)), np.int64)
    phase = np.zeros(len(latitude))
    chains: list[Chain] = []
    first = 0
    for planes in chained:
        planes, goes_round = _in_order(planes, raan_deg)
        begins, slots = _begins(planes, latitude)
        chains.append(Chain(first, len(planes), float(begins[-1] - begins[0]) if goes_round else 0.0))
        for number, (members, begin) in enumerate(zip(planes, begins[:-1], strict=True), start=first):
            place = (latitude[members] - begin + 0.5 / slots) % 1
            plane[members], phase[members] = number, place
            slot[members[np.argsort(place, kind="stable")]] = np.arange(len(members))
        first += len(planes)
    return Arrangement(plane, slot, phase, tuple(chains), strays)


def _in_order(planes: list[Index], raan_deg: Array) -> tuple[list[Index], bool]:
    """By right ascension, and whether they go round the Earth: else they begin after the widest gap."""
    turns = np.exp(1j * np.radians(raan_deg))
    centre_deg = np.array([np.degrees(np.angle(turns[plane].sum())) for plane in planes])
    angle_deg = (centre_deg + ROUNDING_DEG) % 360
    order = np.argsort(angle_deg, kind="stable")
    gap_deg = _gaps(angle_deg[order], 360.0)
    widest = int(np.argmax(gap_deg))
    others_deg = (360 - gap_deg[widest]) / max(1, len(planes) - 1)
    goes_round = len(planes) > 1 and bool(gap_deg[widest] <= max(90, WIDE * others_deg))
    if not goes_round:
        order = np.roll(order, -widest - 1)
    return [planes[n] for n in order.tolist()], goes_round


def _begins(planes: list[Index], latitude: Array) -> tuple[Array, int]:
    """Where slot 0 of each plane is, in revolutions, and of the first once more, seen from the last; and how
    many slots a plane has.

    The usual gap tells the number of slots; so many times the phase is the same for all in a plane.
    """
    gaps = [_gaps(np.sort(latitude[plane] % 1), 1.0) for plane in planes]
    slots = round(1 / max(float(np.median(np.concatenate(gaps))), LEAST_GAP))
    comb = np.array([np.exp(2j * np.pi * slots * latitude[plane]).mean() for plane in planes])
    offset = np.angle(comb) / (2 * np.pi)  # of the comb, in slots
    step = (np.diff(offset, append=offset[0]) + 0.5 - TIE) % 1 - 0.5 + TIE
    clear = np.abs(comb) > 0.5
    step[~(clear & np.roll(clear, -1))] = 0.0  # numbers differ: any phase is as good
    start = (offset[0] + TIE) % 1 - TIE
    return np.concatenate([[start], start + np.cumsum(step)]) / slots, slots
