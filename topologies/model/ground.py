"""The part `stations` of a scenario."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from skybed.topologies.model import catalogue
from skybed.topologies.model.closest import hint
from skybed.topologies.model.coordinates import Latitude, Longitude
from skybed.topologies.model.fields import Model, Name


class Station(Model):
    """A ground node. `antenna: false` is a site with terrestrial links only, such as a data centre."""

    name: Name
    lat_deg: Latitude
    lon_deg: Longitude
    alt_m: Annotated[float, Field(ge=-500, le=100_000)] = 0.0
    antenna: bool = True


def from_catalogue(value: Any) -> Any:
    """The fields of a station that is only named."""
    if not isinstance(value, str):
        return value
    if value not in catalogue.STATIONS:
        raise ValueError(f"is not a station of the catalogue{hint(value, catalogue.STATIONS)}")
    return {"name": value, **catalogue.STATIONS[value]}
