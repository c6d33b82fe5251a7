"""Imports of a lane without what they bring along: nobody there uses it, and in a guest it takes seconds.

pyarrow looks for pandas when it makes its first array, and brings what reads files of clouds. Mininet asks
distutils, for which setuptools stands in, how to compare versions of Open vSwitch. pyroute2 imports all that
it has. pydantic looks for plugins in every package that is installed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType, SimpleNamespace


def imports() -> None:
    """Import these packages so."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"
    _bare("pyroute2")
    clouds = [f"pyarrow._{system}fs" for system in ("azure", "gcs", "hd", "s3")]
    with _missing("pandas", *clouds), _stand_in("ssl", get_default_verify_paths=_no_paths):
        import pyarrow
        import pyarrow.parquet

        pyarrow.array([0])
    with _stand_in("distutils.version", StrictVersion=_version):
        import mininet.node  # noqa: F401


def _bare(name: str) -> None:
    """Have the modules of a package imported without the package's own."""
    spec = importlib.util.find_spec(name)
    assert spec, f"{name} is installed"
    if name not in sys.modules:
        sys.modules[name] = importlib.util.module_from_spec(spec)


@contextlib.contextmanager
def _missing(*names: str) -> Iterator[None]:
    """While this holds, modules are as if they were not installed."""

    class Nowhere:
        def find_spec(self, wanted: str, path: Sequence[str] | None = None, target: object = None) -> None:
            if wanted in names:
                raise ModuleNotFoundError(f"{wanted} is not to be imported", name=wanted)

    finder = Nowhere()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextlib.contextmanager
def _stand_in(name: str, **content: object) -> Iterator[None]:
    """While this holds, a module and the package that it is in are others, which have this."""
    package = name.partition(".")[0]
    others = {package: ModuleType(package), name: ModuleType(name)}
    vars(others[name]).update(content)
    before = {module: sys.modules[module] for module in others if module in sys.modules}
    sys.modules |= others
    try:
        yield
    finally:
        for module in others:
            del sys.modules[module]
        sys.modules |= before


def _no_paths() -> SimpleNamespace:
    return SimpleNamespace(cafile=None, capath=None)


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))
