"""The part `tasks` of a scenario: what is to be observed, what is made of it, where, and who gets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from graphlib import TopologicalSorter
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from skybed.topologies.model import catalogue
from skybed.topologies.model.carried import Computing
from skybed.topologies.model.closest import hint
from skybed.topologies.model.code import NAMED, Written
from skybed.topologies.model.coordinates import Latitude, Longitude
from skybed.topologies.model.fields import Model, Name, NonNegative, Positive
from skybed.topologies.model.flows import Flow

Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = NonNegative | tuple[NonNegative, NonNegative]  # a pair is uniform between the two


class Target(Model):
    """A point on the ground; with pairs, a point of that region, drawn anew each time."""

    lat_deg: Latitude | tuple[Latitude, Latitude]
    lon_deg: Longitude | tuple[Longitude, Longitude]


def _targets(value: Any) -> Any:
    """One or several, some of which may be named as the catalogue has them."""
    if isinstance(value, str):
        return [_place(value, "")]
    listed = value if isinstance(value, list) else [value]
    return [_place(of, f"names {of}, which ") if isinstance(of, str) else of for of in listed]


def _place(name: str, said: str) -> dict[str, float]:
    if name not in catalogue.STATIONS:
        raise ValueError(f"{said}is no place of the catalogue{hint(name, catalogue.STATIONS)}")
    return {axis: catalogue.STATIONS[name][axis] for axis in ("lat_deg", "lon_deg")}


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_several), Field(min_length=1)]


def _rule(value: Any) -> Any:
    """A rule by its name, or a function of the user's own."""
    if isinstance(value, str) and not NAMED.fullmatch(value) and value not in RULES:
        raise ValueError(f"is no rule{hint(value, RULES)}; write {', '.join(RULES)} or FILE.py:function")
    return value


RuleName = Literal["nearest", "least-loaded", "soonest", "earliest", "first", "withhold"]
RULES = get_args(RuleName)
Rule = Annotated[RuleName | Written, BeforeValidator(_rule)]


class Step(Model):
    """What is done with the data, and where.

    at: `observer` (where the scene was taken), `ground` (any station with an antenna), layers, nodes. choose:
    which of them: nearest (least delay), least-loaded (shortest queue, then nearest), soonest (where it is
    done first, with queues and batteries), earliest (where by the
    contact plan its result is there first), first (where it can be brought first), withhold (as earliest, but
    behind all that waits on its way). over: how the data gets there: by any path, or over the direct link
    only. job: what is computed there; None: it is passed on.

    needs: what it takes: the `scene`, other steps by their names, products of other tasks by theirs; None:
    what the step before it gives, the first one the scene.
    """

    name: Name | None = None
    needs: Names | None = None
    job: Name | None = None
    at: Names = ["observer"]
    choose: Rule = "nearest"
    over: Literal["path", "contact"] = "path"
    keep_pct: Percent = 100.0  # of what comes in that goes out
    seconds: Positive | None = None  # that the job takes; None: as fast as what the node carries
    program: Annotated[str, Field(min_length=1)] | None = None  # reads $INPUT, writes $OUTPUT
    tiles: Annotated[int, Field(ge=1, le=256)] = 1  # into which it is split, each for a node of its own

    def kept_bytes(self, size: int) -> int:
        """What goes on of so many bytes that come in."""
        return max(1, round(size * self.keep_pct / 100))

    def seconds_at(self, computing: Computing | None, mb: float) -> float | None:
        """That it takes with such an input, or one of its tiles does with its own; 0: nothing is computed;
        None: nobody tells how fast.
        """
        if self.job is None:
            return 0.0
        if self.seconds is not None:
            return self.seconds / self.tiles
        own = computing.job_s(self.job, mb) if computing else None
        of_scenes = own is not None and computing is not None and computing.scene_s is not None
        return own / self.tiles if own is not None and of_scenes else own


class Command(Model):
    """What has to reach the satellite before it observes. via: stations from which it goes up over the direct
    link; none: by any path.
    """

    source: Annotated[str, Field(alias="from")]
    kb: Positive = 1.0  # 10**3 bytes
    via: Names | None = None


SCENE = -1  # in the place of a step


