"""The page of a plan or a run: its template, what the browser runs, the words, and the data, in one file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from skybed.analysis.pages import page
from skybed.analysis.pages.view import amounts, lives, load, measured, network, packing
from skybed.analysis.run import Run
from skybed.topologies.files import whole
from skybed.topologies.plan.plan import Plan

HERE = Path(__file__).parent
OF_RUN = (measured, lives, amounts, load)  # what is told of a run: each has facts and arrays


def write(path: Path, plan: Plan, run: Run | None = None, with_routes: bool = True) -> None:
    """Write the page as a file."""
    text = html(plan, run, with_routes)
    with whole(path) as file:
        file.write_text(text, encoding="utf-8")


def html(
    plan: Plan, run: Run | None = None, with_routes: bool = True, asked: str = "", live: bool = False
) -> str:
    """run: one of this plan, to show what it measured. asked: what it shows where its address, behind #, says
    nothing. live: it is served while the run goes on, and asks for `events` beside it (browser/live.js). The
    same plan and run give the same bytes.
    """
    facts = network.facts(plan) | {"words": words(), "land": _json(HERE / "land-110m.json"), "asked": asked}
    reached = lives.reached(run) if run is not None else []
    arrays = network.arrays(plan, with_routes, reached)
    if run is not None:
        facts["run"] = {name: value for part in OF_RUN for name, value in part.facts(run).items()}
        for part in OF_RUN:
            arrays |= part.arrays(run)
    if live:
        facts["live"] = True
    context = {
        "title": plan.scenario.name if run is None else run.name,
        "connects": "'self'" if live else "'none'",
        "style": style(),
        "modules": modules(),
        "data": packing.packed(facts, arrays),
    }
    return page.render("view/view.html", context)


def words() -> dict[str, Any]:
    """By language, the texts of the page: a file each."""
    return {file.stem: _json(file) for file in sorted((HERE / "words").glob("*.json"))}


def style() -> str:
    return (HERE / "view.css").read_text(encoding="utf-8")


def modules() -> str:
    """An import map: the modules as a browser imports them, by the names that they have for each other."""
    files = sorted((HERE / "browser").glob("*.js"))
    return json.dumps({"imports": {f"view/{file.stem}": _url(file) for file in files}})


def _url(module: Path) -> str:
    """The last line is the name under which a browser's tools show it."""
    source = f"{module.read_text(encoding='utf-8')}//# sourceURL=view/{module.name}\n"
    return "data:text/javascript;charset=utf-8;base64," + base64.b64encode(source.encode()).decode()


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
