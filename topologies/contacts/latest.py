"""What is in force: of each key the last of changes at known times."""

from __future__ import annotations

import numpy as np

from skybed.topologies.arrays import Array

BEYOND_S = 1e3  # that times may lie after the last


class Latest:
    """A value per key that changes at known times: `at` looks up many keys and times at once."""

    def __init__(self, key: np.ndarray, t_s: Array, until_s: float) -> None:
        # Keys lie this far apart on one axis: 1e3 keys of a day, exact to 30 ns.
        self.span = 2.0 * until_s + BEYOND_S
        self.order = np.lexsort((t_s, key))
        self.key = key[self.order]
        self.place = self.key * self.span + t_s[self.order]

    def at(self, key: np.ndarray, t_s: Array) -> np.ndarray:
        """Row (as given) of the last change of each key not after each time; -1: none."""
        if not len(self.key):
            return np.full(np.shape(key), -1)
        last = np.searchsorted(self.place, key * self.span + t_s, side="right") - 1
        return np.where((last >= 0) & (self.key[last] == key), self.order[last], -1)
