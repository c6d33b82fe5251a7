"""Rain and humidity at the stations of the catalogue.

Read off the maps of the ITU with ITU-Rpy 0.4.0, as docs/links.md shows: the maps themselves may not be passed
on. A scenario gives these values for other places.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skybed.topologies.model import catalogue
from skybed.topologies.model.ground import Station
from skybed.topologies.orbits.geometry import great_circle_km
from skybed.topologies.radio.gases import STANDARD_VAPOUR_G_M3

REACH_KM = 50.0  # rain is about the same within


class Climate(NamedTuple):
    """Of a place, over an average year."""

    rain_001_mm_h: float  # exceeded 0.01 % of it; ITU-R P.837-7
    rain_height_km: float  # above mean sea level: 0.36 km above that of 0 deg C; ITU-R P.839-4
    vapour_g_m3: float  # water vapour at the ground, half of the year less; ITU-R P.836-6


UNKNOWN = Climate(math.nan, math.nan, STANDARD_VAPOUR_G_M3)
CLIMATES = {
    "miyun": Climate(42.6, 4.07, 4.8),
    "kashi": Climate(9.4, 4.73, 4.2),
    "sanya": Climate(81.1, 5.23, 19.7),
    "lijiang": Climate(39.0, 5.57, 5.2),
    "mohe": Climate(25.1, 3.48, 2.5),
    "beijing": Climate(43.9, 4.10, 5.1),
    "pamir": Climate(5.4, 5.51, 1.9),
    "kiruna": Climate(17.9, 2.55, 3.7),
    "Tokyo": Climate(55.9, 4.23, 10.3),
    "Delhi": Climate(61.8, 5.27, 11.7),
    "Shanghai": Climate(56.7, 5.00, 10.8),
    "Sao-Paulo": Climate(63.3, 4.54, 13.8),
    "Mumbai": Climate(102.7, 5.22, 17.6),
    "Mexico-City": Climate(38.0, 4.84, 7.1),
    "Beijing": Climate(46.1, 4.11, 5.4),
    "Osaka": Climate(59.1, 4.39, 9.2),
    "Cairo": Climate(5.6, 3.39, 9.3),
    "New-York": Climate(41.3, 3.71, 7.5),
    "Dhaka": Climate(102.0, 5.26, 19.8),
    "Karachi": Climate(33.4, 4.77, 17.7),
    "Buenos-Aires": Climate(47.6, 4.18, 11.0),
    "Istanbul": Climate(31.2, 2.88, 9.5),
    "Chongqing": Climate(60.2, 5.16, 11.4),
    "Lagos": Climate(83.7, 4.87, 20.5),
    "Manila": Climate(94.2, 5.13, 21.2),
    "Rio": Climate(66.4, 4.63, 16.1),
    "Los-Angeles": Climate(23.7, 2.88, 8.4),
    "Moscow": Climate(27.0, 2.74, 5.2),
    "Kinshasa": Climate(71.0, 4.84, 18.0),
    "Paris": Climate(27.4, 2.59, 8.0),
    "Jakarta": Climate(97.2, 4.88, 18.7),
    "London": Climate(26.4, 2.45, 7.7),
    "Lima": Climate(7.4, 5.32, 8.2),
    "Seoul": Climate(60.5, 3.92, 7.6),
    "Bogota": Climate(46.5, 4.78, 13.0),
    "Johannesburg": Climate(42.1, 4.53, 8.1),
    "Bangkok": Climate(88.8, 5.10, 20.6),
    "Chicago": Climate(37.2, 3.80, 6.7),
    "Tehran": Climate(17.4, 3.97, 3.9),
    "Hong-Kong": Climate(90.8, 5.22, 17.2),
    "Kuala-Lumpur": Climate(99.4, 4.96, 20.4),
    "Santiago": Climate(12.5, 3.88, 2.4),
    "Riyadh": Climate(18.4, 4.27, 4.7),
    "Madrid": Climate(25.3, 3.01, 6.4),
    "Toronto": Climate(31.1, 3.80, 6.5),
    "Miami": Climate(78.2, 4.57, 18.0),
    "Singapore": Climate(99.8, 4.97, 20.6),
    "Luanda": Climate(46.3, 4.96, 17.9),
    "Barcelona": Climate(34.3, 2.90, 9.9),
    "Khartoum": Climate(29.8, 4.77, 7.5),
    "Sankt-Peterburg": Climate(24.6, 2.44, 5.3),
    "Washington": Climate(44.7, 3.96, 8.5),
    "Sydney": Climate(46.9, 3.43, 11.3),
    "Dalian": Climate(41.6, 3.96, 7.2),
    "Melbourne": Climate(31.0, 3.06, 8.8),
    "Montreal": Climate(33.3, 3.57, 5.6),
    "Nairobi": Climate(46.0, 4.94, 12.2),
    "Kunming": Climate(46.2, 5.18, 8.2),
}


def of_station(station: Station) -> Climate:
    """What a station says itself, else what is known nearby, which of one that moves is nothing (nan)."""
    known = UNKNOWN if station.moves else near(*station.place) or UNKNOWN
    given = (getattr(station, field) for field in Climate._fields)
    return Climate(*(value if own is None else own for own, value in zip(given, known, strict=True)))


def near(lat_deg: float, lon_deg: float) -> Climate | None:
    """Of the nearest station of the catalogue, if it is within REACH_KM."""
    places = [catalogue.STATIONS[name] for name in CLIMATES]
    lat, lon = (np.array([place[field] for place in places]) for field in ("lat_deg", "lon_deg"))
    away_km = great_circle_km(lat_deg, lon_deg, lat, lon)
    nearest = int(np.argmin(away_km))
    return [*CLIMATES.values()][nearest] if away_km[nearest] <= REACH_KM else None
