"""The part of the benchmark that happens inside a lane: one section of it.

    python -m skybed.scripts.bench.inside SECTION PARAMETERS RESULT

PARAMETERS in JSON; what was found is written to the file RESULT, in JSON. Lines of standard output that begin
with "@ " say how far it is.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

SECTIONS = {  # each imported by itself: Scapy and pandas load slowly in a guest, and not all need them
    "bring-up": ("skybed.scripts.bench.skies", "bring_up"),
    "updates": ("skybed.scripts.bench.updates", "updates"),
    "forwarding": ("skybed.scripts.bench.packets", "forwarding"),
    "generator": ("skybed.scripts.bench.packets", "generator"),
}


def main(section: str, parameters: str, result: str) -> None:
    module, name = SECTIONS[section]
    measure = getattr(importlib.import_module(module), name)
    found = measure(json.loads(parameters), lambda note: print(f"@ {note}", flush=True))
    Path(result).write_text(json.dumps({"kernel": os.uname().release, **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
