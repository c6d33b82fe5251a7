"""The part of the benchmark that happens inside a lane: one section of it.

    python -m skybed.scripts.bench.inside SECTION PARAMETERS

PARAMETERS in JSON. How far it is, and what was found, is told over the lane's channel.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from functools import partial

from skybed.emulator.lanes import channel
from skybed.emulator.lanes.channel import Channel
from skybed.scripts.running import messages

SECTIONS = {  # each imported by itself: Scapy and pandas load slowly in a guest, and not all need them
    "bring-up": ("skybed.scripts.bench.skies", "bring_up"),
    "updates": ("skybed.scripts.bench.updates", "updates"),
    "forwarding": ("skybed.scripts.bench.packets", "forwarding"),
    "generator": ("skybed.scripts.bench.packets", "generator"),
}


def main(section: str, parameters: str) -> None:
    module, name = SECTIONS[section]
    measure = getattr(importlib.import_module(module), name)
    os.set_inheritable(channel.DESCRIPTOR, False)
    tell = partial(messages.say, Channel(channel.DESCRIPTOR, listens=True))
    measured = measure(json.loads(parameters), lambda words: tell(messages.Noted(words)))
    tell(messages.Measured({"kernel": os.uname().release, **measured}))


if __name__ == "__main__":
    main(*sys.argv[1:])
