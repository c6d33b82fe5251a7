"""What a value of a link may be in a scenario: a number, or what gives one over time.

A number stands for itself all the time. The others give steps: from t_s on the value is so much.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag

from skybed.topologies.model.code import NAMED, Written
from skybed.topologies.model.fields import LONGEST_S, Interval, Model, NonNegative, Wait

Factor = Annotated[float, Field(ge=1e-6, le=1e6)]
Share = Annotated[float, Field(ge=0, le=100)]


def _two(step: Any) -> Any:
    if not isinstance(step, list | tuple) or len(step) != 2:
        raise ValueError("must be [t_s, value]")
    return step


# Run time, s, from which; value.
Step = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(_two)]
TABLE_ENDING = ".csv"


class Course(Model):
    """A value over time. factor: what all of its values are multiplied by."""

    factor: Factor = 1.0

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"factor": self.factor * factor})


class Steps(Course):
    """As they are listed; before the first, its value."""

    steps: Annotated[list[Step], Field(min_length=1)]


class Table(Course):
    """The rows of a CSV: t_s, a column of the field's name or `value`, and, if need be, a and b: the nodes of
    a link that alone has these rows. repeat_s: after which it begins anew; None: its last value stays.
    """

    csv: str
    repeat_s: Interval | None = None


class Trace(Course):
    """A recording. Of a rate: when a packet of 1500 bytes could leave, a line each, in ms from its begin, as
    Mahimahi has them; else a value a line, one for each interval. It begins anew when it ends.

    interval_ms: None: RATE_INTERVAL_MS or VALUE_INTERVAL_MS. from_s: where in it the run begins.
    """

    trace: str
    interval_ms: Annotated[float, Field(ge=1, le=LONGEST_S * 1000)] | None = None
    from_s: Wait = 0.0


class Rule(Course):
    """A function of the user's own over arrays: t_s, range_km, elevation_deg; asked every every_s of a
    contact, and at its begin.
    """

    python: Written
    every_s: Interval = 1.0


class Bursts(Course):
    """Losses in bursts (Gilbert 1960, Elliott 1963): good and bad times in turn, exponential with these
    means, and the share of packets that is lost in each.
    """

    good_s: Annotated[float, Field(ge=0.001)]
    bad_s: Annotated[float, Field(ge=0.001)]
    good_pct: Share = 0.0
    bad_pct: Share = 100.0


RATE_INTERVAL_MS, VALUE_INTERVAL_MS = 100.0, 10.0  # of traces
FORMS: dict[str, type[Course]] = {
    "steps": Steps, "csv": Table, "trace": Trace, "python": Rule, "bad_s": Bursts,
}  # fmt: skip
NUMBER = "number"


def spelled_out(value: Any) -> Any:
    """A short form as a mapping: a list of steps, FILE.csv, FILE.py:function."""
    if isinstance(value, list):
        return {"steps": value}
    if isinstance(value, str) and NAMED.fullmatch(value):
        return {"python": value}
    if isinstance(value, str) and value.endswith(TABLE_ENDING):
        return {"csv": value}
    return value


def _form(value: Any) -> str:
    """By which of the forms a value is read, in the marks of `validation.BRANCH`."""
    given = value if isinstance(value, dict) else ()
    key = next((key for key, form in FORMS.items() if type(value) is form or key in given), NUMBER)
    return f"<{key}>"


def _known(value: Any) -> Any:
    """Refuse what is no form at all with one sentence about all of them."""
    value = spelled_out(value)
    if isinstance(value, dict) and not FORMS.keys() & value.keys():
        raise ValueError(_NONE)
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            raise ValueError(_NONE) from None
    return value


_NONE = (
    "is neither a number nor steps, such as [[0, 100], [20, 50]], nor FILE.csv, nor FILE.py:function, nor a "
    "mapping with steps, csv, trace or python"
)
_COURSES = (
    Annotated[Steps, Tag("<steps>")]
    | Annotated[Table, Tag("<csv>")]
    | Annotated[Trace, Tag("<trace>")]
    | Annotated[Rule, Tag("<python>")]
    | Annotated[Bursts, Tag("<bad_s>")]  # of losses; others are refused by a check
)
_FORM, _KNOWN = Discriminator(_form), BeforeValidator(_known)
Amount = Annotated[Annotated[NonNegative, Tag("<number>")] | _COURSES, _FORM, _KNOWN]  # 0 or more
Loss = Annotated[Annotated[Share, Tag("<number>")] | _COURSES, _FORM, _KNOWN]
