"""Constellations as their operators published them: Walkers by name, for `constellation:` of a layer.

Plain data; `topologies.model.space` validates it like the fields of a file. Not all tell their phases. Where
none is known, F is the one that keeps satellites farthest apart where planes cross, and the source says so.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Published(NamedTuple):
    """walker: fields of a Walker. source: where they are from."""

    walker: dict[str, Any]
    source: str


_STARLINK = "SpaceX, FCC SAT-MOD-20200417-00037, authorised by FCC 21-48 (2021)"
_KUIPER = "Kuiper Systems, FCC SAT-LOA-20190704-00057, with its table of satellites"
_TELESAT = "Telesat, FCC SAT-MPL-20200526-00053"
_GUOWANG = "ITU filing GW as in Bassa et al. 2022, A&A 657, A75, table 1; F is ours"


def _walker(notation: str, altitude_km: float, **others: Any) -> dict[str, Any]:
    return {"notation": notation, "altitude_km": altitude_km, **others}


CONSTELLATIONS: dict[str, Published] = {
    "starlink-53.0": Published(_walker("53:1584/72/39", 550), _STARLINK),
    "starlink-53.2": Published(_walker("53.2:1584/72/13", 540, raan0_deg=2.5), f"{_STARLINK}; F is ours"),
    "starlink-70": Published(_walker("70:720/36/15", 570), _STARLINK),
    "starlink-97.6-a": Published(_walker("97.6:348/6/1", 560, raan0_deg=63.7), _STARLINK),
    "starlink-97.6-b": Published(
        _walker("97.6:172/4/0.13", 560, raan0_deg=75.7, raan_spacing_deg=12), _STARLINK
    ),
    "kuiper-630": Published(_walker("51.9:1156/34/3", 630), _KUIPER),
    "kuiper-610": Published(_walker("42:1296/36/3", 610), _KUIPER),
    "kuiper-590": Published(_walker("33:784/28/1", 590), _KUIPER),
    "oneweb": Published(
        _walker("87.9:720/18/9", 1200, pattern="star", raan_spacing_deg=10.2),
        "OneWeb, FCC SAT-LOI-20160428-00041, authorised by FCC 17-77 (2017)",
    ),
    "iridium-next": Published(
        _walker("86.4:66/6/3", 780, pattern="star", raan_spacing_deg=31.6),
        "Maine, Devieux and Swan 1995, Overview of IRIDIUM satellite network; NEXT took over the orbits",
    ),
    "telesat-polar": Published(_walker("98.98:351/27/14", 1015), _TELESAT),
    "telesat-inclined": Published(_walker("50.88:1320/40/32", 1325), _TELESAT),
    "guowang-508": Published(_walker("55:3600/60/3", 508), _GUOWANG),
    "guowang-590": Published(_walker("85:480/8/7", 590), _GUOWANG),
    "guowang-600": Published(_walker("50:2000/40/29", 600), _GUOWANG),
    "guowang-1145-30": Published(_walker("30:1728/27/17", 1145), _GUOWANG),
    "guowang-1145-40": Published(_walker("40:1728/27/25", 1145), _GUOWANG),
    "guowang-1145-50": Published(_walker("50:1728/27/23", 1145), _GUOWANG),
    "guowang-1145-60": Published(_walker("60:1728/27/6", 1145), _GUOWANG),
    "qianfan": Published(
        _walker("86.5:1296/36/14", 1160, pattern="star"),
        "first generation of 1,296, as the press has it; no filing was seen. Star and F are ours",
    ),
}
