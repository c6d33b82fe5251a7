"""The verdict on a run: pass, fail, or invalid because the emulation was distorted.

A verdict is a dict that is written as verdict.json, with these keys:

status      "pass" | "fail" | "invalid"; invalid wins over fail
reasons     sentences that say why it is not a pass; empty for a pass
notes       sentences worth knowing that change nothing
run, scenario, played_s, duration_s, finished
events      planned (until played_s), applied, skipped, missing, late (skipped ones too), late_pct,
            late_{p50,p99,max}_us; lateness is that of the events after 0
routes      planned (changes after 0), instants at which they come; and of these late, late_pct,
            late_{p50,p99,max}_us
delay       bound_us, max_error_us, within; and link, t_s, error_us, allowed_us of the look that is worst
rtt_error   n, p50_us, p99_us, max_us: |measured - true| of the probes that came back, loss, outages and
            probes that shared a link with load, or whose way is not known, aside
owd_error   the same, of both directions of the one-way delay
host        cpu_count, load_1m, steal_pct, busy, player_cpu_pct (of one CPU, spent on the updates)
routing     events (after which routing had to converge), control (`routing.control.summary`, a row for each
            protocol), churn: changes of IPv4 routes after 0, changes_s a second, changes_max_s most in one,
            destinations that had any, destination_max the most of one
proofs      n, agreeing: path proofs, and those whose path was the planned one (see `analysis.measures.paths`)
flows       per flow: flow, kind, src, dst, the metrics of `measures.metrics`, and for probes
            those of `routing.convergence.of_flows`, true_rtt_{p50,p99}_ms, rtt_error_{p50,p99}_us, loaded,
            and unexpected_lost (though a path stood) and unexpected_back, of those whose way is known
limits      flow, metric, min, max, value, met
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.measures import delays, forwarding, metrics, paths, truth
from skybed.analysis.routing import control, convergence
from skybed.analysis.run import Run
from skybed.topologies.errors import InvalidRun, RunError

EXIT_CODES = {"pass": 0, "fail": 1, "invalid": 3}
BUSY_LOAD_PER_CPU = 1.5
BUSY_STEAL_PCT = 5.0
WRONG_FATE_PCT, WRONG_FATES = 2.0, 5  # more probes of a flow lost, or not, against the plan: no edge effect
CHANCE_SD = (
    4.0  # standard deviations of the links' own losses: else lossy runs would be left out for their luck
)


class Verdict(dict[str, Any]):
    """See the module's list of keys."""

    @property
    def status(self) -> str:
        return str(self["status"])

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]


def judge(run: Run) -> Verdict:
    """Judge a run. One that was not finished is invalid, whatever of it can still be read."""
    manifest = run.manifest
    verdict = Verdict(status="invalid", reasons=[], notes=[], run=run.name)
    verdict |= {key: manifest[key] for key in ("played_s", "duration_s", "finished")}
    if not manifest["finished"]:
        verdict["reasons"].append(
            f"The run was not finished: {run.played_s:g} s of {manifest['duration_s']:g} s were played."
        )
        if manifest.get("fallen"):
            verdict["reasons"].append(manifest["fallen"])
    try:
        distorted, failed = _judge(run, verdict)
    except RunError as why:
        if manifest["finished"]:
            raise
        distorted, failed = [str(why)], []
    verdict["reasons"] += distorted + failed
    if manifest["finished"] and not distorted:
        verdict["status"] = "fail" if failed else "pass"
    return Verdict(_plain(verdict))


def refuse_invalid(run: Run, verdict: Verdict) -> None:
    """Raises InvalidRun where the figures of a run must not be used."""
    if verdict.status == "invalid":
        raise InvalidRun(f"{run.dir}: this run is invalid. {' '.join(verdict['reasons'])}")


def write(run: Run, verdict: Verdict) -> Path:
    """Write verdict.json into the run directory, and convergence.parquet if the tables could be read."""
    if "routing" in verdict:
        convergence.write(run)
    path = run.dir / "verdict.json"
    path.write_text(json.dumps(verdict, indent=2) + "\n")
    return path


