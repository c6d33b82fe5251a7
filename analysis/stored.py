"""The JSON files of a run directory: models, each with the number of its format, written and read back."""

from __future__ import annotations

import json
import reprlib
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from skybed.topologies.errors import RunError
from skybed.topologies.files import whole
from skybed.topologies.model.fields import Strict
from skybed.topologies.model.yamlmarks import dotted

AGAIN = "the run was not finished, run it again"
REMEDY = "run the scenario again"
DAMAGED = f"the file is damaged, {REMEDY}"
OTHER_VERSION = f"it was written by another version of skybed, {REMEDY}"


class Stored(Strict):
    """A file of a run directory. Whoever changes its fields gives its `format` the next number."""

    WHAT: ClassVar[str]  # the file is WHAT.json
    REMEDY: ClassVar[str] = REMEDY  # where the file is of no use

    format: int

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file; what was not noted is not there."""
        return {"format": _format(type(self))} | self.model_dump(mode="json", exclude_unset=True)

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.WHAT}.json"
        with whole(path) as file:
            file.write_text(json.dumps(self.as_json(), indent=2) + "\n")
        return path

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The one in a run directory. Raises RunError, a sentence, where there is none of this format."""
        path = folder / f"{cls.WHAT}.json"
        try:
            content = json.loads(path.read_text())
        except (ValueError, OSError) as why:
            raise _of_no_use(cls, path, f"the {cls.WHAT} cannot be read ({first_line(why)})") from why
        if not isinstance(content, dict):
            raise _of_no_use(cls, path, f"the {cls.WHAT} is not a JSON object")
        kind = cls.kind_of(content)
        if content.get("format") != _format(kind):
            number = f"format {reprlib.repr(content['format'])}" if "format" in content else "no format"
            raise _of_other_version(cls, path, f"the {cls.WHAT} has {number}, expected is {_format(kind)}")
        try:
            return kind.model_validate(content, strict=True)
        except ValidationError as error:
            raise _of_other_version(cls, path, _said(cls.WHAT, error)) from None

    @classmethod
    def kind_of(cls, content: dict[str, Any]) -> type[Self]:
        """The model of what was found in the file."""
        return cls


def _format(kind: type[Stored]) -> int:
    number: int = kind.model_fields["format"].default
    return number


def _of_no_use(kind: type[Stored], path: Path, why: str) -> RunError:
    return RunError(f"{path}: {why}; the file is damaged, {kind.REMEDY}.")


def _of_other_version(kind: type[Stored], path: Path, why: str) -> RunError:
    return RunError(f"{path}: {why}; it was written by another version of skybed, {kind.REMEDY}.")


def _said(what: str, error: ValidationError) -> str:
    """What is wrong first."""
    first = error.errors(include_url=False)[0]
    where = dotted(first["loc"])
    if first["type"] == "missing":
        return f"the {what} has no {where}"
    if first["type"] == "extra_forbidden":
        return f"the {what} has a {where}, which is not known"
    if not where:
        return f"the {what} {first['ctx']['error']}"
    return f"{where} of the {what} is {reprlib.repr(first['input'])}"


def first_line(why: Exception) -> str:
    """Of an error, without the path, which the message names already."""
    first = (str(why).splitlines() or [type(why).__name__])[0]
    return first.split("': ")[-1].rstrip(".")
