"""What arrays hold, for signatures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Index = NDArray[np.integer]  # numbers of nodes, links, rows
DelayAt = Callable[[Index, Array], Array]  # (links, times) -> one-way delay in s; the two broadcast
