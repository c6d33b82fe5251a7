"""The examples of docs/extending.md, as files and registered."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

from skybed.topologies.model import kinds, metrics, tables
from support import built
from support.places import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()


def example(section, number=0, language="python"):
    """A block of code of a section."""
    return re.findall(rf"```{language}\n(.*?)```", _section(section), re.DOTALL)[number]


def _section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]


@contextlib.contextmanager
def forgotten():
    """What is registered in the block is gone after it, and so are modules of a test that it imports."""
    known = [(table, dict(table)) for table in (kinds.REGISTERED, metrics.METRICS, tables.TABLES)]
    modules = set(sys.modules)
    try:
        yield
    finally:
        for table, before in known:
            table.clear()
            table.update(before)
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(tempfile.gettempdir()):  # a package that is installed cannot be imported twice
                del sys.modules[name]


@contextlib.contextmanager
def beacons(folder):
    """The flow kind of the example, registered from a file of its own."""
    (folder / "beacon.py").write_text(example("A flow kind"))
    with forgotten():
        with contextlib.chdir(folder):
            exec(example("A flow kind", 1))
        yield


def changed_copy(folder, section):
    """A copy of skybed with the new files and the changes of a section; returns what runs its command."""
    built.copy(folder)
    body = _section(section)
    for path, text in re.findall(r"`(\S+\.py)`:\n\n```python\n(.*?)```", body, re.DOTALL):
        (folder / path).write_text(text)
    for change in re.findall(r"^\+\+\+ (\S+)\n(.*?)(?=^\+\+\+ |^```)", body, re.MULTILINE | re.DOTALL):
        _apply(*change, folder)
    command = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]
    there = os.environ | {"PYTHONPATH": str(folder / "src")}

    def run(code, *words):
        done = subprocess.run(
            [*command, *map(str, words)], env=there, cwd=folder, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def _apply(path, hunks, folder):
    """Change a file as a diff without line numbers says."""
    text = (folder / path).read_text()
    for hunk in hunks.split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        assert text.count(old) == 1, f"{path} does not have, or not once:\n{old}"
        text = text.replace(old, new)
    (folder / path).write_text(text)
