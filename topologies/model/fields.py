"""What all models of the scenario file are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticKnownError

# 15: Linux's limit for interface names. No double hyphen: a link is named "a--b".
NAME_PATTERN = r"^[A-Za-z0-9]+([_.-][A-Za-z0-9]+)*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=15)]
Title = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]  # of what is no node
NonNegative = Annotated[float, Field(ge=0)]


LONGEST_LABEL = 40


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip() or len(text) > LONGEST_LABEL:
        raise ValueError(f"is no text of one line of at most {LONGEST_LABEL} characters")
    return text


Label = Annotated[str, AfterValidator(_printable)]  # for people, in any script

GREATEST = 1e15  # of all numbers: to greater ones nothing can be added
LEAST = 1e-12  # of those that others are divided by


def _no_less(value: float) -> float:
    if value < LEAST:
        raise PydanticKnownError("greater_than_equal", {"ge": LEAST})
    return value


Positive = Annotated[float, Field(gt=0), AfterValidator(_no_less)]
GREATEST_INTEGER = 2**63 - 1  # that a table can hold

LONGEST_S = 30 * 86_400.0  # of a run: elements of one epoch are of no use for longer
Wait = Annotated[float, Field(ge=0, le=LONGEST_S)]  # s, for what may be later than the run
Interval = Annotated[float, Field(ge=0.01, le=LONGEST_S)]  # s, between looks: each takes time to work out
Angle = Annotated[float, Field(ge=-36_000, le=36_000)]  # deg, some turns
FIRST_YEAR, LAST_YEAR = 1970, 2261  # whose times can be told in ns since 1970


def _utc(epoch: dt.datetime) -> dt.datetime:
    try:
        utc = epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)
    except OverflowError:
        utc = None
    if utc is None or not FIRST_YEAR <= utc.year <= LAST_YEAR:
        raise ValueError(f"is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return utc


def _no_number(epoch: Any) -> Any:
    """Numbers are dates in many ways (of element sets, Julian, since 1970): none is guessed."""
    try:
        float(epoch)
    except (TypeError, ValueError):
        return epoch
    raise PydanticKnownError("datetime_type")


# UTC, also when no time zone is given
Utc = Annotated[dt.datetime, BeforeValidator(_no_number), AfterValidator(_utc)]

BINARY = "base64:"  # before the content of a file that is not text


class Strict(BaseModel):
    # Built when first used: most are parts of others, and are built with those.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _true_is_no_number(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        """YAML's yes, on and true are not taken for 1."""
        made = validate(value)
        if wrong := [*_taken(value, made)]:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return made


class Model(Strict):
    """Of what people write: no number is too great to be worked with."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _numbers_can_be_added(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        made = validate(value)
        if wrong := [*_extreme(value, made)]:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return made


Place = tuple[str | int, ...]  # in the value of a field


def _numbers(given: Any, made: Any, at: Place = ()) -> Iterator[tuple[Place, Any, int | float]]:
    """Each number that was made: where, and what of."""
    if isinstance(made, int | float) and not isinstance(made, bool):
        yield at, given, made
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        for i, pair in enumerate(zip(given, made, strict=True)):
            yield from _numbers(*pair, (*at, i))
    elif isinstance(given, dict) and isinstance(made, dict):
        for key, value in made.items():
            yield from _numbers(given.get(key), value, (*at, key))


def _taken(given: Any, made: Any) -> Iterator[InitErrorDetails]:
    for at, value, number in _numbers(given, made):
        if isinstance(value, bool):
            kind = "int_type" if isinstance(number, int) else "float_type"
            yield InitErrorDetails(type=kind, loc=at, input=value)


def _extreme(given: Any, made: Any) -> Iterator[InitErrorDetails]:
    for at, value, number in _numbers(given, made):
        greatest = GREATEST_INTEGER if isinstance(number, int) else GREATEST
        if abs(number) > greatest:
            limit, kind = ("le", "less_than_equal") if number > 0 else ("ge", "greater_than_equal")
            bound = greatest if number > 0 else -greatest
            yield InitErrorDetails(type=kind, loc=at, input=value, ctx={limit: bound})
