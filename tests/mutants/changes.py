"""Small changes of a module, each of which is to make a test fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# What stands for what. Comparisons move by the limit itself alone, which is easily taken for the other side.
OPERATORS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_PAIRS = (
    ("min", "max"), ("minimum", "maximum"), ("nanmin", "nanmax"), ("argmin", "argmax"), ("idxmin", "idxmax"),
    ("cummin", "cummax"), ("any", "all"), ("floor", "ceil"), ("left", "right"),
    ("sin", "cos"), ("first", "last"),
)  # fmt: skip
NAMES = dict(_PAIRS) | {b: a for a, b in _PAIRS}
# Not what a module does: types, and the numbers in a sentence.
LEFT_OUT = {"annotation", "returns", "type_params", "decorator_list", "bases", "ctx"}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Mutant:
    """A node of a module's tree (`field` of `parent`, of a list its `index`) that another takes the place of;
    None: it is left out.
    """

    path: str
    line: int
    text: str  # the line, as it stands in the file
    change: str
    within: bool  # a function, so that a call sees the change
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST | None

    @property
    def name(self) -> str:
        return f"{self.path} | {self.text} | {self.change}"


class Module:
    """A file of the house and the mutants of it."""

    def __init__(self, path: str):
        self.path = path
        source = (ROOT / path).read_text()
        self.tree = ast.parse(source)
        self._lines = source.splitlines()

    def mutants(self) -> list[Mutant]:
        """In the order of the file. Those of the same line and kind are numbered."""
        found, seen = [], dict[str, int]()
        for mutant in self._of(self.tree, False):
            seen[mutant.name] = count = seen.get(mutant.name, 0) + 1
            found.append(mutant if count == 1 else replace(mutant, change=f"{mutant.change} ({count})"))
        return found

    def uses(self, mutant: Mutant) -> list[int]:
        """Lines that a mutant shows in: its own, and of a value of the module those that name it."""
        if mutant.within:
            return [mutant.line]
        (name, *_) = re.findall(r"\w+", mutant.text)
        return [n for n, line in enumerate(self._lines, start=1) if name in re.findall(r"\w+", line)]

    def code(self, mutant: Mutant, filename: str):
        """The whole module, compiled with the change."""
        whole = getattr(mutant.parent, mutant.field)
        if mutant.index is None:
            changed = mutant.new
        else:
            changed = [
                *whole[: mutant.index],
                *([mutant.new] if mutant.new else []),
                *whole[mutant.index + 1 :],
            ]
        setattr(mutant.parent, mutant.field, changed)
        try:
            return compile(ast.fix_missing_locations(self.tree), filename, "exec")
        finally:
            setattr(mutant.parent, mutant.field, whole)

    def _of(self, parent: ast.AST, within: bool) -> Iterator[Mutant]:
        inside = within or isinstance(parent, FUNCTIONS)
        for field, value in ast.iter_fields(parent):
            if field in LEFT_OUT:
                continue
            several = isinstance(value, list)
            for index, node in enumerate(value if several else [value]):
                if not isinstance(node, ast.AST) or isinstance(node, ast.JoinedStr) or _says_types(node):
                    continue
                if isinstance(parent, ast.ClassDef) and not isinstance(node, FUNCTIONS):
                    continue  # the fields of a record
                here = inside and not (isinstance(parent, ast.arguments) and field != "args")
                for new, change in _changes(parent, field, node):
                    line = getattr(node, "lineno", None) or parent.lineno
                    yield Mutant(
                        self.path, line, self._lines[line - 1].strip(), change, here, parent, field,
                        index if several else None, new,
                    )  # fmt: skip
                yield from self._of(node, here)


def _says_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _changes(parent: ast.AST, field: str, node: ast.AST) -> Iterator[tuple[ast.AST | None, str]]:
    """What may take the place of a node, and what that is called."""
    at = {name: getattr(node, name) for name in ("lineno", "col_offset") if hasattr(node, name)}
    if type(node) in OPERATORS:
        new = OPERATORS[type(node)]()
        yield new, f"{_sign(node)} is {_sign(new)}"
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd):
        yield node.operand, f"no {_sign(node.op)}"
    elif isinstance(node, ast.Constant):
        yield from _constants(parent, node, at)
    elif isinstance(node, ast.Call):
        yield from _calls(node, at)
    elif isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None), **at), "returns None"
    elif isinstance(node, ast.Continue | ast.Break | ast.AugAssign) or _only_acts(node):
        yield ast.Pass(**at), "is left out"
    if field == "test" and isinstance(parent, ast.If | ast.IfExp | ast.While):
        yield ast.Constant(False, **at), "never"
        if not isinstance(parent, ast.While):
            yield ast.Constant(True, **at), "always"
    if isinstance(parent, ast.comprehension) and field == "ifs":
        yield None, "all of them"
    several = isinstance(parent, ast.List) and field == "elts" and len(parent.elts) > 1
    if several and isinstance(node, ast.Call | ast.Starred):
        yield None, "without it"


def _sign(node: ast.AST) -> str:
    return type(node).__name__


def _constants(parent: ast.AST, node: ast.Constant, at: dict) -> Iterator[tuple[ast.AST, str]]:
    value, new = node.value, None
    if isinstance(value, bool):
        new = not value
    elif isinstance(value, int):
        new = value + 1
    elif isinstance(value, float):
        new = value * 10 or 1.0
    elif isinstance(value, str) and isinstance(parent, ast.keyword) and parent.arg == "side":
        new = NAMES[value]
    if new is not None:
        yield ast.Constant(new, **at), f"{value} is {new}"


def _calls(node: ast.Call, at: dict) -> Iterator[tuple[ast.AST, str]]:
    called = node.func
    name = (
        called.id
        if isinstance(called, ast.Name)
        else called.attr
        if isinstance(called, ast.Attribute)
        else ""
    )
    if name in NAMES:
        other = (
            ast.Name(NAMES[name], ast.Load()) if isinstance(called, ast.Name)
            else ast.Attribute(called.value, NAMES[name], ast.Load())
        )  # fmt: skip
        yield ast.Call(other, node.args, node.keywords, **at), f"{name} is {NAMES[name]}"
    if name == "abs":
        yield (node.args[0] if node.args else called.value), "no abs"


def _only_acts(node: ast.AST) -> bool:
    """A statement that is there for what it does: a call, a yield, or a value put into something."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets)
