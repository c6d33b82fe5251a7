"""The scenarios and campaigns that come with skybed: a name will do wherever a file is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint

SCENARIOS = Path(__file__).absolute().parents[2] / "scenarios"
FOLDERS = {"scenario": SCENARIOS, "campaign": SCENARIOS / "campaigns"}


def names(what: str) -> list[str]:
    """Of all that are ready; what: "scenario" or "campaign"."""
    return sorted(path.stem for path in FOLDERS[what].glob("*.yaml"))


def find(named: str | Path, what: str, folder: Path = Path(), where: str = "") -> Path:
    """The file that is meant: one in `folder`, else the ready one of that name.

    A name has no suffix and no folder: what has one is a path, and returned whether the file is there or not.
    A file or a folder of that name wins. where: beginning of the error that says that there is neither.
    """
    here, name = folder / named, str(named)
    if os.path.exists(here) or Path(name).suffix or Path(name).name != name:
        return here
    if name in names(what):
        return FOLDERS[what] / f"{name}.yaml"
    files = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    meant = hint(name, [*names(what), *files], few=0) or f"; `skybed list` shows the ready {what}s"
    raise ScenarioError(f"{where}{name}: there is no such {what}{meant}.")


def beside(folder: Path, named: str) -> Path:
    """The file that a scenario in `folder` names: there, else among those that come with skybed, so that a
    copy of a ready scenario finds what it names.
    """
    here, ready_one = folder / named, SCENARIOS / named
    return ready_one if os.path.isfile(ready_one) and not os.path.exists(here) else here


def about(what: str) -> dict[str, str]:
    """By the name of each that is ready, the sentence that says what it is."""
    loaded = {
        name: yaml.load((FOLDERS[what] / f"{name}.yaml").read_bytes(), yaml.CSafeLoader)
        for name in names(what)
    }
    return {name: fields["about"] for name, fields in loaded.items()}


def text(name: str) -> str:
    """The file of the scenario, or else the campaign, of that name."""
    for what, folder in FOLDERS.items():
        if name in names(what):
            return (folder / f"{name}.yaml").read_text(encoding="utf-8")
    known = [name for what in FOLDERS for name in names(what)]
    raise ScenarioError(
        f"{name}: nothing ready has this name{hint(name, known, few=0) or '; see `skybed list`'}."
    )