def _judge(run: Run, verdict: Verdict) -> tuple[list[str], list[str]]:
    """Fill the figures in; returns the reasons that distort and those that fail."""
    probes, proofs = truth.probes(run), paths.check_proofs(run)
    judged = probes[~probes["loaded"] & probes["known"]]
    verdict["scenario"] = run.scenario.name
    verdict["events"], verdict["routes"] = _events(run), _routes(run)
    verdict["delay"] = _delay(run)
    verdict["rtt_error"] = _error(judged["error_us"])
    verdict["owd_error"] = _error(pd.concat([judged["owd_error_us"], judged["owd_back_error_us"]]))
    verdict["host"] = _host(run)
    verdict["proofs"] = {"n": len(proofs), "agreeing": int(proofs["agrees"].sum())}
    verdict["routing"] = _routing(run)
    verdict["flows"] = _flows(run, probes)
    verdict["limits"] = [_limit(limit, verdict["flows"]) for limit in run.scenario.accept]
    distorted = [
        *_silent_flows(run),
        *_fate_reasons(judged),
        *_late(run, "events", verdict["events"]),
        *_late(run, "route changes", verdict["routes"]),
        *_delay_reasons(verdict["delay"]),
        *_error_reasons(run, "RTT", verdict["rtt_error"]),
        *_error_reasons(run, "one-way delay", verdict["owd_error"]),
    ]
    _host_reasons(verdict, distorted)
    _proof_notes(run, verdict)
    failed = [limit.pop("reason") for limit in verdict["limits"] if not limit["met"]]
    return distorted, failed


# -- figures -------------------------------------------------------------------------------------


def _events(run: Run) -> dict[str, Any]:
    """Of the link events. Those at 0 are applied before the clock starts, so their lateness says nothing."""
    planned, applied = run.events[run.events["t_s"] <= run.played_s], run.applied
    done = applied[applied["applied_s"].notna() | applied["skipped"]]
    return {
        "planned": len(planned),
        "applied": int(applied["applied_s"].notna().sum()),
        "skipped": int(done["skipped"].sum()),
        "missing": int((~planned["event"].isin(done["event"])).sum()),
        **_lateness(run, done.loc[done["t_s"] > 0, "late_us"]),
    }


def _routes(run: Run) -> dict[str, Any]:
    """Of the instants at which routes change after the first tables; each as late as its last change."""
    changes = run.routes[(run.routes["t_s"] > 0) & (run.routes["t_s"] <= run.played_s)]
    late_us = ((changes["applied_s"] - changes["t_s"]) * 1e6).groupby(changes["t_s"]).max(skipna=False)
    return {"planned": len(changes), "instants": len(late_us), **_lateness(run, late_us)}


def _lateness(run: Run, late_us: pd.Series) -> dict[str, float]:
    """Share and size of lateness; what was never applied (nan) is late."""
    late = int((~(late_us <= run.scenario.fidelity.late_ms * 1e3)).sum())
    return {
        "late": late,
        "late_pct": 100.0 * late / len(late_us) if len(late_us) else 0.0,
        "late_p50_us": late_us.quantile(0.5),
        "late_p99_us": late_us.quantile(0.99),
        "late_max_us": late_us.max(),
    }


def _delay(run: Run) -> dict[str, Any]:
    looks = delays.compare(run)
    found: dict[str, Any] = {"bound_us": run.scenario.bound_us, "max_error_us": None, "within": True}
    if looks.empty:
        return found
    error_us = looks["error_us"].abs()
    worst = looks.loc[(error_us - looks["allowed_us"]).idxmax()]
    return found | {
        "max_error_us": error_us.max(),
        "link": worst["link"],
        "t_s": worst["t_s"],
        "error_us": worst["error_us"],
        "allowed_us": worst["allowed_us"],
        "within": bool(abs(worst["error_us"]) <= worst["allowed_us"] + delays.TOLERANCE_US),
    }