class OperatingModel(Model):
    """A way of working: it stands in the place of all these fields of the task."""

    steps: list[Step] | None = None
    over: Literal["path", "contact"] | None = None
    acquisition_s: Seconds | None = None
    command: Command | None = None


MOST_ASKED = 100_000  # times that a task may be asked for
WHEN = ("at_s", "every_s", "per_day", "passes")


class Task(Flow):
    """One kind of task, asked for again and again.

    target: None: whatever is below when it is asked for. by: the layers or nodes that may observe: who sees
    the target first, and of those who see it at once the nearest. At most one of WHEN tells when it is asked
    for; without, once at start_s. models: ways of working, by name, of which `model` chooses one.
    """

    LASTS: ClassVar[bool] = True
    NEEDS: ClassVar[Mapping[str, str]] = {"in_time_pct": "deadline_s"}

    kind: Literal["task"] = "task"
    target: Annotated[list[Target] | None, BeforeValidator(_targets), Field(min_length=1)] = None
    by: Names
    at_s: Annotated[list[NonNegative] | None, Field(min_length=1)] = None
    every_s: Positive | None = None
    per_day: Positive | None = None  # on average, exponential times between them
    passes: bool = False  # whenever a target comes into view of one of them
    count: Annotated[int, Field(ge=1)] | None = None  # at most
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] | None = None  # None: as its camera looks, or 10
    command: Command | None = None
    scene_mb: Positive | None = None  # None: the camera's
    acquisition_s: Seconds = 0.0  # the observer's, before its scene can leave it
    steps: list[Step] = []
    models: dict[str, OperatingModel] = {}
    model: str | None = None
    to: str
    over: Literal["path", "contact"] = "path"
    carrier: Literal["tcp", "udp", "bundles"] = "tcp"
    deadline_s: Positive | None = None  # from when it was asked for
    priority: Annotated[int, Field(ge=0, le=9)] = 0  # higher goes first

    @property
    def places(self) -> dict[str, str]:
        return {"to": self.to}

    @property
    def routed(self) -> bool:
        return self.carrier != "bundles"

    @property
    def title(self) -> str:
        return "task"

    @property
    def code(self) -> str:
        return "; ".join(step.program for step in self.steps if step.program)

    @property
    def takes(self) -> list[list[int | str]]:
        """Of each step what it takes: SCENE, steps by their places, other tasks by their names."""
        places: dict[str, int] = {"scene": SCENE} | {
            step.name: k for k, step in enumerate(self.steps) if step.name is not None
        }
        return [
            [k - 1] if step.needs is None else [places.get(name, name) for name in step.needs]
            for k, step in enumerate(self.steps)
        ]

    @property
    def uses(self) -> Counter[int | str]:
        """How many steps take the scene, what each step gives, each other task's product."""
        return Counter(chain.from_iterable(self.takes))

    @property
    def gives(self) -> list[int]:
        """Of what the product consists: the steps, and SCENE, whose results no step takes."""
        uses = self.uses
        return [place for place in (SCENE, *range(len(self.steps))) if not uses[place]]

    @property
    def in_order(self) -> list[int]:
        """The steps, each after all that it takes. Raises graphlib.CycleError."""
        before = {k: [of for of in takes if isinstance(of, int)] for k, takes in enumerate(self.takes)}
        return [k for k in TopologicalSorter(before).static_order() if k != SCENE]

    def measures(self, metric: str) -> bool:
        return metric != "handovers" and super().measures(metric)

    @model_validator(mode="before")
    @classmethod
    def _as_the_model_has_it(cls, value: Any) -> Any:
        """The chosen model, and nothing else, tells what its fields are."""
        if not isinstance(value, dict) or not isinstance(value.get("model"), str):
            return value
        models = value.get("models")
        known = models if isinstance(models, dict) else {}
        if value["model"] not in known:
            raise ValueError(
                f"has model {value['model']}, which is not among models{hint(value['model'], known)}"
            )
        chosen = known[value["model"]]
        own = {field: given for field, given in value.items() if field not in OperatingModel.model_fields}
        return {**own, **chosen} if isinstance(chosen, dict) else value

    @model_validator(mode="after")
    def _once(self) -> Task:
        given = [field for field in WHEN if getattr(self, field)]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; give one of them")
        if self.passes and self.target is None:
            raise ValueError("has passes: true and no target; name what is to come into view")
        return self
