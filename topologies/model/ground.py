"""The part `stations` of a scenario."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from skybed.topologies.model import catalogue
from skybed.topologies.model.carried import Carried
from skybed.topologies.model.closest import hint
from skybed.topologies.model.coordinates import Latitude, Longitude
from skybed.topologies.model.fields import Label, Model, Name, NonNegative, Positive, Utc

PLACES = {"lat_deg", "lon_deg", "track", "track_file"}
LOWEST_M, HIGHEST_M = -500.0, 50_000.0  # of what moves


class WayPoint(Model):
    """A point of a track, and when it is passed: exactly one of t_s, at and speed_kmh, which is that over the
    ground on the way there from the point before.
    """

    lat_deg: Latitude
    lon_deg: Longitude
    alt_m: float | None = None  # None: the station's
    t_s: float | None = None  # run time; may be before it begins
    at: Utc | None = None
    speed_kmh: Positive | None = None


class Station(Model):
    """A ground node. `antenna: false` is a site with terrestrial links only, such as a data centre.

    It stands at a latitude and longitude, or moves along a track.
    """

    name: Name
    label: Label | None = None  # in its place, where people read
    lat_deg: Latitude | None = None
    lon_deg: Longitude | None = None
    alt_m: Annotated[float, Field(ge=-500, le=100_000)] = 0.0
    track: Annotated[list[WayPoint], Field(min_length=2)] | None = None
    # CSV: a file, relative to the scenario file, or its text (more than one line); see orbits.tracks.read.
    track_file: str | None = None
    antenna: bool = True
    # Its climate, see radio.climate; None: as the catalogue has it nearby.
    rain_001_mm_h: NonNegative | None = None
    rain_height_km: NonNegative | None = None
    vapour_g_m3: NonNegative | None = None
    carries: Carried = Carried()

    @property
    def moves(self) -> bool:
        return self.track is not None or self.track_file is not None

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude of one that stands, degrees."""
        assert self.lat_deg is not None and self.lon_deg is not None
        return self.lat_deg, self.lon_deg


def from_catalogue(value: Any) -> Any:
    """The fields of a station that is only named, or has no place of its own."""
    if isinstance(value, dict) and not value.keys() & PLACES:
        name = str(value.get("name"))
        if name not in catalogue.STATIONS and (near := hint(name, catalogue.STATIONS, few=0)):
            raise ValueError(f"has no place, and {name} is not a station of the catalogue{near}")
        return {**catalogue.STATIONS.get(name, {}), **value}
    if not isinstance(value, str):
        return value
    if value not in catalogue.STATIONS:
        raise ValueError(f"is not a station of the catalogue{hint(value, catalogue.STATIONS)}")
    return {"name": value, **catalogue.STATIONS[value]}
