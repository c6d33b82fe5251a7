"""The page of a campaign that is run: a row for each of its runs, which is filled as they go on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from skybed.analysis.pages import page
from skybed.analysis.pages.view import writing
from skybed.topologies.scenario.campaign import Campaign, Case


def html(campaign: Campaign, cases: Sequence[Case]) -> str:
    """It asks for `events` beside it (browser/runs.js)."""
    given = {
        "name": campaign.name, "about": campaign.about, "words": writing.words(),
        "parameters": [*cases[0].parameters] if cases else [],
        "runs": [[case.key, [*case.parameters.values()], case.repeat, case.scenario.seed] for case in cases],
    }  # fmt: skip
    data = json.dumps(given).replace("<", "\\u003c")  # which might end the element that it is in
    context = {"title": campaign.name, "style": writing.style(), "modules": writing.modules(), "data": data}
    return page.render("view/runs.html", context)
