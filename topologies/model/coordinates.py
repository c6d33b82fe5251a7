"""Latitudes and longitudes as people write them: 78.23, 78:13:47, 78 13 47 N, 15.4E, 33°52'10"S."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_MARKS = str.maketrans("′’‘″”“º˚−", "'''\"\"\"°°-")  # as they stand in print
_ANGLE = re.compile(
    r"""(?P<before>[NSEW])? \s* (?P<sign>[-+])? \s*
    (?P<deg>\d+(\.\d*)?|\.\d+) (\s*(°|deg|d|:))? \s*
    ( (?<![\d.])(?P<min>\d+(\.\d*)?) (\s*('(?!')|min|m|:))? \s*
    ( (?<![\d.])(?P<sec>\d+(\.\d*)?) (\s*("|\'\'|sec|s))? \s* )? )?
    (?P<after>[NSEW])?""",
    re.VERBOSE,
)


def degrees(text: str, letters: str) -> float:
    """The angle in a text. letters: those of its positive and its negative half, "NS" or "EW".

    Raises ValueError, a sentence for after the field's name.
    """
    found = _ANGLE.fullmatch(text.translate(_MARKS).strip())
    ways = [] if not found else [way for way in (found["before"], found["after"]) if way]
    if not found or len(ways) > 1 or (ways and ways[0] not in letters):
        example = "78.23, 78:13:47 or 78 13 47 N" if letters == "NS" else "15.4, 15:24:28 or 15 24 28 E"
        raise ValueError(f"is not an angle; write degrees as {example}")
    parts = [found[part] for part in ("deg", "min", "sec") if found[part] is not None]
    if any(float(part) >= 60 for part in parts[1:]):
        raise ValueError("has 60 or more minutes or seconds")
    if any("." in part for part in parts[:-1]):
        raise ValueError("has a fraction before its last part")
    if ways and found["sign"]:
        raise ValueError(f"has both a sign and {ways[0]}; give one of them")
    size = sum(float(part) / 60**n for n, part in enumerate(parts))
    return -size if found["sign"] == "-" or ways == [letters[1]] else size


def _read(value: Any, letters: str) -> Any:
    return degrees(value, letters) if isinstance(value, str) and value.strip() else value


# deg, north and east positive
Latitude = Annotated[float, BeforeValidator(partial(_read, letters="NS")), Field(ge=-90, le=90)]
Longitude = Annotated[float, BeforeValidator(partial(_read, letters="EW")), Field(ge=-180, le=360)]
