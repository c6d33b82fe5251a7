"""What the writer may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def hint(wrong: str, right: Iterable[str], few: int = 12) -> str:
    """In brackets: the one of `right` that is close to `wrong`, else all of them if they are `few`."""
    folded = {name.lower(): name for name in sorted(right)}
    close = difflib.get_close_matches(wrong.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {folded[close[0]]}?)"
    return f" (there are {', '.join(folded.values())})" if 0 < len(folded) <= few else ""


def near(wrong: str, right: Iterable[str], most: int = 5) -> str:
    """In brackets: of many those that are not far from it."""
    close = difflib.get_close_matches(wrong.lower(), sorted(right), n=most, cutoff=0.0)
    return f" (the nearest are {', '.join(close)})"
