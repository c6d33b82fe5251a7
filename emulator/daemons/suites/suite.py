"""What the modules of routing software have in common: the functions they give, and templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from skybed.emulator.daemons.routers import Router
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.routing import Routing

if TYPE_CHECKING:
    import jinja2

    from skybed.emulator.sky.node import SkyNode


@dataclass(frozen=True)
class Process:
    """One to start in a node. title: what errors call it; log: the name of the file that it prints to;
    environment: variables besides those of this process."""

    title: str
    log: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Unfit(ScenarioError):
    """A template, a field of routing.custom, gives nothing of use. says: why; it follows the name."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(f"routing.custom.{field}, {says}")
        self.field, self.says = field, says


class Suite(Protocol):
    """Routing software: what depends on it, and nothing else does.

    home: a directory of the node's own with its configurations, for sockets and the like. Its path is short,
    it is root's, and it ends with the run.
    """

    def lacking(self, rule: Routing) -> str:
        """What is not installed, and what to do about it; "" when all is there."""

    def memory_mb(self, rule: Routing) -> float:
        """Of a node's processes, at most, in a sky of some hundred nodes."""

    def prepare(self, homes: Path) -> None:
        """Once for all nodes; homes: the directory above theirs."""

    def configurations(self, router: Router, home: Path) -> dict[str, str]:
        """What a node's files contain, by name."""

    def processes(self, router: Router, home: Path) -> list[Process]:
        """What to start in a node, in this order."""

    def version(self, router: Router, node: SkyNode, home: Path) -> str | None:
        """The software's name and version, as a node's processes tell it; None when one does not answer."""


def render(template: str, router: Router, **values: Any) -> str:
    """A template of this folder with its gaps filled by the fields of a node, those of its router, and the
    values."""
    return _environment().get_template(template).render(_known(router) | values)


def render_text(template: str, router: Router, **values: Any) -> str:
    """The same with the text of a template."""
    return _environment().from_string(template).render(_known(router) | values)


def _known(router: Router) -> dict[str, Any]:
    return vars(router.node) | vars(router) | {"transit": router.transit}


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # takes a tenth of a second, which a run without daemons need not spend

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
