"""Figures of the benchmark: medians of repeated measurements side by side, as JSON.

A section is what one part of the benchmark found, JSON as it stands: `about`, a sentence with the sizes;
`figures`, a list of `figure`; and perhaps `notes`, further sentences.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

Section = dict[str, Any]
Tell = Callable[[str], None]  # how far a measurement is


def figure(
    key: str,
    what: str,
    skybed: Sequence[float | None],
    other: Sequence[float | None] = (),
    against: str = "",
    less_is_better: bool = True,
) -> dict[str, Any]:
    """One line of a table. key: unique within a section; what: in words, with the unit.

    skybed, other: what was measured, once or more (None: nothing); against: what the other is. `ratio` says
    how many times better skybed is, by the medians; None unless both are more than 0.
    """
    ours, theirs = _median(skybed), _median(other)
    ratio = None
    if ours and theirs and min(ours, theirs) > 0:
        ratio = theirs / ours if less_is_better else ours / theirs
    return {
        "key": key, "what": what, "skybed": ours, "other": theirs, "against": against, "ratio": ratio,
        "samples": {"skybed": list(skybed), "other": list(other)},
    }  # fmt: skip


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(statistics.median(known)) if known else None
