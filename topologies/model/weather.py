"""The part `weather` of a scenario."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skybed.topologies.model.fields import Model, NonNegative, Positive

LEAST_PCT, MOST_PCT = 0.001, 5.0  # of a year: the range that the prediction of rain holds for
KINDS = ("rain_mm_h", "exceeded_pct", "series", "cloud_share")


class Weather(Model):
    """What is over stations from one time to another. at: a station, several, or "ground", all with an
    antenna.

    Exactly one of KINDS. rain_mm_h: a shower; exceeded_pct: rain as it is exceeded that much of
    the year; series: rain drawn from the seed; cloud_share: how much of the time a cloud is overhead, drawn
    from the seed. Of several at once the worst counts.
    """

    at: str | Annotated[list[str], Field(min_length=1)] = "ground"
    from_s: NonNegative = 0.0
    until_s: Positive | None = None  # None: to the end
    rain_mm_h: Annotated[float, Field(ge=0, le=500)] | None = None
    exceeded_pct: Annotated[float, Field(ge=LEAST_PCT, le=MOST_PCT)] | None = None
    series: bool = False
    cloud_share: Annotated[float, Field(ge=0, le=1)] | None = None

    @property
    def given(self) -> list[str]:
        """Those of KINDS that it has."""
        values = {kind: getattr(self, kind) for kind in KINDS}
        return [kind for kind, value in values.items() if value is not None and value is not False]
