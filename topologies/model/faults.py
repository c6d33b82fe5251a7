"""The part `faults` of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skybed.topologies.model.coordinates import Latitude, Longitude
from skybed.topologies.model.fields import Model, NonNegative, Positive, Wait

TARGETS = ("link", "links", "node", "plane", "layer", "region")
LINK_KINDS = ("isl", "access", "fibre")


class Region(Model):
    """Every node while it is, or is above a place, within a distance of a point on the ground."""

    lat_deg: Latitude
    lon_deg: Longitude
    radius_km: Annotated[Positive, Field(le=20_000)]


class Fault(Model):
    """An outage of links, or of all links of nodes: `carrier` lost, or a `silent` drop.

    Once, from at_s for for_s; or at random: each link or node of the target for itself, a region as a whole.
    """

    kind: Literal["carrier", "silent"]
    # Exactly one of TARGETS.
    link: tuple[str, str] | None = None
    links: str | None = None  # every link of a kind (isl, access, fibre) or else of a link class
    node: str | None = None
    plane: tuple[str, Annotated[int, Field(ge=0)]] | None = None  # layer, number from 0
    layer: str | None = None
    region: Region | None = None
    # When: at_s, or mtbf_s and mttr_s.
    at_s: NonNegative | None = None
    for_s: Positive | None = None  # None: to the end
    mtbf_s: Annotated[float, Field(ge=1)] | None = None  # mean of the time from repair to failure
    mttr_s: Annotated[float, Field(ge=0.001)] | None = None  # mean of the time from failure to repair
    # From repair to carrying packets. None: the set-up time of the link's class; of a silent outage 0.
    reacquire_s: Wait | tuple[Wait, Wait] | None = None
    dead: bool = False  # of nodes: what they hold for tasks is lost, and they compute nothing
    planned: bool = False  # known to routing beforehand
    announced_s: float | None = None  # copies of the schedule made before this do not have it