def _error(error_us: pd.Series) -> dict[str, float]:
    size = error_us.dropna().abs()
    return {
        "n": len(size), "p50_us": size.quantile(0.5), "p99_us": size.quantile(0.99), "max_us": size.max(),
    }  # fmt: skip


def _host(run: Run) -> dict[str, Any]:
    """Busy: others wanted the CPUs too. In virtual time the host cannot distort anything."""
    load, cpus = run.manifest.get("host_load_1m") or [], run.manifest.get("cpu_count") or 1
    steal_pct = run.manifest.get("steal_pct") or 0.0
    busy = steal_pct > BUSY_STEAL_PCT or max(load, default=0.0) > BUSY_LOAD_PER_CPU * cpus
    real = run.manifest["clock"] != "virtual"
    told = {"cpu_count": cpus, "load_1m": load, "steal_pct": steal_pct, "busy": bool(busy and real)}
    if run.played_s and "player_cpu_s" in run.manifest:
        told["player_cpu_pct"] = 100 * run.manifest["player_cpu_s"] / run.played_s
    return told


def _routing(run: Run) -> dict[str, Any]:
    found = convergence.table(run)
    changed, targets = forwarding.churn(run, 4), forwarding.churn_by_destination(run, 4)
    return {
        "events": int(found["event"].nunique()),
        "control": control.summary(run, convergence.busy(run, found)).to_dict("records"),
        "churn": {
            "changes": int(changed["changes"].sum()),
            "changes_s": changed["changes"].mean(),
            "changes_max_s": changed["changes"].max(),
            "destinations": len(targets),
            "destination_max": targets.max() if len(targets) else 0,
        },
    }


def _flows(run: Run, probes: pd.DataFrame) -> list[dict[str, Any]]:
    rows = metrics.flow_metrics(run).to_dict("records")
    of_routing = convergence.of_flows(run, probes)
    for row in rows:
        if row["kind"] != "probe":
            continue
        mine = probes[probes["flow"] == row["flow"]]
        error = _error(mine.loc[~mine["loaded"], "error_us"])
        row |= of_routing.reindex([row["flow"]]).iloc[0].to_dict()
        row["true_rtt_p50_ms"] = mine["true_rtt_us"].quantile(0.5) / 1e3
        row["true_rtt_p99_ms"] = mine["true_rtt_us"].quantile(0.99) / 1e3
        row["rtt_error_p50_us"], row["rtt_error_p99_us"] = error["p50_us"], error["p99_us"]
        row["unexpected_lost"] = int((mine["known"] & mine["lost"] & ~mine["expected_lost"]).sum())
        row["unexpected_back"] = int((~mine["lost"] & mine["expected_lost"]).sum())
        row["loaded"] = int(mine["loaded"].sum())
    return rows


def _limit(limit: Any, flows: list[dict[str, Any]]) -> dict[str, Any]:
    flow = next((row for row in flows if row["flow"] == limit.flow), {})
    value = flow.get(limit.metric, math.nan)
    low, high = limit.min, limit.max
    found = {
        "flow": limit.flow,
        "metric": limit.metric,
        "min": low,
        "max": high,
        "value": value,
        "met": False,
    }
    said = f"{limit.flow}: {limit.metric}"
    if value is None or math.isnan(value):
        return found | {"reason": f"{said} was not measured, so its limit is not met."}
    if high is not None and value > high:
        return found | {"reason": f"{said} is {value:.4g}, at most {high:g} is accepted."}
    if low is not None and value < low:
        return found | {"reason": f"{said} is {value:.4g}, at least {low:g} is accepted."}
    return found | {"met": True}


# -- reasons -------------------------------------------------------------------------------------


def _silent_flows(run: Run) -> list[str]:
    seen = set(run.probes["flow"]) | set(run.paths["flow"]) | set(run.flows["flow"])
    due = [str(flow.name) for flow in run.scenario.traffic if flow.start_s < run.played_s]
    return [f"The flow {name} left no measurement; see traffic.log." for name in due if name not in seen]


