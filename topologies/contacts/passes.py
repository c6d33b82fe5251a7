"""The passes of satellites over a ground node: when each rises, culminates and sets; what is a contact.

A pass is geometry: the time that a satellite is above an elevation. It need not lie within the plan, and is
whole where it begins before or ends after the time that is asked for. Edges are those of
visibility.intervals, culminations as exact. What of a pass is a contact only the plan knows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.contacts import access_conditions
from skybed.topologies.contacts.foresight import AHEAD_S, FIRST_S
from skybed.topologies.contacts.lookangles import sky_of
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import covered_s
from skybed.topologies.contacts.sunlight import sunlit
from skybed.topologies.contacts.visibility import BATCH, GRID_S, Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import LONGEST_S
from skybed.topologies.orbits import ellipsoid, ephemeris, sun
from skybed.topologies.orbits.ephemeris import KNOT_S, Ephemeris, utc_texts
from skybed.topologies.orbits.roots import zeros

KNOTS = 2_000_000  # in memory at a time
SLOPE_S = 0.05  # over which the slope of an elevation is taken
MBIT_PER_MB = 8.0
MOMENTS = ("rise", "culmination", "set")
CONTACTS = [
    "contacts", "contact_start_s", "contact_end_s", "contact_s", "volume_up_mb", "volume_down_mb"
]  # fmt: skip


class Passes(NamedTuple):
    """Of each pass the number of its satellite, and its start, culmination and end: times_s, run time, and
    the angles then, all (3, passes). sunlit: the share of it in which the Sun shines on the satellite;
    sun_deg: how high that stands over the ground node at its culmination. whole: (2, passes), False where it
    begins, or ends, beyond what was looked at: the time asked for then begins, or ends, it.
    """

    satellite: Index
    times_s: Array
    elevation_deg: Array
    azimuth_deg: Array
    sunlit: Array
    sun_deg: Array
    whole: np.ndarray


_NO = np.zeros((3, 0))
NONE = Passes(np.zeros(0, np.int64), _NO, _NO, _NO, np.zeros(0), np.zeros(0), np.zeros((2, 0), bool))


def table(
    network: Network,
    station: str,
    satellite: str | None = None,
    *,
    min_elevation_deg: float | None = None,
    from_s: float = 0.0,
    until_s: float | None = None,
) -> pd.DataFrame:
    """The passes over a station that are in view at some time between two run times, by their start.

    satellite: one, or all of a layer; None: all. min_elevation_deg: above which they are; None: as the link
    that joins the two asks for, see masks_deg. until_s: None: the plan's end.

    Columns: satellite, min_elevation_deg; rise_s, culmination_s, set_s (run time) and duration_s, nan where
    the satellite is in view for more than a day beyond the time asked for, within which it then culminates;
    rise_utc, culmination_utc, set_utc; max_elevation_deg; rise_azimuth_deg, culmination_azimuth_deg,
    set_azimuth_deg; sunlit_pct, the share of the pass in which the Sun shines on the satellite, and
    sun_elevation_deg, of the Sun over the station at the culmination, without refraction. Of contacts in it:
    contacts, how many; contact_start_s, contact_end_s, the start of the first and the end of the last;
    contact_s, how long they are together; volume_up_mb, volume_down_mb, which they can carry to and from the
    satellite.

    Raises ScenarioError for who is no station or no satellite, and for times and elevations that cannot be.
    """
    ground, satellites = station_of(network, station), satellites_of(network, satellite)
    until_s = network.duration_s if until_s is None else until_s
    if not -LONGEST_S <= from_s < until_s <= LONGEST_S:
        raise ScenarioError(
            f"Passes are asked for from {from_s:g} s until {until_s:g} s; give times that rise, "
            f"{LONGEST_S:.0f} s before or after the begin at most."
        )
    if min_elevation_deg is not None and not 0 <= min_elevation_deg < 90:
        raise ScenarioError(
            f"The least elevation is {min_elevation_deg:g} deg; it must be at least 0 and less than 90."
        )
    satellites = _aloft(network, satellites, from_s)
    masks = masks_deg(network, ground, satellites)
    if min_elevation_deg is not None:
        masks = np.full(len(satellites), min_elevation_deg)
    per_lot = max(1, int(KNOTS * KNOT_S / (until_s - from_s + 2 * FIRST_S)))
    parts = [
        seen
        for lot in (slice(n, n + per_lot) for n in range(0, len(satellites), per_lot))
        for seen in _seen(network, ground, satellites[lot], masks[lot], from_s, until_s)
    ]
    every = Passes._make(np.concatenate(column, axis=-1) for column in zip(NONE, *parts, strict=True))
    order = np.lexsort((every.satellite, every.times_s[0]))
    every = Passes._make(column[..., order] for column in every)
    return _frame(network, ground, masks[np.searchsorted(satellites, every.satellite)], every)


# -- who is meant --------------------------------------------------------------------------------


def station_of(network: Network, name: str) -> int:
    """The number of a ground node. Raises ScenarioError if there is none of this name."""
    stations = [node.name for node in network.nodes if node.kind == "ground"]
    if name not in stations:
        kind = "is a satellite" if name in network.index else "is not a node"
        raise ScenarioError(
            f"{name} {kind} of {network.scenario.name}; passes are over a station{hint(name, stations)}."
        )
    return network.node(name)


def satellites_of(network: Network, name: str | None) -> Index:
    """The numbers of a satellite, of those of a layer, or of all. Raises ScenarioError for another name."""
    scenario = network.scenario
    if name is None:
        return np.concatenate([network.layer(layer) for layer in scenario.layers])
    if name in scenario.layers:
        return network.layer(name)
    return np.array([satellite_of(network, name, scenario.layers)])


def satellite_of(network: Network, name: str, or_one_of: Collection[str] = ()) -> int:
    """The number of a satellite. Raises ScenarioError for another name; or_one_of: layers it may be, too."""
    satellites = [node.name for node in network.nodes if node.kind == "satellite"]
    if name not in satellites:
        kinds = "satellite and no layer" if or_one_of else "satellite"
        raise ScenarioError(
            f"{network.scenario.name} has no {kinds} {name}{hint(name, [*satellites, *or_one_of])}."
        )
    return network.node(name)


def masks_deg(network: Network, station: int, satellites: Index) -> Array:
    """Above which elevation the link of a station to each of some satellites can stand: by the first access
    rule that joins them, by the class of a link that they have without one, or else the horizon.
    """
    scenario, name = network.scenario, network.nodes[station].name
    of_layer: dict[str, float] = {}
    for rule in scenario.access:
        if name in scenario.stations_of(rule):
            conditions = access_conditions(rule, scenario.link_class(rule.link), ground=True)
            for layer in rule.targets:
                of_layer.setdefault(layer, conditions.min_elevation_deg or 0.0)
    masks = []
    for satellite in satellites.tolist():
        mask = of_layer.get(network.nodes[satellite].layer)
        number = network.link_between.get((station, satellite))
        if mask is None and number is not None:
            mask = network.links[number].link_class.min_elevation_deg
        masks.append(mask or 0.0)
    return np.array(masks, float)


def _aloft(network: Network, satellites: Index, t_s: float) -> Index:
    """Those that have a position at a run time; at the begin all have."""
    if t_s == 0:
        return satellites
    at = network.scenario.begin + dt.timedelta(seconds=t_s)
    rows = (network.orbits.iloc[n] for n in satellites)
    return satellites[np.array([ephemeris.aloft(row, at) for row in rows], bool)]


# -- geometry ------------------------------------------------------------------------------------


def _seen(
    network: Network, station: int, satellites: Index, masks: Array, from_s: float, until_s: float
) -> Iterator[Passes]:
    """All passes. Those that are cut are looked for again, in ever longer times around."""
    beyond_s = 0.0
    while len(satellites):
        nodes = np.append(satellites, station)
        sky, zero_s = sky_of(network, nodes, from_s - beyond_s, until_s + beyond_s)
        begin_s, end_s = from_s - beyond_s - zero_s, until_s + beyond_s - zero_s
        row, start_s, stop_s = _above(sky, masks, end_s)
        asked = (stop_s > from_s - zero_s) & (start_s < until_s - zero_s)
        row, stop_s, start_s = row[asked], stop_s[asked], np.maximum(start_s[asked], begin_s)
        whole = np.array([start_s > begin_s, stop_s < end_s])
        again = np.zeros(len(satellites), bool)
        if beyond_s < AHEAD_S:
            again[row[~whole.all(axis=0)]] = True
        done = ~again[row]
        row, whole = row[done], whole[:, done]
        start_s = np.where(whole[0], start_s[done], from_s - zero_s)
        stop_s = np.where(whole[1], stop_s[done], until_s - zero_s)
        times_s = np.array([start_s, culminations_s(sky, row, start_s, stop_s), stop_s])
        ends_km = sky.position_km(len(satellites), times_s), sky.position_km(row, times_s)
        angles = ellipsoid.elevation_deg(*ends_km), ellipsoid.azimuth_deg(*ends_km)
        epoch = network.scenario.begin + dt.timedelta(seconds=float(zero_s))
        lit = sunlit(sky, epoch, np.arange(len(satellites)), end_s)
        share = np.clip(covered_s(lit, row, times_s[0], times_s[2]) / (times_s[2] - times_s[0]), 0, 1)
        sun_deg = ellipsoid.elevation_deg(ends_km[0][1], sun.position_km(epoch, times_s[1]))
        yield Passes(satellites[row], times_s + zero_s, *angles, share, sun_deg, whole)
        satellites, masks = satellites[again], masks[again]
        beyond_s = min(max(FIRST_S, 2 * beyond_s), AHEAD_S)


def _above(sky: Ephemeris, masks: Array, until_s: float) -> tuple[Index, Array, Array]:
    """When satellites of a sky are above masks (deg) over the ground node after them: number, start, end."""
    parts = []
    for mask in np.unique(masks):
        rows = np.flatnonzero(masks == mask)
        ground = np.array([len(masks)])
        seen = intervals(sky, ground, rows, Conditions(min_elevation_deg=float(mask)), until_s)
        parts.append((rows[seen.pair], seen.start_s, seen.end_s))
    row, start_s, end_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    return row, start_s, end_s


def culminations_s(sky: Ephemeris, satellites: Index, start_s: Array, end_s: Array) -> Array:
    """When each of some satellites is highest between two times over the ground node after all satellites of
    a sky, to a microsecond. Of one that is highest at an edge, that.
    """

    def sine_at(rows: Index, t_s: Array) -> Array:
        here, there = sky.position_km(sky.satellites, t_s), sky.position_km(satellites[rows], t_s)
        line = there - here
        height = np.einsum("...i,...i", line, ellipsoid.zenith(here))
        return height / np.sqrt(np.einsum("...i,...i", line, line))

    def slope_at(rows: Index, t_s: Array) -> Array:
        return sine_at(rows, t_s + SLOPE_S) - sine_at(rows, t_s - SLOPE_S)

    steps = np.ceil((end_s - start_s) / GRID_S).astype(np.int64)
    step_s, highest = (end_s - start_s) / np.maximum(steps, 1), np.zeros(len(steps), np.int64)
    lots = np.cumsum(steps) // BATCH
    for lot in np.split(np.arange(len(steps)), np.flatnonzero(np.diff(lots)) + 1):
        samples = steps[lot] + 1
        last = np.cumsum(samples) - 1
        row = np.repeat(lot, samples)
        step = np.arange(len(row)) - np.repeat(last - steps[lot], samples)
        order = np.lexsort((sine_at(row, start_s[row] + step * step_s[row]), row))
        highest[lot] = step[order[last]]
    every = np.arange(len(steps))
    left_s = start_s + np.maximum(highest - 1, 0) * step_s
    right_s = start_s + np.minimum(highest + 1, steps) * step_s
    left, right = slope_at(every, left_s), slope_at(every, right_s)
    top_s = np.where(left > 0, right_s, left_s)
    turns = np.flatnonzero((left > 0) & (right <= 0))
    ends = left_s[turns], right_s[turns], left[turns], right[turns]
    top_s[turns] = zeros(lambda rows, t_s: slope_at(turns[rows], t_s), *ends)
    return top_s


# -- contacts ------------------------------------------------------------------------------------


def _frame(network: Network, station: int, masks: Array, passes: Passes) -> pd.DataFrame:
    """The table: see there. masks: of each pass, deg."""
    names = np.array([node.name for node in network.nodes], object)
    times_s = passes.times_s.copy()
    times_s[0, ~passes.whole[0]] = times_s[2, ~passes.whole[1]] = np.nan
    rise_s, culmination_s, set_s = times_s
    columns = {
        "satellite": names[passes.satellite],
        "min_elevation_deg": masks,
        "rise_s": rise_s,
        "culmination_s": culmination_s,
        "set_s": set_s,
        "duration_s": set_s - rise_s,
    }
    for when, t_s in zip(MOMENTS, times_s, strict=True):
        known = ~np.isnan(t_s)
        columns[f"{when}_utc"] = np.full(len(t_s), None, object)
        columns[f"{when}_utc"][known] = utc_texts(network.scenario.begin, t_s[known])
    columns["max_elevation_deg"] = passes.elevation_deg[1]
    for when, t_s, azimuth_deg in zip(MOMENTS, times_s, passes.azimuth_deg, strict=True):
        columns[f"{when}_azimuth_deg"] = np.where(np.isnan(t_s), np.nan, azimuth_deg)
    columns |= {"sunlit_pct": 100 * passes.sunlit, "sun_elevation_deg": passes.sun_deg}
    table = pd.DataFrame(columns)
    return table.join(_contacts(network, station, passes))


def _contacts(network: Network, station: int, passes: Passes) -> pd.DataFrame:
    """Of each pass what of it is a contact: see table."""
    links = {n: network.link_between.get((station, n), -1) for n in set(passes.satellite.tolist())}
    contacts = network.contacts
    by_link = contacts[contacts["link"].isin({*links.values()})].groupby("link")
    spans = {int(link): rows[["start_s", "end_s"]].to_numpy() for link, rows in by_link}
    none = np.zeros((0, 2))
    rows = []
    for satellite, start_s, _, end_s in zip(passes.satellite.tolist(), *passes.times_s.tolist(), strict=True):
        link = links[satellite]
        up_s = np.clip(spans.get(link, none), start_s, end_s)
        up_s = up_s[up_s[:, 0] < up_s[:, 1]]
        edges_s = (up_s[0, 0], up_s[-1, 1]) if len(up_s) else (np.nan, np.nan)
        rows.append((len(up_s), *edges_s, np.diff(up_s).sum(), *_volumes_mb(network, link, station, up_s)))
    return pd.DataFrame(rows, columns=CONTACTS).astype({"contacts": int} | dict.fromkeys(CONTACTS[1:], float))


def _volumes_mb(network: Network, number: int, station: int, up_s: Array) -> tuple[float, float]:
    """How much a link can carry from a station and to it in spans of time (n, 2)."""
    if not len(up_s):
        return 0.0, 0.0
    sides = np.array([[0], [1]] if network.links[number].a == station else [[1], [0]])
    rates_mbps = network.values.mean(Property.RATE, number, sides, up_s[:, 0], up_s[:, 1])
    sent, heard = rates_mbps @ np.diff(up_s)[:, 0] / MBIT_PER_MB
    return float(sent), float(heard)
