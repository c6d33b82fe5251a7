"""Draw a sky for a paper: the globe, the map, the planes, passes over a station, a path."""

from __future__ import annotations

from skybed.scripts.cli.lazy import Lazy

MODULES = ("globe", "map", "planes", "passes", "path")
command = Lazy("draw", package=__name__, modules=MODULES, help=__doc__)
