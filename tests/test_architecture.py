"""Imports run one way, between the rooms of the house and between the floors of each room.

An import inside a function, or for type checkers only, counts like any other: it hides a circle, it does not
open one.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "topologies": set(),
    "emulator": {"topologies"},
    "traffic": {"topologies"},
    "analysis": {"topologies"},
    "scripts": {"topologies", "emulator", "traffic", "analysis"},
}
# Of each room its floors from the ground up; each may import those before it. A module that stands in no
# folder is a floor of its own.
FLOORS = {
    "topologies": [
        "errors", "arrays", "files", "parquet", "model", "orbits", "radio", "contacts", "routing", "scenario",
        "plan", "bundles", "tasks",
    ],
    "emulator": ["kernel", "lanes", "sky", "daemons", "mn"],
    "traffic": [
        "nodes", "loop", "processes", "rows", "tables", "wire", "waiting", "storage", "shared",
        "timers", "probing", "bundles", "tasks", "kinds", "crossings",
    ],
    "analysis": [
        "stored", "manifest", "run", "contents", "units", "numbers", "measures", "routing", "verdict",
        "compare", "campaign", "pages", "tested", "space_packets",
    ],
    "scripts": ["machine", "running", "bench", "api", "cli", "pytest_plugin"],
}  # fmt: skip
# What may be imported under another name: as everybody does it, and what would else be called `options`.
OTHER_NAMES = {
    "numpy": "np", "pandas": "pd", "datetime": "dt", "pyarrow": "pa", "pyarrow.parquet": "pq",
    "pyarrow.compute": "pc", "pyarrow.dataset": "ds", "xml.etree.ElementTree": "ET",
    "pyroute2.netlink.rtnl.tcmsg.sched_netem.options": "netem_options",
}  # fmt: skip

Imports = dict[str, set[str]]


def named(path):
    """The dotted name of a module, from its room on."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {named(path): path for room in FLOORS for path in sorted((ROOT / room).rglob("*.py"))}


def imported(source, known=MODULES):
    """The modules of this house that a module imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    house = {name.removeprefix("skybed.") for name in names if name.startswith("skybed.")}
    return house & known.keys()


def imported_by(path):
    """The same of a file, without the packages that hold what it imports, or itself."""
    found = imported(path.read_text())
    return {
        name for name in found if not any(other.startswith(f"{name}.") for other in (*found, named(path)))
    }


IMPORTS = {name: imported_by(path) for name, path in MODULES.items()}


def floor(name):
    room, *rest = name.split(".")
    return FLOORS[room].index(rest[0]) if rest else -1


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_below_it(room):
    mine = [name for name in MODULES if name.split(".")[0] == room]
    assert len(mine) > 5
    wrong = {
        f"{name} imports {other}"
        for name in mine
        for other in IMPORTS[name]
        if other.split(".")[0] not in MAY_IMPORT[room] | {room}
    }
    assert not wrong


@pytest.mark.parametrize("room", FLOORS)
def test_a_floor_imports_only_the_floors_below_it(room):
    wrong = {
        f"{name} imports {other}"
        for name, found in IMPORTS.items()
        for other in found
        if name.split(".")[0] == other.split(".")[0] == room and floor(other) > floor(name)
    }
    assert not wrong


def test_tables_on_a_terminal_are_made_in_one_place():
    makers = {name for name, path in MODULES.items() if "from rich.table " in path.read_text()}
    assert makers and all(name.startswith("scripts.cli.") for name in makers)


def test_no_imports_run_in_a_circle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize(
    "path", [*ROOT.glob("docs/**/*.py"), *ROOT.glob("tests/**/*.py"), *MODULES.values()], ids=str
)
def test_a_room_is_never_imported_by_its_bare_name(path):
    """One module under two names would be two modules, and its errors two kinds of errors."""
    bare = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    assert not bare & FLOORS.keys()


def renamed(source):
    """What a module imports under another name than it has, and that name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            within = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names |= {(within + alias.name, alias.asname) for alias in node.names if alias.asname}
    return names


def test_what_is_imported_keeps_its_name():
    """One thing under two names is looked for twice."""
    wrong = {
        f"{module} imports {name} as {other}"
        for module, path in MODULES.items()
        for name, other in renamed(path.read_text()) - OTHER_NAMES.items()
    }
    assert not wrong


@pytest.mark.parametrize(
    ("source", "name", "other"),
    [
        ("import numpy as n", "numpy", "n"),
        ("import skybed.analysis.run as runs", "skybed.analysis.run", "runs"),
        ("from skybed.analysis import run as runs, units", "skybed.analysis.run", "runs"),
        ("def f():\n    from skybed.analysis import run as runs", "skybed.analysis.run", "runs"),
    ],
)
def test_another_name_is_found_wherever_it_is_given(source, name, other):
    assert renamed(source) - OTHER_NAMES.items() == {(name, other)}


def private(source):
    """What of others a module names that begins with one underscore: as attribute, import, or text."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "os"):
            names.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("attr", ".patch")):
            texts = [ast.literal_eval(arg) for arg in node.args[:2] if isinstance(arg, ast.Constant)]
            names += [part for text in texts if isinstance(text, str) for part in text.split(".")]
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/*.py")), ids=str)
def test_a_test_reaches_into_no_private_name(path):
    assert not private(path.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "from skybed.emulator.kernel.fib import _HEADER",
        "fib._HEADER",
        "kernel.Fib()._before",
        'monkeypatch.setattr(fib, "_HEADER", 1)',
        'monkeypatch.setattr("skybed.emulator.kernel.fib._HEADER", 1)',
        'getattr(fib, "_HEADER")',
    ],
)
def test_a_private_name_is_found_however_it_is_reached(source):
    assert private(source)


@pytest.mark.parametrize(
    "source",
    [
        "from skybed.emulator.lanes.host import Answer",
        "from skybed.emulator.lanes import host",
        "import skybed.emulator.lanes.host",
        "def f():\n    from skybed.emulator.lanes.host import Answer",
        "if TYPE_CHECKING:\n    from skybed.emulator.lanes.host import Answer",
    ],
)
def test_wherever_it_stands_an_import_counts(source):
    assert "emulator.lanes.host" in imported(source)
