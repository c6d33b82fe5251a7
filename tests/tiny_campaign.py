"""A campaign's directory, as if its runs had been made: figures are what a test says."""

import json
import pathlib

from analysis import campaign as table_of
from topologies import campaign

PAIR = pathlib.Path(__file__).parents[1] / "scenarios" / "pair.yaml"
MANIFEST = {"python": "3.11.2", "kernel": "6.12.0", "versions": {"numpy": "2.2.0"}}


def make(folder, text, outcome, scenario=PAIR):
    """Of a campaign file without name and scenario. outcome(case): verdict, and figures by flow.

    A run whose verdict is "error" has no manifest: it broke off.
    """
    folder.mkdir(parents=True)
    file = folder / "campaign.yaml"
    file.write_text(f"name: c\nscenario: {scenario}\n{text}")
    loaded, cases = campaign.load(file)
    for case in cases:
        run = folder / "runs" / case.key
        run.mkdir(parents=True)
        status, flows = outcome(case)
        told = {
            "verdict.json": {
                "status": status,
                "reasons": [] if status == "pass" else [f"It was {status}."],
                "flows": [{"flow": flow} | figures for flow, figures in flows.items()],
            },
            "case.json": {"skybed": "0.1.0"},
        } | ({"manifest.json": MANIFEST} if status != "error" else {})
        for name, value in told.items():
            (run / name).write_text(json.dumps(value))
    table_of.describe(loaded, cases, folder)
    table_of.write(cases, folder / "runs", loaded.metrics, folder / "table")
    return folder
