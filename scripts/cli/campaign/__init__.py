"""Run a scenario many times with other values, into one table."""

from __future__ import annotations

from skybed.scripts.cli.lazy import Lazy

command = Lazy("campaign", package=__name__, modules=("plan", "report", "run"), help=__doc__)
