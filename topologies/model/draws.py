"""What is left to chance in a scenario: a number, or a distribution from which one is drawn."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from skybed.topologies.model.fields import Model, NonNegative, Positive


class Distribution(Model):
    """One of these. What would be less than 0 is 0.

    normal: mean and standard deviation; lognormal: median and sigma, of the natural logarithm; pareto: the
    least and the exponent; values: any of these, each as likely.
    """

    normal: tuple[float, NonNegative] | None = None
    lognormal: tuple[Positive, NonNegative] | None = None
    pareto: tuple[Positive, Positive] | None = None
    values: Annotated[list[NonNegative], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Distribution:
        if len([name for name in self.__class__.model_fields if getattr(self, name) is not None]) != 1:
            raise ValueError("needs one of normal, lognormal, pareto or values, and no other")
        return self


def _form(value: Any) -> str:
    if isinstance(value, dict | Distribution):
        return "<distribution>"
    return "<pair>" if isinstance(value, list | tuple) else "<number>"


# A pair is uniform between the two.
Draw = Annotated[
    Annotated[NonNegative, Tag("<number>")]
    | Annotated[tuple[NonNegative, NonNegative], Tag("<pair>")]
    | Annotated[Distribution, Tag("<distribution>")],
    Discriminator(_form),
]
