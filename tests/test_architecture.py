"""Imports run one way: scripts -> analysis, traffic, emulator -> topologies; siblings never meet."""

import ast
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


def imported_rooms(source: str) -> set[str]:
    """The rooms of this house that a module imports, wherever in the file."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            rooms.add(node.module.split(".")[0])
    return rooms & MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_below_it(room):
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules, f"{room} has no modules"
    wrong = {
        f"{path.relative_to(ROOT)} imports {other}"
        for path in modules
        for other in imported_rooms(path.read_text()) - MAY_IMPORT[room] - {room}
    }
    assert not wrong


def test_an_import_inside_a_function_counts():
    assert imported_rooms("def f():\n    from emulator.host import Answer\n") == {"emulator"}
