"""The figures of a campaign's report: what is drawn over what, and whether it can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from skybed.topologies.model.fields import Model
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.metrics import OF_TASKS, SAMPLES

FLOW = "flow"  # takes a parameter's place: the flows of the scenario


class FigureModel(Model):
    """One figure. What takes no part in it is pooled, but for flows: each has a figure of its own."""

    kind: Literal["ecdf", "box", "heatmap", "line", "stages"]
    metric: str
    flow: str | None = None  # this one only
    x: str | None = None
    y: str | None = None
    colour: str | None = None
    columns: str | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """What takes part in it, by its role."""
        roles = {role: getattr(self, role) for role in ("x", "y", "colour", "columns")}
        return {role: at for role, at in roles.items() if at is not None}


# By kind: the roles that it must have, and those that it may.
ROLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ecdf": ((), ("colour", "columns")),
    "box": (("x",), ("colour", "columns")),
    "heatmap": (("x", "y"), ("columns",)),
    "line": (("x",), ("colour", "columns")),
    "stages": (("x",), ("columns",)),
}
WHOLE = "response_mean_s"  # of tasks, which stages make up


def problems(
    figures: Sequence[FigureModel],
    parameters: Mapping[str, Sequence[Any]],
    metrics: Sequence[str],
    flows: Sequence[str],
    sampled: Collection[str],
) -> Iterator[Problem]:
    """parameters: with their values; sampled: of SAMPLES those that some flow gives."""
    parameters = {**parameters, FLOW: flows}
    for number, figure in enumerate(figures):
        at: tuple[str | int, ...] = ("figures", number)
        known = {"ecdf": list(SAMPLES), "stages": [WHOLE]}.get(figure.kind, metrics)
        yield from known_name(
            (*at, "metric"), figure.metric, known, f"metric in this campaign's {figure.kind}"
        )
        of = OF_TASKS if figure.kind == "stages" else figure.metric
        if of in SAMPLES and of not in sampled:
            yield (*at, "metric"), f"is {figure.metric}, of which no run of this campaign has any."
        if figure.flow is not None:
            yield from known_name((*at, "flow"), figure.flow, flows, "flow")
        must, may = ROLES[figure.kind]
        for role in must:
            if role not in figure.parameters:
                yield at, f"has no {role}; a {figure.kind} needs one."
        first: dict[str, str] = {}
        for role, parameter in figure.parameters.items():
            here = (*at, role)
            if role not in must + may:
                yield here, f"is not for a figure of the kind {figure.kind}; leave it out."
            elif parameter in first:
                yield here, f"is {parameter}, as {first[parameter]} is; leave one out."
            else:
                yield from known_name(here, parameter, parameters, "parameter of this campaign")
            first.setdefault(parameter, role)
        if figure.kind == "line" and not all(map(_is_number, parameters.get(figure.x or "", ()))):
            yield (*at, "x"), f"is {figure.x}, whose values are not all numbers; a box can show them."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
