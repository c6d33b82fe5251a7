"""The part `layers` of a scenario: orbits, and the links within a layer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skybed.topologies.model.coordinates import Longitude
from skybed.topologies.model.fields import Model, NonNegative, Positive


class Walker(Model):
    """A Walker constellation i:T/P/F.

    Convention: plane p has right ascension raan0 + p * span / planes (span 360 deg for `delta`, 180 for
    `star`), slot s of plane p has mean anomaly 360 s / per_plane + 360 F p / T, T = planes * per_plane.
    `phasing: half-slot` shifts the odd planes by half a slot instead (Hypatia).
    """

    planes: Annotated[int, Field(ge=1, le=500)]
    per_plane: Annotated[int, Field(ge=1, le=500)]
    inclination_deg: Annotated[float, Field(ge=0, le=180)]
    altitude_km: Annotated[float, Field(ge=100, le=50_000)] | None = None
    mean_motion_rev_day: Annotated[float, Field(gt=0, lt=17)] | None = None  # one of these two
    pattern: Literal["delta", "star"] = "delta"
    phasing: float | Literal["half-slot"] = 0.0
    eccentricity: Annotated[float, Field(ge=0, lt=1)] = 1e-7
    raan0_deg: float = 0.0
    mean_anomaly0_deg: float = 0.0


class Geostationary(Model):
    longitudes_deg: Annotated[list[Longitude], Field(min_length=1)]


class Isl(Model):
    """Inter-satellite links within a layer."""

    pattern: Literal["grid", "ring", "none"] = "grid"
    link: str = "laser-isl"
    seam: bool = True  # links between the last plane and the first
    polar_cutoff_deg: Annotated[float, Field(gt=0, le=90)] | None = None  # inter-plane links off above it
    max_range_km: Positive | None = None  # None: the link class's
    grazing_altitude_km: NonNegative = 80.0


class Layer(Model):
    role: Literal["relay", "communication", "remote-sensing", "computing"] = "communication"
    walker: Walker | None = None
    # OMM (JSON, CSV, XML) or TLE: a file, relative to the scenario file, or its text (more than one line).
    elements: str | None = None
    geostationary: Geostationary | None = None  # exactly one of the three
    # Template of {layer}, {n} (number in the layer, from 0), {plane}, {slot}; elements: {name}, {id} (NORAD).
    # None: {layer}-{plane}-{slot} for a walker, {layer}-{n} for geostationary, {name} for elements.
    names: str | None = None
    isl: Isl = Isl(pattern="none")
