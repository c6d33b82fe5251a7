"""What a run meant: its tables, their truth, the verdict, figures and reports.

`load` opens a run directory; everything else in this package takes what it returns. `ms` and the like are
units, for limits as in `120 * ms`.
"""

from analysis.run import Run, load
from analysis.units import Quantity, kbps, mbps, ms, percent, s, us

__all__ = ["Quantity", "Run", "kbps", "load", "mbps", "ms", "percent", "s", "us"]
