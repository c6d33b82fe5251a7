"""A campaign that is looked at while it is run: how far each of its runs is, in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from skybed.analysis.campaign import table
from skybed.analysis.pages.view import runs
from skybed.scripts.running.serving import Server
from skybed.topologies.scenario.campaign import Campaign, Case


class CampaignView:
    """Shows a campaign.

    with CampaignView() as view:
        campaigns.run(campaign, cases, folder, jobs, view=view)
    """

    def __init__(self) -> None:
        self._server = Server("The campaign is being read.")
        self._states: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> CampaignView:
        self._server.__enter__()
        self._server.announce()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.tell("over", {})
        self._server.__exit__(kind, error, trace)

    @property
    def address(self) -> str:
        return self._server.address

    def planned(self, campaign: Campaign, cases: Sequence[Case], folder: Path) -> None:
        """These are its runs; those whose directories are in `folder` are done."""
        self._metrics, self._runs = campaign.metrics, folder / "runs"
        self._states = {case.key: {"stage": "", "share": 0.0, "note": "", "lines": []} for case in cases}
        for case in cases:
            if (self._runs / case.key).is_dir():
                self.done(case)
        self._server.first = lambda: {"runs": self._states.copy()}
        self._server.page = runs.html(campaign, cases)

    def told(self, key: str, how: dict[str, Any]) -> None:
        """A run is so far; what comes late of one that is done counts no more."""
        if key in self._states and "verdict" not in self._states[key]:
            self._tell(key, how)

    def done(self, case: Case) -> None:
        """A run has been stored."""
        rows = table.rows(case, self._runs / case.key, self._metrics)
        lines = [
            f"{row['flow']}: " + ", ".join(f"{name} {row[name]:g}" for name in told)
            for row in rows
            if (told := [name for name in self._metrics if row[name] is not None])
        ]
        self._tell(
            case.key,
            {"stage": "", "share": 1.0, "note": "", "lines": lines, "verdict": rows[0]["verdict"]},
        )

    def _tell(self, key: str, how: dict[str, Any]) -> None:
        self._states[key] = how
        self._server.tell("run", {"key": key, **how})