def _fate_reasons(probes: pd.DataFrame) -> list[str]:
    """Flows of which too many probes were lost though a path stood, or the other way round."""
    reasons = []
    for flow, mine in probes.groupby("flow", sort=False):
        due = mine[~mine["expected_lost"]]
        lost, back = due["lost"].sum(), (~mine.loc[mine["expected_lost"], "lost"]).sum()
        by_links = due["loss_probability"].sum()
        chance = CHANCE_SD * math.sqrt((due["loss_probability"] * (1 - due["loss_probability"])).sum())
        enough = max(WRONG_FATES, WRONG_FATE_PCT / 100 * len(mine))
        if lost - by_links > enough + chance:
            reasons.append(
                f"{lost} probes of {flow} were lost though a path stood; "
                f"the loss of the links accounts for {by_links:.0f}."
            )
        if back > enough:
            reasons.append(f"{back} probes of {flow} came back though no path stood.")
    return reasons


def _late(run: Run, what: str, lateness: dict[str, Any]) -> list[str]:
    limit, reasons = run.scenario.fidelity, []
    if missing := lateness.get("missing"):
        reasons.append(f"{missing} of {lateness['planned']} {what} were neither applied nor skipped.")
    if lateness["late_pct"] > limit.late_pct:
        skipped = f", {lateness['skipped']} of them skipped" if lateness.get("skipped") else ""
        reasons.append(
            f"{lateness['late_pct']:.2g} % of the {what} were late by more than {limit.late_ms:g} ms"
            f"{skipped}; the limit is {limit.late_pct:g} %."
        )
    return reasons


def _delay_reasons(delay: dict[str, Any]) -> list[str]:
    if delay["within"]:
        return []
    return [
        f"The applied delay of {delay['link']} was {abs(delay['error_us']):.0f} us off the true one at "
        f"{delay['t_s']:.2f} s; the bound and an event's lateness account for {delay['allowed_us']:.0f} us."
    ]


def _error_reasons(run: Run, what: str, error: dict[str, float]) -> list[str]:
    limit = run.scenario.fidelity
    limits = {"p50": limit.rtt_error_p50_us, "p99": limit.rtt_error_p99_us}
    return [
        f"The {what} error has a {share} of {error[f'{share}_us']:.0f} us over {error['n']} probes; "
        f"the limit is {most:g} us."
        for share, most in limits.items()
        if error[f"{share}_us"] > most
    ]


def _host_reasons(verdict: Verdict, distorted: list[str]) -> None:
    """A busy host is told; it alone distorts only where no probe shows that the delays were kept."""
    host = verdict["host"]
    if not host["busy"]:
        return
    load = max(host["load_1m"], default=0.0)
    said = (
        f"The host was busy: load {load:.1f} on {host['cpu_count']} CPUs, "
        f"{host['steal_pct']:.1f} % of their time stolen"
    )
    if verdict["rtt_error"]["n"]:
        verdict["notes"].append(f"{said}.")
    else:
        distorted.append(f"{said}, and no probe shows that the delays were kept.")


def _proof_notes(run: Run, verdict: Verdict) -> None:
    proofs, protocol = verdict["proofs"], run.scenario.routing.title
    by_daemons = run.scenario.routing.by_daemons
    if proofs["agreeing"] < proofs["n"]:
        other = proofs["n"] - proofs["agreeing"]
        whose = "that of the forwarding tables" if by_daemons else "the plan's"
        verdict["notes"].append(f"{other} of {proofs['n']} path proofs saw another path than {whose}.")
    if by_daemons:
        verdict["notes"].append(
            f"Paths were chosen by {protocol}: true round trips and losses are those along its forwarding "
            "tables, as they were recorded."
        )
    if verdict["rtt_error"]["n"] == 0:
        verdict["notes"].append("No probe came back over unloaded links, so the RTT error was not judged.")


def _plain(value: Any) -> Any:
    """The value with plain Python numbers, and None for nan, as JSON wants it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
