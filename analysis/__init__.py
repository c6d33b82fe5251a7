"""What a run meant: its tables, their truth, the verdict, figures and reports.

`load` opens a run directory; everything else in this package takes what it returns.
"""

from analysis.run import Run, load

__all__ = ["Run", "load"]
