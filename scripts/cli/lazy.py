"""Groups whose commands are imported when they are called: help, and what is short, is there at once."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from skybed.scripts.running.leaving import importing


class Lazy(click.Group):
    """Its commands are modules of a package: each has `command`, and its docstring is the command's help."""

    def __init__(
        self, name: str, *, package: str, modules: Sequence[str], help: str, epilog: str = ""
    ) -> None:
        settings = {"help_option_names": ["-h", "--help"]}
        super().__init__(name, help=help, epilog=epilog, context_settings=settings)
        self._package, self._modules = package, modules

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._modules:
            return None
        with importing():
            command: click.Command = import_module(f"{self._package}.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(f"{self._package}.{name}")) for name in self._modules])


def _summary(module: str) -> str:
    """First line of the docstring of a module, which is not imported for it."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, module
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    assert docstring is not None, module
    return docstring.splitlines()[0]
