"""The part `layers` of a scenario: orbits, and the links within a layer."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from skybed.topologies.model.carried import Carried
from skybed.topologies.model.closest import hint
from skybed.topologies.model.code import Code
from skybed.topologies.model.constellations import CONSTELLATIONS
from skybed.topologies.model.coordinates import Longitude
from skybed.topologies.model.fields import LONGEST_S, Angle, Label, Model, Name, NonNegative, Positive, Utc


class Walker(Model):
    """A Walker constellation i:T/P/F.

    Convention: plane p has right ascension raan0 + p * spread / planes (spread 360 deg for `delta`, 180 for
    `star`, unless it is given) or raan0 + p * spacing; slot s of plane p has mean anomaly
    360 s / per_plane + 360 F p / T, T = planes * per_plane. `phasing: half-slot` shifts the odd planes by
    half a slot instead (Hypatia).
    """

    planes: Annotated[int, Field(ge=1, le=500)]
    per_plane: Annotated[int, Field(ge=1, le=500)]
    inclination_deg: Annotated[float, Field(ge=0, le=180)]
    altitude_km: Annotated[float, Field(ge=100, le=50_000)] | None = None
    mean_motion_rev_day: Annotated[Positive, Field(lt=17)] | None = None  # one of these two
    pattern: Literal["delta", "star"] = "delta"
    phasing: Angle | Literal["half-slot"] = 0.0
    eccentricity: Annotated[float, Field(ge=0, lt=1)] = 1e-7
    arg_perigee_deg: Angle = 0.0  # at 0 mean anomaly counts from the ascending node
    raan0_deg: Angle = 0.0
    raan_spread_deg: Annotated[Positive, Field(le=360)] | None = None  # of all planes; at most one of
    raan_spacing_deg: Annotated[float, Field(ge=-360, le=360)] | None = None  # these two
    mean_anomaly0_deg: Angle = 0.0
    epoch: Utc | None = None  # of these angles; None: the scenario's


NOTATION = re.compile(
    r"((?P<inclination_deg>\d+(\.\d+)?) \s* (°|deg)? \s* : )? \s*"
    r"(?P<total>\d+) \s* / \s* (?P<planes>\d+) \s* / \s* (?P<phasing>-?\d+(\.\d+)?)"
    r"(\s* (@|at|,)? \s* (?P<altitude_km>\d+(\.\d+)?) \s* km)?",
    re.VERBOSE,
)


def from_notation(value: Any) -> Any:
    """The fields of a Walker that is given as in papers: "53:1584/72/39 at 550 km", or by a mapping with such
    a `notation`, in which inclination and altitude may be fields.
    """
    alone = isinstance(value, str)
    if not (alone or (isinstance(value, dict) and isinstance(value.get("notation"), str))):
        return value
    text = value if alone else value["notation"]
    found = NOTATION.fullmatch(text.strip())
    said = "" if alone else f"has the notation {text}, which "
    if not found:
        raise ValueError(f"{said}is no Walker constellation; write i:T/P/F, such as 53:1584/72/39 at 550 km")
    fields = {name: number for name, number in found.groupdict().items() if number is not None}
    total, planes = int(fields.pop("total")), int(fields["planes"])
    if not planes or total % planes:
        raise ValueError(f"{said}has {total} satellites, which {planes} planes cannot share evenly")
    fields["per_plane"] = str(total // planes)
    others = {} if alone else {name: field for name, field in value.items() if name != "notation"}
    if twice := [name for name in others if name in fields]:
        raise ValueError(f"{said}gives {twice[0]}, which is a field too; leave one out")
    if alone and "inclination_deg" not in fields:
        raise ValueError(f"has no inclination; write 53:{text}, for example")
    if alone and "altitude_km" not in fields:
        raise ValueError(f"has no altitude; write {text} at 550 km, for example")
    return {**fields, **others}


class Geostationary(Model):
    longitudes_deg: Annotated[list[Longitude], Field(min_length=1)]


BY_PLANES = ("grid", "ring", "motif")  # patterns
PATTERN_OF = {
    "python": "python",
    "links": "listed",
    "offsets": "motif",
}  # fields that one pattern takes, and must have


def _function(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError("is no function; write FILE.py:function")
    return value


class Lasers(Model):
    """Links among satellites by a pattern that needs no planes.

    What only one pattern takes tells which it is, where that is not given: `links` that it is `listed`.
    """

    pattern: str
    link: str = "laser-isl"
    max_range_km: Positive | None = None  # None: the link class's
    grazing_altitude_km: NonNegative = 80.0
    terminals: Annotated[int, Field(ge=1, le=10_000)] = 4  # nearest: that each satellite has
    hysteresis_km: NonNegative = 0.0  # nearest: by so much nearer another must be
    every_s: Annotated[float, Field(ge=0.1, le=LONGEST_S)] = 5.0  # nearest, python: how often it decides
    # python: a function(t_s, positions_km, plane, slot, names) that gives pairs, see contacts.ruled.
    python: Annotated[Code, BeforeValidator(_function)] | None = None
    # listed: CSV with a, b and, if need be, class, from, until, or a contact plan of ION or HDTN: a file, or
    # its text (more than one line).
    links: str | None = None
    nodes: dict[Annotated[int, Field(ge=1)], str] = {}  # of a contact plan's numbers; else they count from 1

    @model_validator(mode="before")
    @classmethod
    def _pattern_of_field(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("pattern") is not None:
            return value
        told = [pattern for field, pattern in PATTERN_OF.items() if value.get(field) is not None]
        return {**value, "pattern": told[0]} if told else value


def _elsewhere(offset: tuple[int, int]) -> tuple[int, int]:
    if offset == (0, 0):
        raise ValueError("leads to the satellite itself")
    return offset


# How many planes on, and then how many satellites on in that plane, the other end of a link is.
Steps = Annotated[int, Field(ge=-500, le=500)]
Offset = Annotated[tuple[Steps, Steps], AfterValidator(_elsewhere)]


class Isl(Lasers):
    """Inter-satellite links within a layer."""

    pattern: Literal["grid", "ring", "motif", "nearest", "listed", "python", "none"] = "grid"
    offsets: Annotated[list[Offset], Field(min_length=1)] | None = None  # motif
    seam: bool = True  # links between the last plane and the first
    polar_cutoff_deg: Annotated[Positive, Field(le=90)] | None = None  # inter-plane links off above it


class Between(Lasers):
    """Links between satellites of layers. nearest: of different ones; listed: whatever the table names."""

    pattern: Literal["nearest", "listed", "python"] = "nearest"
    layers: list[str] = []


ORBITS = ("walker", "elements", "geostationary", "ephemeris")  # fields of a layer that say where it flies


def _published(name: str | None) -> str | None:
    if name is not None and name not in CONSTELLATIONS:
        raise ValueError(f"is not a constellation of the catalogue{hint(name, CONSTELLATIONS)}")
    return name


class Layer(Model):
    role: Literal["relay", "communication", "remote-sensing", "computing"] = "communication"
    walker: Annotated[Walker | None, BeforeValidator(from_notation)] = None
    # OMM (JSON, CSV, XML, KVN) or TLE: a file, relative to the scenario file, or its text (many lines).
    elements: str | None = None
    geostationary: Geostationary | None = None
    # States over time of named satellites: an OEM (KVN) or STK's .e of each, a file or its text.
    ephemeris: Annotated[dict[Name, str], Field(min_length=1)] | None = None
    # One of the catalogue, which then is the layer's walker. Exactly one of these five is given.
    constellation: Annotated[str | None, AfterValidator(_published), Field(exclude=True)] = None
    # Template of {layer}, {n} (number in the layer, from 0), {plane}, {slot}; elements: {name}, {id} (NORAD).
    # None: {layer}-{plane}-{slot} for a walker, {layer}-{n} for geostationary, {name} for elements.
    names: str | None = None
    label: Label | None = None  # in the place of its name, where people read
    isl: Isl = Isl(pattern="none")
    carries: Carried = Carried()  # each of its satellites

    @property
    def is_arranged(self) -> bool:
        """Whether it says which satellites make a plane; of others that is found."""
        return self.elements is None and self.ephemeris is None

    @model_validator(mode="before")
    @classmethod
    def _of_catalogue(cls, value: Any) -> Any:
        """A layer that names a constellation gets its walker."""
        if not isinstance(value, dict) or value.get("constellation") is None:
            return value
        if others := [kind for kind in ORBITS if value.get(kind) is not None]:
            raise ValueError(f"has constellation and {others[0]}; give one of them")
        published = CONSTELLATIONS.get(str(value["constellation"]))
        return {**value, "walker": published.walker} if published else value
