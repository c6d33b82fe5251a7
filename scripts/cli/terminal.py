"""What commands print on: a terminal that shows what it gets, and obeys none of it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from skybed.topologies.errors import shown


class Terminal(Console):
    """Names, commands and texts by anybody cannot move its cursor, or change its title or its colours."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))
