"""Keep a run's figures in a file, and hold other runs to them."""

from __future__ import annotations

from skybed.scripts.cli.lazy import Lazy

command = Lazy("baseline", package=__name__, modules=("accept", "check"), help=__doc__)
