"""A function of the user's own, in Python, which a scenario takes along: `FILE.py:function`.

Whoever plans or plays such a scenario runs that code as themselves.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.calls import EndlessError, limited
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import Model

NAMED = re.compile(r"(?P<file>[^\n]+\.py):(?P<function>[A-Za-z_]\w*)")


SHOWN = 300  # characters of what code has to say of itself


class Code(Model):
    """The file as the scenario names it, the name of the function in it, and the text of the file."""

    file: str
    function: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"


def _read_in(value: Any) -> Any:
    """As scenario.reading leaves it where a file is named."""
    if not isinstance(value, Code) and not (isinstance(value, dict) and {*value} == {*Code.model_fields}):
        raise ValueError("FILE.py:function, a function in Python")
    return value


Written = Annotated[Code, BeforeValidator(_read_in)]  # of a field that may hold something else, too


class CodeError(ScenarioError):
    """What is wrong with a function, or with what it gives: a phrase for after the name of its field."""


def loaded(code: Code) -> Callable[..., Any]:
    """The function, called from then on as any other, of a module that nobody else has.

    What it or its module raises becomes a CodeError that names the file and the line; so does a call that
    does not return.
    """
    name = f"<skybed {code.file}>"
    linecache.cache[name] = len(code.source), None, code.source.splitlines(keepends=True), name
    module: dict[str, Any] = {"__name__": "skybed_code", "__file__": code.file}
    _guarded(code, name, lambda: exec(compile(code.source, name, "exec"), module))
    function = module.get(code.function)
    if not callable(function):
        functions = [key for key, value in module.items() if callable(value)]
        raise CodeError(f"{code.file} has no function {code.function}{hint(code.function, functions)}.")
    return lambda *arguments, **named: _guarded(code, name, lambda: function(*arguments, **named))


def _guarded(code: Code, name: str, call: Callable[[], Any]) -> Any:
    try:
        return limited(call)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit, and what is derived from neither
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name
        ]
        if isinstance(error, SyntaxError) and error.filename == name:
            lines, error = [error.lineno], SyntaxError(error.msg)
        where = f", line {lines[-1]}" if lines else ""
        kind = "" if isinstance(error, EndlessError) else f"{type(error).__name__}: "
        says = " ".join(f"{kind}{error}".split())[:SHOWN].removesuffix(":")
        raise CodeError(f"{code.file}{where}, {code.function}: {says}.") from None
