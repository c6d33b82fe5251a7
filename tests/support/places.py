"""Where things are."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
PAIR = SCENARIOS / "pair.yaml"
SKYBED = pathlib.Path(sys.executable).with_name("skybed")  # the command as a user types it
