"""The part of a run that happens inside a lane: build the sky, play it, cross it with traffic, write tables.

    python -m skybed.scripts.running.inside RUN [--cli] [--zero-ns NS] [--report-every S] [--kind FILE]...

RUN holds the plan. NS: run time 0 by CLOCK_REALTIME; without it, as soon as all is ready. FILE: the module of
a flow kind that is not skybed's own. With --cli the terminal is Mininet's prompt. Else lines of standard
output that begin with "@ " are messages for the outside, in JSON, and the line "stop" on standard input ends
the run early, tables written.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from skybed.emulator.daemons.daemons import Daemons
from skybed.emulator.sky import calibrate, tables
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.emulator.sky.recorder import Recorder
from skybed.scripts.running import parts
from skybed.scripts.running.prompt import Prompt
from skybed.topologies.errors import InvalidRun, SkybedError
from skybed.topologies.model import kinds
from skybed.topologies.plan.plan import Plan
from skybed.traffic import session

PR_SET_TIMERSLACK = 29
CONVERGENCE_S = 90.0  # for routing daemons to find all routes before run time 0, by the real clock
READY_S = 2.0  # virtual time left for the rest to be ready, once routing has converged
LEAD_S = 0.5  # from when all is ready to run time 0, for everyone to be told when that is
FIRST_ROUTE_S = 1e-5  # and for each route that is noted before it begins
SWITCH_S = 0.0005  # between Python's threads: none is to keep the player waiting

Tell = Callable[..., None]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--cli", action="store_true", dest="interactive")
    parser.add_argument("--zero-ns", type=int)
    parser.add_argument("--report-every", type=float, default=1.0, metavar="S")
    parser.add_argument("--kind", action="append", default=[], metavar="FILE", dest="kinds")
    options = parser.parse_args(arguments)
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)  # timers wake by the nanosecond, those of children too
    run, tell = options.run, _silence if options.interactive else _tell
    try:
        for file in options.kinds:
            kinds.load(file)
        facts = play(run, options.interactive, tell, options.zero_ns, options.report_every)
    except SkybedError as error:
        print(error, flush=True)
        tell(refused=str(error), exit_code=error.exit_code)
        return 1
    except Exception as error:
        traceback.print_exc()
        tell(error=f"{type(error).__name__}: {error}")
        return 1
    (run / "inside.json").write_text(json.dumps(facts))
    return 0


def play(run: Path, interactive: bool, tell: Tell, zero_ns: int | None, report_every_s: float) -> dict:
    """Returns what the manifest says of the inside."""
    started_s = time.monotonic()
    plan = Plan.load(run / "plan")
    loaded_s = time.monotonic()
    tell(stage="build")
    hop_cost_us = calibrate.hop_cost_us()
    calibrated_s = time.monotonic()
    sky = Sky(plan, early_us=hop_cost_us)
    daemons = Daemons(sky, run / "routing")
    recorder: Recorder | None = None
    traffic: parts.Forked | None = None
    try:
        with tables.log(plan, run) as log:
            player = Player(sky, plan, log)
            player.open()
            recorder = Recorder(sky, run, *session.ports(plan.scenario.traffic))
            traffic = parts.traffic(plan.scenario.traffic, sky, plan.duration_s, run)
            built_s = time.monotonic()
            _align(zero_ns, 0.1)
            daemons.start()
            daemons.await_convergence(_convergence_s(zero_ns), partial(tell, stage="routing"))
            converged_s = time.monotonic()
            _align(zero_ns, 1)
            traffic.open()
            clock = Clock(_lead_s(plan), zero_ns)
            recorder.begin(clock)
            traffic.begin(clock)
            if (late_s := clock.now_s()) > 0:
                raise InvalidRun(
                    f"Traffic was ready {late_s:.1f} s after run time 0, and what it was to send by then is "
                    f"missing; {'run it again' if zero_ns is None else 'take fewer flows'}."
                )
            signal.signal(signal.SIGTERM, lambda *_: player.stopped.set())
            sys.setswitchinterval(SWITCH_S)
            if interactive:
                played_s = _prompt(sky, player, clock, plan.duration_s)
            else:
                threading.Thread(target=_stop_on_request, args=(player,), daemon=True).start()
                report = _reporter(tell, report_every_s, player, daemons)
                played_s = player.play(clock, plan.duration_s, report)
            tell(stage="collect")
            player.close(played_s)
            recorded = recorder.end(played_s)
        sent = traffic.end(played_s)
        fallen, facts = daemons.fallen(), daemons.facts()
        torn_s = time.monotonic()
    finally:
        if traffic:
            traffic.close()
        if recorder:
            recorder.stop()
        daemons.stop()
        sky.stop()
    return {
        "kernel": os.uname().release,
        "played_s": played_s,
        "player_cpu_s": round(player.cpu_s, 3),
        "finished": played_s >= plan.duration_s and not fallen,
        "fallen": fallen,
        "clock_stepped_ms": round(clock.stepped_ms(), 3) + 0.0,  # no -0
        "traffic": sent,
        **facts,
        **recorded,
        "load_s": loaded_s - started_s,
        "hop_cost_us": round(hop_cost_us, 3),
        "build_s": built_s - calibrated_s,
        "converge_s": converged_s - built_s,
        "teardown_s": time.monotonic() - torn_s,
    }


def _align(zero_ns: int | None, step_s: float) -> None:
    """In virtual time, wait for the next whole step, so that what took a little longer leaves no trace."""
    if zero_ns is not None:
        time.sleep(-time.time_ns() % round(step_s * 1e9) / 1e9)


def _convergence_s(zero_ns: int | None) -> float:
    """How long routing may take to converge."""
    return CONVERGENCE_S if zero_ns is None else (zero_ns - time.time_ns()) / 1e9 - READY_S - 1


def _lead_s(plan: Plan) -> float:
    """From when all is ready to run time 0, in real time."""
    return LEAD_S + FIRST_ROUTE_S * len(plan.nodes) ** 2 * plan.scenario.routing.by_daemons


def _prompt(sky: Sky, player: Player, clock: Clock, until_s: float) -> float:
    """Mininet's prompt while the sky moves; at the end of the scenario the sky stands still until `exit`."""
    reached: list[float] = []
    thread = threading.Thread(target=lambda: reached.append(player.play(clock, until_s)))
    thread.start()
    print(
        f"*** {len(sky)} nodes; the sky moves for {until_s:g} s. Try: {_example(sky)}; then: exit", flush=True
    )
    Prompt(sky)
    player.stopped.set()
    thread.join()
    return reached[0]


def _example(sky: Sky) -> str:
    names = list(sky)
    return f"{names[-1]} ping -c 3 {names[0]}"


def _stop_on_request(player: Player) -> None:
    for line in sys.stdin:
        if line.strip() == "stop":
            player.stopped.set()


def _reporter(tell: Tell, every_s: float, player: Player, daemons: Daemons) -> Callable[[float], None]:
    """Tells how far it is, and ends the run when a daemon has ended."""
    last = [-every_s]

    def report(t_s: float) -> None:
        if t_s - last[0] >= every_s:
            last[0] = t_s
            tell(t_s=round(t_s, 3))
            if daemons.fallen():
                player.stopped.set()

    return report


def _tell(**message: object) -> None:
    print(f"@ {json.dumps(message)}", flush=True)


def _silence(**_message: object) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
