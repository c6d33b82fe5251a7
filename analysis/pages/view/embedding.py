"""The page of a sky within another: in a notebook, which shows what `_repr_html_` gives."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, Unpack
from urllib.parse import urlencode

from skybed.analysis.pages.view import writing
from skybed.analysis.run import Run
from skybed.topologies.files import whole
from skybed.topologies.plan.plan import Plan

FRAME = (
    '<iframe srcdoc="{page}" title="{title}" style="width: 100%; height: {height_px}px; border: 0" '
    'allow="fullscreen"></iframe>'
)


class Shown(TypedDict, total=False):
    """What a page shows first: a run time, a node, or the path of two, or a task or bundle by the name of its
    flow and its number; and how high it is.

    routes: whether it holds the plan's routes, which take most of the time; without them it shows the
    shortest paths.
    """

    view: Literal["globe", "map", "planes"]
    t_s: float
    node: str
    path: tuple[str, str]
    follow: tuple[str, int]
    theme: Literal["dark", "light"]
    height_px: int
    routes: bool


@dataclass(frozen=True, repr=False)
class Embedded:
    """A page, as a frame of a notebook."""

    title: str
    page: str
    height_px: int

    def __repr__(self) -> str:
        return f"<page of {self.title}, {len(self.page) / 1e6:.1f} MB>"

    def _repr_html_(self) -> str:
        return FRAME.format(
            page=html.escape(self.page), title=html.escape(self.title), height_px=self.height_px
        )

    def save(self, path: str | Path) -> None:
        """Write the page as a file that any browser opens."""
        with whole(Path(path)) as file:
            file.write_text(self.page, encoding="utf-8")


def embedded(plan: Plan, run: Run | None = None, **shown: Unpack[Shown]) -> Embedded:
    """run: one of this plan, to show what it measured. Raises ScenarioError for who is no node of it."""
    names = [*shown.get("path", ()), *([shown["node"]] if "node" in shown else [])]
    for name in names:
        plan.node(name)
    wanted = {
        "view": shown.get("view", "globe"),
        "theme": shown.get("theme", "light"),
        **dict(zip(("from", "to"), shown.get("path", ()), strict=False)),
        **({"t": f"{shown['t_s']:g}"} if "t_s" in shown else {}),
        **({"node": shown["node"]} if "node" in shown else {}),
        **({"follow": "{}/{}".format(*shown["follow"])} if "follow" in shown else {}),
    }
    page = writing.html(plan, run, shown.get("routes", True), urlencode(wanted))
    title = plan.scenario.name if run is None else run.name
    return Embedded(title, page, shown.get("height_px", 640))
