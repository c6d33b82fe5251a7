"""The part `radio` of a link class."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from skybed.topologies.model.fields import Interval, Model, NonNegative, Positive

LOWEST_GHZ, HIGHEST_GHZ = 1.0, 54.0  # beyond it the oxygen lines around 60 GHz take other formulas
ADAPTIVE = "adaptive"


def _three(row: Any) -> Any:
    if not isinstance(row, list | tuple) or len(row) != 3:
        raise ValueError("needs three values: a name, the least Es/N0 in dB, bits per symbol")
    return row


def _two(step: Any) -> Any:
    if not isinstance(step, list | tuple) or len(step) != 2:
        raise ValueError("needs two values: run time in s, the name of a MODCOD")
    return step


_TABLE = Annotated[list[Annotated[tuple[str, float, Positive], BeforeValidator(_three)]], Field(min_length=1)]
_PLAN = Annotated[list[Annotated[tuple[NonNegative, str], BeforeValidator(_two)]], Field(min_length=1)]
_NAME_OR_LIST = Discriminator(lambda value: "<list>" if isinstance(value, list) else "<name>")


class Radio(Model):
    """One direction of a radio link, from which its C/N and its rate follow: see docs/links.md.

    modcods: a table by name, see radio.modcods.TABLES, or rows (name, least Es/N0 in dB, bits per symbol).
    modcod: ADAPTIVE, the name of one, or a plan: (run time, name), from which on it is used; none before the
    first. every_s: how often the rate follows.
    """

    frequency_ghz: Annotated[float, Field(ge=LOWEST_GHZ, le=HIGHEST_GHZ)]
    bandwidth_mhz: Annotated[float, Field(ge=1e-6, le=10_000)]
    roll_off: Annotated[float, Field(ge=0, le=1)] = 0.2
    eirp_dbw: Annotated[float, Field(ge=-100, le=150)]
    g_over_t_db_k: Annotated[float, Field(ge=-100, le=100)]
    losses_db: NonNegative = 0.0  # of what has no field of its own
    margin_db: NonNegative = 0.0  # that the modem takes
    pointing_error_deg: NonNegative = 0.0
    beamwidth_deg: Positive | None = None  # where power is half; without it pointing costs nothing
    tilt_deg: Annotated[float, Field(ge=0, le=90)] = 45.0  # of the polarisation: 0 horizontal, 45 circular
    system_temperature_k: Positive | None = None  # of the station, for the rise of its noise by rain
    modcods: Annotated[Annotated[str, Tag("<name>")] | Annotated[_TABLE, Tag("<list>")], _NAME_OR_LIST] = (
        "dvb-s2"
    )
    modcod: Annotated[Annotated[str, Tag("<name>")] | Annotated[_PLAN, Tag("<list>")], _NAME_OR_LIST] = (
        ADAPTIVE
    )
    hysteresis_db: NonNegative = 0.5  # that a better MODCOD must have to spare
    every_s: Interval = 1.0
    factor: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0  # of its rates
