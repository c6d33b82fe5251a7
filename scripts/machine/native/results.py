"""What came of the checks of the native lane: written in the machine that they run in, read outside."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

SHORT = "doctor", "pair", "prompt", "mn", "kill -9", "Ctrl-C"
LONG = "sc-mini", "reroute-ospf", "reroute-isis", "reroute-bfd", "bgp-links", "starlink-550", "virtual"
LAST = "isolation", "kernel log"
# Limits of `fidelity` where the machine is emulated: one slow processor carries fifty routing daemons.
WIDER = {"rtt_error_p50_us": 9000, "rtt_error_p99_us": 30000, "late_ms": 300, "missing_pct": 5}


@dataclass(frozen=True)
class Result:
    """of: "function", "cleanliness" or "isolation". said: what was seen. took_s: by its own clock."""

    name: str
    of: str
    ok: bool
    said: str
    took_s: float


def wanted(long: bool) -> list[str]:
    """The names of the checks, in their order."""
    return [*SHORT, *(LONG if long else ()), *LAST]


def line(result: Result) -> str:
    return json.dumps(dataclasses.asdict(result)) + "\n"


def parse(text: str) -> list[Result]:
    """What has been written whole so far: a machine that died may leave half a line."""
    return [Result(**json.loads(whole)) for whole in text.split("\n")[:-1]]


def table(names: Sequence[str], results: Sequence[Result]) -> str:
    """A line for each check that was wanted; one without a result has not ended."""
    there = {result.name: result for result in results}
    rows = [("", "check", "of", "took", "seen")]
    for name in names:
        if found := there.get(name):
            answer = "yes" if found.ok else "NO"
            rows.append((answer, name, found.of, f"{found.took_s:.0f} s", found.said))
        else:
            rows.append(("NO", name, "", "", "it did not end"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(f"{text}\n" for text in lines)


def hold(names: Sequence[str], results: Sequence[Result]) -> bool:
    """Whether all that was wanted was checked, once, and found right."""
    return [result.name for result in results] == list(names) and all(result.ok for result in results)
