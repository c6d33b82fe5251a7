"""Radio links: C/N from where the ends are and what is between them, and the rate that it carries; and light,
which clouds stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.courses.sight import Sight, seen
from skybed.topologies.contacts.courses.steps import Steps, instants, sorted_by_key, without_repeats
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.contacts.overhead import LOWEST_DEG, Overhead
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model.radio import ADAPTIVE, Radio
from skybed.topologies.orbits.ephemeris import Ephemeris
from skybed.topologies.radio import budget, gases, modcods
from skybed.topologies.radio.modcods import Modcod

CLOUDS_EVERY_S = 1.0

Overheads = Mapping[int, Overhead]  # by the number of a ground node


class Signal(NamedTuple):
    """Of directions, at instants of their contacts: row of the contact, run time, C/N (see c_n_db), and the
    number of the MODCOD in use in `table`, NONE in an outage.
    """

    row: Index
    t_s: Array
    c_n_db: Array
    used: Index


class Ends(NamedTuple):
    """The nodes that send and hear, numbers in the sky: of each contact."""

    sends: Index
    hears: Index


def ends(links: Sequence[Link], side: Index) -> Ends:
    """Of directions of links: what node a (side 0) or b sends."""
    a, b = (np.array([getattr(link, end) for link in links], np.int64) for end in ("a", "b"))
    return Ends(np.where(side == 0, a, b), np.where(side == 0, b, a))


def table(radio: Radio) -> list[Modcod]:
    """The MODCODs that a radio may use, in the order of which they are numbered."""
    known = radio.modcods
    rows = modcods.TABLES[known] if isinstance(known, str) else [Modcod(*row) for row in known]
    return modcods.ladder(rows) if radio.modcod == ADAPTIVE else rows


def heard(
    radio: Radio, contacts: Spans, ends: Ends, sky: Ephemeris, overheads: Overheads, zero_s: float = 0.0
) -> Signal:
    """At the begin of each contact, and every radio.every_s. zero_s: the run time that is 0 in the sky."""
    row, t_s = instants(contacts, radio.every_s)
    c_n = c_n_db(radio, t_s, Ends(ends.sends[row], ends.hears[row]), sky, overheads, zero_s)
    if radio.modcod == ADAPTIVE:
        begins = np.append(True, np.diff(row) != 0)[: len(row)]
        used = modcods.adaptive(table(radio), c_n, radio.hysteresis_db, begins)
    else:
        plan = [(0.0, radio.modcod)] if isinstance(radio.modcod, str) else radio.modcod
        used = modcods.planned(table(radio), plan, t_s, c_n)
    return Signal(row, t_s, c_n, used)


def c_n_db(
    radio: Radio, t_s: Array, ends: Ends, sky: Ephemeris, overheads: Overheads, zero_s: float = 0.0
) -> Array:
    """Es/N0, which is C/N in the bandwidth of the symbol rate, less the margin: what is held against the
    thresholds of MODCODs. At run times, of ends: all of one length. docs/links.md has the formula.
    """
    if not len(t_s):
        return np.zeros(0)
    sight = seen(sky, *ends, t_s - zero_s)
    losses_db = budget.free_space_db(sight.range_km, radio.frequency_ghz) + radio.losses_db
    if radio.beamwidth_deg is not None:
        losses_db += budget.pointing_db(radio.pointing_error_deg, radio.beamwidth_deg)
    for node, rows in _under(sight, ends):
        losses_db[rows] += _air_db(
            radio, overheads[node], t_s[rows], Sight(*(x[rows] for x in sight)), ends.hears[rows] == node
        )
    c_n0_dbhz = budget.c_n0_dbhz(radio.eirp_dbw, radio.g_over_t_db_k, losses_db)
    symbols_mbd = budget.symbol_rate_mbd(radio.bandwidth_mhz, radio.roll_off)
    return budget.es_n0_db(c_n0_dbhz, symbols_mbd) - radio.margin_db


def _under(sight: Sight, ends: Ends) -> list[tuple[int, Index]]:
    """Each ground node at one end of a line to space, and the rows of those lines."""
    slant = np.flatnonzero(~np.isnan(sight.elevation_deg))
    ground = np.maximum(ends.sends, ends.hears)[slant]
    return [(int(node), slant[ground == node]) for node in np.unique(ground)]


def _air_db(radio: Radio, overhead: Overhead, t_s: Array, sight: Sight, hears: np.ndarray) -> Array:
    """What the air takes; hears: bool, whether the station is it that hears, and so the rain's own noise."""
    elevation_deg = np.maximum(sight.elevation_deg, LOWEST_DEG)
    height_km = np.clip(sight.height_km, 0.0, gases.HIGHEST_KM)
    gases_db = gases.slant_db(radio.frequency_ghz, elevation_deg, overhead.climate.vapour_g_m3, height_km)
    rain_db = overhead.rain_db(radio, t_s, sight)
    if radio.system_temperature_k is None:
        return gases_db + rain_db
    return (
        gases_db + rain_db + np.where(hears, budget.noise_rise_db(rain_db, radio.system_temperature_k), 0.0)
    )


def rates(radio: Radio, contacts: Spans, ends: Ends, sky: Ephemeris, overheads: Overheads) -> Steps:
    """What a radio carries, Mbit/s."""
    signal = heard(radio, contacts, ends, sky, overheads)
    symbols_mbd = budget.symbol_rate_mbd(radio.bandwidth_mhz, radio.roll_off)
    rate_mbps = modcods.rate_mbps(table(radio), signal.used, symbols_mbd) * radio.factor
    return _steps(contacts, signal.row, signal.t_s, rate_mbps)


def light(contacts: Spans, ends: Ends, sky: Ephemeris, overheads: Overheads) -> Steps:
    """0 while a cloud is in the way, else inf: no limit."""
    row, t_s = instants(contacts, CLOUDS_EVERY_S)
    rate_mbps = np.full(len(t_s), np.inf)
    if len(row):
        of = Ends(ends.sends[row], ends.hears[row])
        sight = seen(sky, *of, t_s)
        for node, rows in _under(sight, of):
            hidden = overheads[node].cloudy(t_s[rows], Sight(*(x[rows] for x in sight)))
            rate_mbps[rows[hidden]] = 0.0
    return _steps(contacts, row, t_s, rate_mbps)


def _steps(contacts: Spans, row: Index, t_s: Array, value: Array) -> Steps:
    return without_repeats(sorted_by_key(Steps(contacts.key[row], t_s, value)))
