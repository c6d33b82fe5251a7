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
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


def _utc(epoch: dt.datetime) -> dt.datetime:
    return epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)


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


class Model(BaseModel):
    # Built when first used: most are parts of others, and are built with those.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _true_is_no_number(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        """YAML's yes, on and true are not taken for 1."""
        made = validate(value)
        wrong = [InitErrorDetails(type=kind, loc=at, input=given) for at, given, kind in _taken(value, made)]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return made


def _taken(
    given: Any, made: Any, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], bool, str]]:
    """Each bool of which a number was made: where, what, and the type of the error."""
    if isinstance(given, bool) and isinstance(made, int | float) and not isinstance(made, bool):
        yield at, given, "int_type" if isinstance(made, int) else "float_type"
    elif isinstance(given, list) and isinstance(made, list | tuple):
        for i, pair in enumerate(zip(given, made, strict=True)):
            yield from _taken(*pair, (*at, i))
