"""A run that is looked at while it is played: its page in a browser, and what it has come to.

Everything here is outside the lane and works with what the lane says anyway, so the run does not know of it.
"""

from __future__ import annotations

from types import TracebackType

from skybed.analysis.pages.view import writing
from skybed.analysis.verdict import Verdict
from skybed.scripts.running.messages import Heard
from skybed.scripts.running.progress import Listener
from skybed.scripts.running.serving import Server
from skybed.scripts.running.so_far import Aside, News
from skybed.topologies.plan.plan import Plan


class View(Listener):
    """Listens to a run and shows it.

    with View() as view:
        execute(scenario, options, folder, Listeners(bar, view))
        view.over(verdict)
    """

    def __init__(self) -> None:
        self._server = Server()
        self._aside = Aside(self._tell)

    def __enter__(self) -> View:
        self._server.__enter__()
        self._server.announce()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            self._server.tell("over", {"status": "error", "reasons": [str(error)]})
        self._aside.end()
        self._server.__exit__(kind, error, trace)

    @property
    def address(self) -> str:
        return self._server.address

    def at(self, stage: str, share: float, note: str = "") -> None:
        self._server.waiting = f"{stage}: {note}"
        self._server.tell("stage", {"stage": stage, "share": share, "note": note})

    def planned(self, plan: Plan) -> None:
        self.at("drawing", 0.0, "the page")
        self._aside.begin(plan)
        self._server.first = lambda: {"past": self._aside.so_far.past()}
        self._server.page = writing.html(plan, live=True)

    def heard(self, message: Heard) -> None:
        self._aside.heard(message)

    def over(self, verdict: Verdict) -> None:
        """It has been judged."""
        told = {"status": verdict.status, "reasons": [*verdict.reasons, *verdict.notes]}
        self._server.tell("over", told)

    def _tell(self, news: News) -> None:
        tell = self._server.tell
        if news.network:
            tell("network", vars(news.network))
        if news.carried:
            tell("carried", vars(news.carried))
        if news.traffic:
            tell("traffic", {"t_s": news.traffic.t_s, "flows": news.flows, "rows": news.rows})
        limits = [limit.model_dump() for limit in news.limits]
        tell("verdict", {"reasons": news.reasons, "limits": limits})
