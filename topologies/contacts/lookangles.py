"""What a ground node has before it as it follows a satellite: angles, range, delay, Doppler, at any times.

Range and what follows of it are between the places of both ends at one time, as a link's delay is
(Network.delay_s). Rates are central differences over 2 * STEP_S. On near-circular orbits range rates are
within 25 mm/s of those of SGP4's velocities, a shift of 1.7 Hz at 20 GHz: these are the slope of SGP4's own
positions within 15 mm/s only, and between knots positions are interpolated. On Molniya's orbit it is 0.2 m/s.
The shift is the first order of v/c: at low orbits relativity and the time of flight each add less than 1e-9
of the carrier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import undisturbed
from skybed.topologies.contacts.courses import signals
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.overhead import Overhead, over
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.fields import LONGEST_S
from skybed.topologies.model.radio import Radio
from skybed.topologies.orbits import ellipsoid, ephemeris
from skybed.topologies.orbits.ephemeris import KNOT_S, Ephemeris
from skybed.topologies.orbits.geometry import C_KM_S
from skybed.topologies.radio import budget, modcods

STEP_S = 0.05


def sky_of(network: Network, nodes: np.ndarray, from_s: float, until_s: float) -> tuple[Ephemeris, float]:
    """Where some nodes (ascending numbers) of a network are between two run times, also such as its plan does
    not reach; and the run time that is 0 in it.
    """
    scenario = network.scenario
    begin_s = np.floor(from_s / KNOT_S) * KNOT_S
    places = undisturbed.stations(scenario)
    span_s = until_s - begin_s
    return ephemeris.excerpt(network.orbits, places, nodes, scenario.begin, begin_s, span_s), begin_s


@dataclass(frozen=True)
class Look:
    """A satellite from a ground node (numbers) at run times. carrier_hz: of whose Doppler shift is asked."""

    network: Network
    station: int
    satellite: int
    t_s: Array
    carrier_hz: float | None = None

    @cached_property
    def _sky(self) -> tuple[Ephemeris, Array]:
        """Of the satellite and the station, and the times in it."""
        nodes = np.array([self.satellite, self.station])
        sky, begin_s = sky_of(self.network, nodes, self.t_s.min(), self.t_s.max())
        return sky, self.t_s - begin_s

    @cached_property
    def ends_km(self) -> tuple[Array, Array]:
        """Where station and satellite are, (times, 3), TEME."""
        sky, t_s = self._sky
        return sky.position_km(1, t_s), sky.position_km(0, t_s)

    @cached_property
    def ranges_km(self) -> tuple[Array, Array, Array]:
        """Range STEP_S before, at, and STEP_S after the times."""
        sky, t_s = self._sky
        before, at, after = (sky.distance_km(0, 1, t_s + step_s) for step_s in (-STEP_S, 0.0, STEP_S))
        return before, at, after

    @cached_property
    def range_rate_km_s(self) -> Array:
        before, _, after = self.ranges_km
        return (after - before) / (2 * STEP_S)

    @cached_property
    def range_acceleration_km_s2(self) -> Array:
        before, at, after = self.ranges_km
        return (after - 2 * at + before) / STEP_S**2

    @cached_property
    def in_contact(self) -> np.ndarray:
        """Whether a contact of the plan stands."""
        _, start_s, end_s = self._contacts
        return (np.searchsorted(start_s, self.t_s, "right") - np.searchsorted(end_s, self.t_s, "right")) > 0

    @cached_property
    def _contacts(self) -> Spans:
        """Those of the plan, in order."""
        contacts = self.network.contacts
        its = contacts[contacts["link"] == (-1 if self._link is None else self._link)].sort_values("start_s")
        return Spans(*(its[name].to_numpy() for name in ("link", "start_s", "end_s")))

    @cached_property
    def _link(self) -> int | None:
        return self.network.link_between.get((self.station, self.satellite))

    def radio(self, up: bool) -> Radio | None:
        """Of what the station sends (up), or hears; None: their link has none, or there is no link."""
        return None if self._link is None else self.network.links[self._link].capable(int(up)).radio

    def c_n_db(self, up: bool) -> Array | None:
        """See signals.c_n_db; also while there is no contact."""
        if (radio := self.radio(up)) is None:
            return None
        sky, t_s = self._sky
        ends = _ends(up, len(t_s))
        return signals.c_n_db(radio, self.t_s, ends, sky, self._overhead, self.t_s[0] - t_s[0])

    def modcod(self, up: bool) -> np.ndarray | None:
        """Names of what is in use in a contact of the plan; None in an outage and without contact."""
        if (radio := self.radio(up)) is None:
            return None
        names = np.array([*(modcod.name for modcod in signals.table(radio)), None], object)
        contacts = self._contacts
        seen = contacts.where((contacts.start_s <= self.t_s.max()) & (contacts.end_s > self.t_s.min()))
        if not len(seen.key):
            return np.full(len(self.t_s), None, object)
        nodes = np.array([self.satellite, self.station])
        sky, zero_s = sky_of(self.network, nodes, seen.start_s.min(), seen.end_s.max())
        signal = signals.heard(radio, seen, _ends(up, len(seen.key)), sky, self._overhead, zero_s)
        used = signal.used[np.searchsorted(signal.t_s, self.t_s, "right") - 1]
        return names[np.where(self.in_contact, used, modcods.NONE)]

    def rate_mbps(self, up: bool) -> Array | None:
        """Of the plan, nan without contact."""
        if self._link is None:
            return None
        rate = self.network.values.at(Property.RATE, self._link, int(up), self.t_s)
        return np.where(self.in_contact, rate, np.nan)

    @cached_property
    def _overhead(self) -> dict[int, Overhead]:
        return {1: over(self.network.scenario, self.network.nodes[self.station].name)}


def _ends(up: bool, count: int) -> signals.Ends:
    """Who sends and hears, in an excerpt of the sky: the satellite is 0, the station 1."""
    return signals.Ends(np.full(count, int(up)), np.full(count, int(not up)))


class Column(NamedTuple):
    """of: its values of a look; None: there are none. digits: that people want to see."""

    name: str
    unit: str
    digits: int
    about: str
    of: Callable[[Look], np.ndarray | None]


def _shift(rate_km_s: Array, carrier_hz: float | None) -> Array | None:
    return None if carrier_hz is None else budget.doppler_khz(rate_km_s, carrier_hz * 1e-9) * 1e3


def _of_radio(way: str, up: bool) -> tuple[Column, ...]:
    heard = f"{'to' if up else 'from'} the satellite"
    return (
        Column(f"c_n_{way}_db", "dB", 2, f"C/N {heard}, less the margin", lambda look: look.c_n_db(up)),
        Column(f"modcod_{way}", "", 0, f"in use {heard}, in a contact", lambda look: look.modcod(up)),
        Column(
            f"rate_{way}_mbps", "Mbit/s", 3, f"of the plan {heard}, in a contact",
            lambda look: look.rate_mbps(up),
        ),
    )  # fmt: skip


COLUMNS = (
    Column(
        "elevation_deg", "deg", 2, "over the plane at right angles to the vertical; no refraction",
        lambda look: ellipsoid.elevation_deg(*look.ends_km),
    ),
    Column(
        "azimuth_deg", "deg", 2, "from north over east, 0 to 360",
        lambda look: ellipsoid.azimuth_deg(*look.ends_km),
    ),
    Column("range_km", "km", 2, "distance", lambda look: look.ranges_km[1]),
    Column(
        "delay_ms", "ms", 4, "one way, of light over the range",
        lambda look: look.ranges_km[1] / C_KM_S * 1e3,
    ),
    Column(
        "delay_rate_us_s", "us/s", 4, "how fast the delay grows; with the other sign the shift in ppm",
        lambda look: look.range_rate_km_s / C_KM_S * 1e6,
    ),
    Column(
        "doppler_hz", "Hz", 1, "shift of the carrier, one way; positive while the satellite comes nearer",
        lambda look: _shift(look.range_rate_km_s, look.carrier_hz),
    ),
    Column(
        "doppler_rate_hz_s", "Hz/s", 2, "how fast the shift grows",
        lambda look: _shift(look.range_acceleration_km_s2, look.carrier_hz),
    ),
    Column("contact", "", 0, "whether one of the plan stands", lambda look: look.in_contact),
    *(column for way, up in (("down", False), ("up", True)) for column in _of_radio(way, up)),
)  # fmt: skip


def table(
    network: Network, station: int, satellite: int, t_s: Array, frequency_ghz: float | None = None
) -> pd.DataFrame:
    """t_s and the COLUMNS of a satellite as seen from a station (numbers), a row for each run time. Those of
    the Doppler shift need a carrier frequency. Raises ScenarioError for one that is not positive, and for no
    times or such as are too far away.
    """
    t_s = np.asarray(t_s, float)
    if not len(t_s) or not (np.abs(t_s) <= LONGEST_S).all():
        raise ScenarioError(
            f"The times to look at are {np.array2string(t_s, threshold=6)}; give one or more, "
            f"{LONGEST_S:.0f} s before or after the begin at most."
        )
    if frequency_ghz is not None and not 0 < frequency_ghz < np.inf:
        raise ScenarioError(f"The carrier frequency is {frequency_ghz:g} GHz; it must be more than 0.")
    carrier_hz = None if frequency_ghz is None else frequency_ghz * 1e9
    look = Look(network, station, satellite, t_s, carrier_hz)
    values = {column.name: column.of(look) for column in COLUMNS}
    return pd.DataFrame({"t_s": look.t_s, **{name: v for name, v in values.items() if v is not None}})
