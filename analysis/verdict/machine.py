"""What the machine did to a run, by the facts that the run noted of it."""

from __future__ import annotations

from collections.abc import Iterator

from skybed.analysis.run import Run
from skybed.analysis.verdict.model import Errors, Host

BUSY_LOAD_PER_CPU = 1.5
BUSY_STEAL_PCT = 5.0


def host(run: Run) -> Host:
    """In virtual time the host cannot distort anything."""
    manifest = run.manifest
    load, steal_pct = manifest.host_load_1m or [], manifest.steal_pct or 0.0
    busy = steal_pct > BUSY_STEAL_PCT or max(load, default=0.0) > BUSY_LOAD_PER_CPU * manifest.cpu_count
    state = {
        "cpu_count": manifest.cpu_count,
        "load_1m": load,
        "steal_pct": steal_pct,
        "busy": busy and not manifest.virtual,
    }
    if run.played_s and manifest.player_cpu_s is not None:
        state["player_cpu_pct"] = 100 * manifest.player_cpu_s / run.played_s
    return Host.model_validate(state)


def reasons(run: Run, host: Host, rtt_error: Errors) -> list[str]:
    """Why the machine distorted the run. A busy one alone did where no probe shows that the delays were
    kept.
    """
    distortions, limit = [], run.scenario.fidelity
    stepped_ms = run.manifest.clock_stepped_ms or 0.0
    if abs(stepped_ms) > limit.late_ms:
        distortions.append(
            f"The machine's clock was set by {stepped_ms / 1e3:+.3f} s during the run, so probes and events "
            f"are not on one time; the limit is {limit.late_ms:g} ms."
        )
    distortions += [*_unrecorded(run), *_out_of_time(run)]
    if host.busy and not rtt_error.n:
        distortions.append(f"{_busy(host)}, and no probe shows that the delays were kept.")
    return distortions


def notes(run: Run, host: Host, rtt_error: Errors) -> list[str]:
    busy = [f"{_busy(host)}."] if host.busy and rtt_error.n else []
    return [
        *busy,
        *_over_hosts(run),
        *(
            f"The capture of {link} lacks {facts['dropped']} packets, for which it had no room."
            for link, facts in (run.manifest.captures or {}).items()
            if facts["dropped"]
        ),
    ]


def _over_hosts(run: Run) -> Iterator[str]:
    """What of several hosts nobody can measure."""
    if hosts := run.manifest.hosts:
        one_way_us = max(
            (rtt_us / 2 for host in hosts for rtt_us in host.underlay_rtt_us.values()), default=0.0
        )
        yield (
            f"Played on {len(hosts)} hosts. The underlay took up to {one_way_us / 1e3:.3f} ms one way, by "
            "which links were made shorter. Of one direction as much may be wrong, of a round trip nothing."
        )


def _out_of_time(run: Run) -> Iterator[str]:
    """What of several hosts was not on one time."""
    limit = run.scenario.fidelity
    for host in run.manifest.hosts or []:
        off_ms = (host.uncertainty_us + abs(host.drift_us)) / 1e3
        if off_ms > limit.late_ms:
            yield (
                f"The clock of host {host.name} was known within {host.uncertainty_us / 1e3:.3f} ms and "
                f"went away by {host.drift_us / 1e3:+.3f} ms in the run; the limit of both is "
                f"{limit.late_ms:g} ms."
            )
        stepped_ms = host.clock_stepped_ms or 0.0
        if abs(stepped_ms) > limit.late_ms:
            yield (
                f"The clock of host {host.name} was set by {stepped_ms / 1e3:+.3f} s during the run; the "
                f"limit is {limit.late_ms:g} ms."
            )


def _busy(host: Host) -> str:
    load = max(host.load_1m, default=0.0)
    return (
        f"The host was busy: load {load:.1f} on {host.cpu_count} CPUs, "
        f"{host.steal_pct:.1f} % of their time stolen"
    )


def _unrecorded(run: Run) -> list[str]:
    """What the recorder of routes and control traffic missed, where daemons route."""
    everywhere, missed = (run.manifest, *(run.manifest.hosts or ())), list[str]()
    recorders = [place.recorder for place in everywhere if place.recorder]
    if not recorders:
        return []
    if overruns := sum(recorder.overruns for recorder in recorders):
        missed.append(
            f"Changes of routes were missed {overruns} times, as more came at once than could wait: "
            "which way packets had to go is not known."
        )
    missed_packets = sum(recorder.missed_packets for recorder in recorders)
    packets = int(run.control["packets"].sum()) + missed_packets
    if missed_packets > run.scenario.fidelity.missing_pct / 100 * packets:
        missed.append(
            f"{missed_packets} of {packets} packets of control traffic were not recorded; "
            f"the limit is {run.scenario.fidelity.missing_pct:g} %."
        )
    return missed
