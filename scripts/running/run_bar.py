"""The bar of a run: on a terminal what it has come to, and the verdict so far, stand below, in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Any

from skybed.analysis.verdict.judging import unmet
from skybed.scripts.running.messages import Carried, Heard, Network
from skybed.scripts.running.progress import ProgressBar
from skybed.scripts.running.so_far import Aside, News
from skybed.topologies.plan.plan import Plan

SEEN = 8  # lines of flows, and of what speaks against the run


class RunBar(ProgressBar):
    """A ProgressBar that is told of a run, too."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, list[str]] = {}  # lines, by what they tell of
        self._aside = Aside(self._show)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._aside.end()
        super().__exit__(kind, error, trace)

    def planned(self, plan: Plan) -> None:
        if self.terminal:
            self._aside.begin(plan)

    def heard(self, message: Heard) -> None:
        if self.terminal:
            self._aside.heard(message)

    def _show(self, news: News) -> None:
        for message in (news.network, news.traffic):
            if message:
                self._told[type(message).__name__] = told_of(message)
        self._told["verdict"] = verdict_of(news)
        self.below([line for lines in self._told.values() for line in lines])


def verdict_of(news: News) -> list[str]:
    """What would be said of a run if it ended now, for a terminal."""
    unheld = [sentence for limit in news.limits if (sentence := unmet(limit))]
    status = "invalid" if news.reasons else "fail" if unheld else "pass"
    held = f"; {len(news.limits) - len(unheld)} of {len(news.limits)} limits hold" if news.limits else ""
    head = (
        f"So far: {status}{held}" if news.reasons or news.limits else "So far nothing speaks against the run"
    )
    return [head, *(f"  {sentence}" for sentence in [*news.reasons, *unheld][:SEEN])]


def told_of(message: Heard) -> list[str]:
    """What a lane said, for a terminal: a line, or one for each of the first SEEN flows."""
    if isinstance(message, Carried):
        return []
    if isinstance(message, Network):
        held = f", {len(message.held)} values held by hand" if message.held else ""
        skipped = f", {message.skipped} left out" if message.skipped else ""
        return [f"{message.links} links; events up to {message.late_us / 1e3:.2f} ms late{skipped}{held}"]
    flows = {name: words for name, of in message.flows.items() if (words := ", ".join(_words(of)))}
    lines = [f"{name}: {words}" for name, words in islice(flows.items(), SEEN)]
    return [*lines, *([f"... and {len(flows) - SEEN} more"] if len(flows) > SEEN else [])]


def _words(of: Mapping[str, Any]) -> Iterator[str]:
    """The figures of a flow, see topologies.model.kinds, as far as there are words for them."""
    if of.get("rtt_us") is not None:
        yield f"{of['rtt_us'] / 1e3:.3f} ms"
    if "mbps" in of:
        yield f"{of['mbps']:.2f} Mbit/s"
    if "lost" in of:
        yield f"{of['lost']} of {of['sent']} lost"
    if of.get("retransmits"):
        yield f"{of['retransmits']} sent again"
    if "created" in of:
        yield f"{of['delivered']} of {of['created']} delivered"
    if "asked" in of:
        response = f" in {of['responses_s']['mean']:.1f} s" if of["responses_s"] else ""
        yield f"{of['delivered']} of {of['asked']} delivered{response}"
    if of.get("path"):
        yield f"{len(of['path'])} hops"
    if "state" in of:
        yield of["state"]
