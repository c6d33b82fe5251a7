"""A campaign's directory, as if its runs had been made: figures are what a test says."""

import json

import pandas as pd

from skybed.analysis.campaign import table as table_of
from skybed.analysis.verdict import Verdict
from skybed.topologies.model.tables import PROBES
from skybed.topologies.scenario import campaign
from support import tiny_sky
from support.places import PAIR

# Four short runs with traffic, of which half lose packets.
PAIRS = f"""
name: pairs
scenario: {PAIR}
grid:
  duration_s: [5]
  links.x-quick.loss_pct: [0, 20]
repeats: 2
metrics: [sent, loss_pct, rtt_p50_ms]
"""
MANIFEST = tiny_sky.MANIFEST | {"duration_s": 30, "played_s": 30}


def probes(scenario, by_flow):
    """A table of probes of flows of a scenario, ten a second."""
    ends = {flow.name: flow.ends for flow in scenario.traffic}
    rows = [
        (flow, "echo", *ends[flow], seq, seq / 10, rtt_us, None, None, rtt_us is None, None, False)
        for flow, found in by_flow.items()
        for seq, rtt_us in enumerate(found)
    ]
    return pd.DataFrame(rows, columns=[*PROBES.dtypes]).astype(PROBES.dtypes)


def tiny_verdict(run, status, flows):
    """flows: figures by flow."""
    sent = {"kind": "probe", "src": "a", "dst": "b", "sending": {"unit": "probes", "sent": 1, "due": 1}}
    return Verdict(
        status=status, reasons=[] if status == "pass" else [f"It was {status}."], notes=[], run=run,
        played_s=30, duration_s=30, finished=status != "error",
        flows=[{"flow": flow} | sent | figures for flow, figures in flows.items()],
    )  # fmt: skip


def make(folder, text, outcome, rtt_us=None, scenario=PAIR):
    """Of a campaign file without name and scenario. outcome(case): verdict, and figures by flow;
    rtt_us(case): of probes, by flow, none where one is lost.

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
        tiny_verdict(case.key, status, flows).write(run)
        told = {"case.json": {"skybed": "0.1.0"}}
        for name, value in (told | ({"manifest.json": MANIFEST} if status != "error" else {})).items():
            (run / name).write_text(json.dumps(value))
        if rtt_us is not None and status != "error":
            probes(case.played, rtt_us(case)).to_parquet(run / "probes.parquet")
            tiny_sky.planned(case.played).save(run / "plan", with_routes=False)
    table_of.describe(loaded, cases, folder)
    table_of.write(cases, folder / "runs", loaded.metrics, folder / "table")
    return folder
