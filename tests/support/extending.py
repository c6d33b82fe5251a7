"""The examples of docs/extending.md, as files and registered."""

import contextlib
import re
import sys
import tempfile

from skybed.topologies.model import kinds, metrics, tables
from support.places import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()


def example(section, number=0, language="python"):
    """A block of code of a section."""
    body = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    return re.findall(rf"```{language}\n(.*?)```", body, re.DOTALL)[number]


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
