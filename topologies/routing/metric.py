"""What it costs to cross links, by `routing.metric`: the way that costs least is the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.model.routing import Routing

DEAREST = 1e9  # by rate
MOST = 65_535  # that a daemon is told, as OSPF has it


def cost_s(rule: Routing, delay_s: ArrayLike, rate_mbps: ArrayLike) -> Array:
    """Of links by their delay and rate, which broadcast together, as so many s of delay; inf: the rate is 0.

    A cost of 1 counts as 1 ms. By rate it is the auto-cost that routers have for OSPF, a reference bandwidth
    over the rate, without rounding.
    """
    weights, rate_mbps = rule.weights, np.asarray(rate_mbps, float)
    with np.errstate(divide="ignore", over="ignore"):
        by_rate = np.minimum(rule.reference_mbps / rate_mbps, DEAREST)
    each_s = 1e-3 * (weights.rate * by_rate + weights.hops)
    return np.where(rate_mbps > 0, weights.delay_ms * np.asarray(delay_s) + each_s, np.inf)


def unit_s(rule: Routing) -> float:
    """What costs 1 to a daemon: 0.1 ms of delay; where delay does not count, what costs 1 here."""
    return 1e-4 if rule.weights.delay_ms else 1e-3
