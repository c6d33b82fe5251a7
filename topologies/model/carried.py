"""What nodes carry beside links: storage, computing, a camera, power.

Each may be named, as the catalogue has it, or given by its fields, or named with some fields of its own:
`computing: jetson-tx2`, `computing: {slots: 2, mb_s: 4}`, `computing: {preset: jetson-tx2, slots: 2}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from skybed.topologies.model.closest import hint
from skybed.topologies.model.equipment import CAMERAS, COMPUTERS, POWER
from skybed.topologies.model.fields import Model, Name, NonNegative, Positive

Percent = Annotated[float, Field(ge=0, le=100)]
Speed = Annotated[  # of any job, or by its name
    Annotated[Positive, Tag("<number>")]
    | Annotated[dict[Name, Positive], Field(min_length=1), Tag("<by job>")],
    Discriminator(lambda value: "<by job>" if isinstance(value, dict) else "<number>"),
]
SPEEDS = frozenset(("mb_s", "scene_s"))  # fields of which a computer has one


def _preset(known: Mapping[str, Mapping[str, Any]], what: str) -> Callable[[Any], Any]:
    return partial(_fields, known, what)


def _fields(known: Mapping[str, Mapping[str, Any]], what: str, value: Any) -> Any:
    """Of what is named, with what is given beside its name. A speed of one kind replaces one of the other."""
    if not isinstance(value, str | dict) or (isinstance(value, dict) and "preset" not in value):
        return value
    name, own = (value, {}) if isinstance(value, str) else (value["preset"], value)
    if not isinstance(name, str) or name not in known:
        said = "" if isinstance(value, str) else f"has the preset {name}, which "
        raise ValueError(f"{said}is no {what} of the catalogue{hint(str(name), known)}")
    replaced = SPEEDS if SPEEDS & own.keys() else frozenset()
    fields = {field: x for field, x in known[name].items() if field not in replaced}
    return fields | {field: x for field, x in own.items() if field != "preset"}


class Storage(Model):
    """Of what is observed, received and made. gb: 10**9 bytes.

    when_full: refuse: no scene is taken and nothing is received until there is room, and who sends keeps what
    it has; drop-oldest: what is there longest, of the least priority, gives way.
    """

    gb: Positive
    when_full: Literal["refuse", "drop-oldest"] = "refuse"


def _size(value: Any) -> Any:
    return {"gb": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Computing(Model):
    """slots: jobs at a time, each as fast as if it were alone. One of mb_s and scene_s tells how fast: 10**6
    bytes of a job's input in a second, or how long a job takes whatever its size. idle_w: drawn all the time;
    watts: and by each slot at work.
    """

    slots: Annotated[int, Field(ge=1, le=10_000)] = 1
    mb_s: Speed | None = None
    scene_s: Speed | None = None
    watts: NonNegative = 0.0
    idle_w: NonNegative = 0.0

    @model_validator(mode="after")
    def _one(self) -> Computing:
        if self.mb_s is not None and self.scene_s is not None:
            raise ValueError("has mb_s and scene_s; give one of them")
        if self.mb_s is None and self.scene_s is None:
            raise ValueError("needs one of mb_s and scene_s, which tell how fast it is")
        return self

    def job_s(self, job: str, mb: float) -> float | None:
        """How long a slot takes for a job with such an input; None: it does not know this job."""
        speed = self.scene_s if self.mb_s is None else self.mb_s
        own = speed.get(job) if isinstance(speed, dict) else speed
        return None if own is None else own if self.mb_s is None else mb / own


class Camera(Model):
    """scene_mb: 10**6 bytes of a scene. capture_s: how long one takes, at `watts`; the next begins after it.
    max_off_nadir_deg: how far from straight down it looks.
    """

    scene_mb: Positive
    capture_s: NonNegative = 0.0
    watts: NonNegative = 0.0
    max_off_nadir_deg: Annotated[float, Field(gt=0, lt=90)] = 30.0


class Power(Model):
    """panel_w: what comes from the panels in sunlight. floor_pct: no computing below this state of charge,
    and none until there is resume_pct again. idle_w: drawn all the time; transmit_w: and while it sends.
    """

    panel_w: NonNegative
    battery_wh: Positive
    start_pct: Percent = 100.0
    floor_pct: Percent = 20.0
    resume_pct: Percent | None = None  # None: 5 more than the floor
    idle_w: NonNegative = 0.0
    transmit_w: NonNegative = 0.0

    @property
    def resumes_pct(self) -> float:
        return min(100.0, self.floor_pct + 5.0) if self.resume_pct is None else self.resume_pct

    @model_validator(mode="after")
    def _resumes_above_the_floor(self) -> Power:
        if self.resume_pct is not None and self.resume_pct <= self.floor_pct:
            raise ValueError("needs a resume_pct that is more than its floor_pct")
        return self


class Carried(Model):
    storage: Annotated[Storage | None, BeforeValidator(_size)] = None  # None: without limit
    computing: Annotated[Computing | None, BeforeValidator(_preset(COMPUTERS, "computer"))] = None
    camera: Annotated[Camera | None, BeforeValidator(_preset(CAMERAS, "camera"))] = None
    power: Annotated[Power | None, BeforeValidator(_preset(POWER, "power supply"))] = None  # None: enough
