"""What the writer may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def hint(wrong: str, right: Iterable[str]) -> str:
    """ "; did you mean X?" when one of `right` is close to `wrong`, else the short list, else nothing."""
    names = sorted(right)
    folded = {name.lower(): name for name in names}
    close = difflib.get_close_matches(wrong.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {folded[close[0]]}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= 12 else ""
