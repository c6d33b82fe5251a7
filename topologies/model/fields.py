"""What all models of the scenario file are made of."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# 15: Linux's limit for interface names. No double hyphen: a link is named "a--b".
NAME_PATTERN = r"^[A-Za-z0-9]+([_.-][A-Za-z0-9]+)*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=15)]
Title = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]  # of what is no node
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


def _utc(epoch: dt.datetime) -> dt.datetime:
    return epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)


Utc = Annotated[dt.datetime, AfterValidator(_utc)]  # UTC, also when no time zone is given

BINARY = "base64:"  # before the content of a file that is not text


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)
