"""Benchmark: a measurement in a process of its own, whose greatest memory is that of what is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from skybed.topologies.errors import InvalidRun


def measured(module: str, what: str, *arguments: object) -> dict[str, float]:
    """What the program of a module prints, as JSON. what: is measured, for the sentence where that fails."""
    command = [sys.executable, "-m", f"skybed.scripts.bench.{module}", *map(str, arguments)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        said = child.stderr.strip().splitlines()[-1:]
        raise InvalidRun("\n  ".join([f"The benchmark of {what} did not end. Its last line:", *said]))
    found: dict[str, float] = json.loads(child.stdout)
    return found


def greatest_memory_mib() -> float:
    """Of this process so far; ru_maxrss may be that of its parent."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024
