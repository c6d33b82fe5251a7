"""How jitter is distributed: what is drawn for each packet, in means.

Each packet is later than its delay by what is drawn for it: 0 or more, on average the link's jitter. Packets
keep their order, since a link has a rate: netem lets none leave before the one in front.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.model.draws import Distribution
from skybed.topologies.model.links import JitterShape
from skybed.topologies.orbits import chance

ENTRIES = 2048
SIGMA = 1 / 3  # of normal jitter, in means: what would be before 0 is one packet in 740
EXPONENT = 3.0  # of Pareto jitter, from which on its variance is finite


def means(shape: JitterShape | Distribution) -> Array:
    """ENTRIES numbers of mean 1, each as likely. Of a distribution only the shape counts."""
    return _means(shape if isinstance(shape, str) else shape.model_dump_json())


@cache
def _means(shape: str) -> Array:
    share = (np.arange(ENTRIES) + 0.5) / ENTRIES
    if shape == "exponential":
        drawn = -np.log1p(-share)
    elif shape == "uniform":
        drawn = share
    else:
        known = {"normal": Distribution(normal=(1.0, SIGMA)), "pareto": Distribution(pareto=(1.0, EXPONENT))}
        drawn = chance.quantile(known.get(shape) or Distribution.model_validate_json(shape), share)
    return drawn / max(drawn.mean(), np.finfo(float).tiny)
