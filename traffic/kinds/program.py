"""Programs of the user's own in nodes: services and clients, once or again and again.

A program runs in a folder of its own in the run directory, programs/NAME. What it prints is kept there, and a
line of its standard output that is a JSON object {"metric": ..., "value": ..., "unit": ...} is a measurement.
"""

from __future__ import annotations

import base64
import contextlib
import fnmatch
import json
import logging
import math
import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, Field

from skybed.topologies.model import metrics
from skybed.topologies.model.fields import BINARY, Interval
from skybed.topologies.model.flows import Flow, Instants
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.tables import MEASURES, PROGRAMS
from skybed.traffic import processes
from skybed.traffic.nodes import Clock
from skybed.traffic.shared import Shared

log = logging.getLogger(__name__)

READY_S = 0.1  # from one look to the next at whether a program answers
PATIENCE_S = 30.0  # for a program to be ready that another one needs
STOP_S = 2.0  # for one to end that was told to
OUTPUT_BYTES = 64 << 20  # that are kept of what a program prints to each of its outputs
MEASUREMENTS = 1_000_000  # that are kept of a flow
AT_ONCE = 1 << 16
LAST_LINES, LINE_CHARACTERS = 3, 200
LATE_S = 0.1  # a program may start so much after it is due, in real time
TOLD = 5  # turns that went wrong and are told of one by one

_FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]


def _command(value: str | list[str]) -> str | list[str]:
    if not value or not value[0].strip():
        raise ValueError("must name a program")
    if "\0" in "".join(value):
        raise ValueError("must not hold a null character")
    return value


def _environment(value: dict[str, str]) -> dict[str, str]:
    for name, content in value.items():
        if not name or "=" in name or "\0" in name + content:
            raise ValueError("must be names without = and texts, none of which holds a null character")
    return value


class ProgramFlow(Flow):
    """A program in a node. command: a text is for the shell, a list is run as it is."""

    OPEN: ClassVar[bool] = True

    kind: Literal["program"]
    node: str
    command: Annotated[str | list[str], AfterValidator(_command)]
    every_s: Interval | None = None  # start it again so often; None: once
    ready: str | None = None  # a command that ends with exit code 0 as soon as the program answers
    needs: list[str] = []  # programs that must be ready before it starts
    env: Annotated[dict[str, str], AfterValidator(_environment)] = {}
    files: dict[_FileName, str] = {}  # put into its folder: their content by name; one line: of which file
    keep: list[str] = []  # patterns of the files in its folder that outlive the run

    @property
    def places(self) -> dict[str, str]:
        return {"node": self.node}

    @property
    def awaits(self) -> list[str]:
        return [*super().awaits, *self.needs]

    @property
    def code(self) -> str:
        return self.command if isinstance(self.command, str) else shlex.join(self.command)

    @property
    def title(self) -> str:
        return "program"

    @property
    def ends_itself(self) -> bool:
        return self.every_s is None

    def instants(self, until_s: float) -> Instants:
        """When it is to start."""
        period_s = self.every_s or max(self.length_s(until_s), 1.0)
        return self.every(period_s * 1e9, until_s)


MODEL, TABLE, UNIT, LOADS = ProgramFlow, PROGRAMS, "starts", False
MORE = (MEASURES,)
METRICS = ("starts", "failures", "duration_p50_s", "duration_max_s", "cpu_s")


def packets(flow: ProgramFlow, until_s: float) -> float:
    return 0.0  # nobody knows


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports()


def problems(flow: ProgramFlow, others: Sequence[Flow]) -> Iterator[Problem]:
    """What does not go together with the other flows of a scenario."""
    programs = {str(other.name): other for other in others if isinstance(other, ProgramFlow)}
    for i, name in enumerate(flow.needs):
        yield from known_name(("needs", i), name, programs, "program")
    if _needs_itself(flow, programs):
        yield ("needs",), f"is {', '.join(flow.needs)}; in the end {flow.name} would need itself."


def _needs_itself(flow: ProgramFlow, programs: Mapping[str, ProgramFlow]) -> bool:
    seen, ahead = set[str](), [*flow.needs]
    while ahead:
        name = ahead.pop()
        if name not in seen and name in programs:
            seen.add(name)
            ahead += programs[name].needs
    return flow.name in seen


# -- in the lane -------------------------------------------------------------------------------------


def start(shared: Shared, flows: Sequence[ProgramFlow]) -> list[Program]:
    programs = {str(flow.name): Program(shared, flow) for flow in flows}
    for program in programs.values():
        program.needed = [programs[name] for name in program.flow.needs]
    return list(programs.values())


class Program:
    """One flow: its folder, its turns, and what it measured."""

    dropped = None

    def __init__(self, shared: Shared, flow: ProgramFlow) -> None:
        self.flow, self.shared = flow, shared
        self.node = shared.nodes[flow.node]
        self.needed: list[Program] = []
        self.turns: list[Turn] = []
        self._measures: list[tuple[int, float, str, float, str | None]] = []  # turn, t_s, metric, value, unit
        self._refused: list[str] = []  # the first lines that were to be measurements, and are none
        self.is_ready = False  # whether those that need it may start
        self.folder = shared.out / processes.FOLDER / str(flow.name)
        self.folder.mkdir(parents=True)
        for name, content in flow.files.items():
            _put(self.folder / name, content)
        self._given = {*flow.files, "stdout.txt", "stderr.txt"}
        self.output = tuple(Output(self.folder / f"{name}.txt", shared) for name in ("stdout", "stderr"))
        shared.closing.callback(self._tidy)
        shared.closing.callback(self.end)
        self.environment = {
            **os.environ, "PYTHONUNBUFFERED": "1", "SKYBED_NODE": flow.node, "PWD": str(self.folder),
            "HOME": str(self.folder), **flow.env,
        }  # fmt: skip

    @property
    def words(self) -> list[str]:
        command = self.flow.command
        return ["/bin/sh", "-c", command] if isinstance(command, str) else command

    def begin(self, clock: Clock, flow: ProgramFlow) -> None:
        self.clock, self.flow = clock, flow
        self.shared.every(self.flow.instants(self.shared.until_s), clock, self._due)
        _, stop_s = self.shared.window_s(self.flow)
        self.shared.loop.at(int(clock.to_realtime_ns(stop_s)), lambda _now_ns: self.stop())

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        now_s = self.clock.now_s()
        self.shared.loop.at(int(self.clock.to_realtime_ns(now_s + after_s)), lambda _now_ns: call())

    def _due(self, _now_ns: int) -> None:
        instants, number = self.flow.instants(self.shared.until_s), len(self.turns)
        turn = Turn(self, number, instants.at_ns(number) / 1e9)
        before = self.turns[-1] if self.turns else None
        self.turns.append(turn)
        if before and before.outcome is None:
            turn.outcome = "left out"
        else:
            turn.start()

    def look_whether_ready(self) -> None:
        """Ask again and again, until it answers or ends."""
        if self.is_ready or not (self.turns and self.turns[-1].goes_on):
            return
        turn = self.turns[-1]
        if self.flow.ready is None:
            self.is_ready, turn.ready_s = True, turn.start_s
            return
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        asking = self.node.popen(
            ["/bin/sh", "-c", self.flow.ready], cwd=self.folder, env=self.environment, **silent
        )

        def answered(code: int, _cpu_s: float) -> None:
            self.is_ready = code == 0
            if code:
                self.later(READY_S, self.look_whether_ready)
            else:
                turn.ready_s = self.clock.now_s()

        processes.when_ended(self.shared.loop, asking, answered)
        self.shared.closing.callback(processes.kill, asking)

    def take_line(self, turn: int, line: bytes, t_s: float) -> None:
        """A line that it printed, at a run time: is it a measurement?"""
        if not line.startswith(b"{") or len(self._measures) >= MEASUREMENTS:
            return
        with contextlib.suppress(ValueError, AttributeError):
            told = json.loads(line)
            metric, value, unit = told.get("metric"), told.get("value"), told.get("unit")
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if number and isinstance(metric, str) and metrics.may_be_called(metric):
                unit = unit if isinstance(unit, str) and unit else None
                self._measures.append((turn, t_s, metric, float(value), unit))
            elif metric is not None and len(self._refused) < LAST_LINES:
                self._refused.append(line[:LINE_CHARACTERS].decode(errors="replace").strip())

    def stop(self) -> None:
        """It is told to end, and made to if it does not."""
        for turn in self.turns:
            turn.stop()

    def end(self) -> None:
        """At the end of the run, without a loop."""
        self.stop()
        for turn in self.turns:
            turn.end()

    def _tidy(self) -> None:
        """Of the files that it made, those stay that it was to keep."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            name = path.relative_to(self.folder)
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # holds something that stays
                    path.rmdir()
            elif str(name) not in self._given and not any(
                fnmatch.fnmatch(str(name), pattern) for pattern in self.flow.keep
            ):
                path.unlink(missing_ok=True)

    def figures(self, _t_s: float) -> dict[str, Any]:
        """started: how often; state: of its last turn, `running` or its outcome."""
        started = [turn for turn in self.turns if turn.start_s is not None]
        state = (self.turns[-1].outcome or "running") if started else "waiting"
        return {"started": len(started), "state": state}

    def columns(self, clock: Clock) -> dict[str, Any]:
        turns = self.turns
        return {
            "flow": [self.flow.name] * len(turns),
            "node": [self.flow.node] * len(turns),
            "turn": range(len(turns)),
            "due_s": [turn.due_s for turn in turns],
            "start_s": [turn.start_s for turn in turns],
            "ready_s": [turn.ready_s for turn in turns],
            "end_s": [turn.end_s for turn in turns],
            "outcome": [turn.outcome for turn in turns],
            "exit_code": [turn.exit_code for turn in turns],
            "signal": [turn.signal for turn in turns],
            "cpu_s": [turn.cpu_s for turn in turns],
            "waited_s": [turn.waited_s for turn in turns],
            "last_lines": ["\n".join(turn.last_lines) or None for turn in turns],
        }

    def more(self, clock: Clock) -> dict[str, dict[str, Any]]:
        for line in self._refused:
            log.warning("program %s: %s is no measurement; see docs/programs.md", self.flow.name, line)
        turn, t_s, metric, value, unit = zip(*self._measures, strict=True) if self._measures else ((),) * 5
        flow = [self.flow.name] * len(turn)
        return {
            MEASURES.name: {
                "flow": flow, "turn": turn, "t_s": t_s, "metric": metric, "value": value, "unit": unit,
            }
        }  # fmt: skip


class Turn:
    """One start of a program. outcome: None as long as it is not over."""

    def __init__(self, program: Program, number: int, due_s: float) -> None:
        self._program, self.number, self.due_s = program, number, due_s
        self.start_s: float | None = None
        self.ready_s: float | None = None  # of the first that is; those after it are taken for it, too
        self.end_s: float | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.cpu_s: float | None = None
        self.waited_s = 0.0
        self.outcome: str | None = None
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def goes_on(self) -> bool:
        return self._process is not None and self.outcome is None

    def start(self) -> None:
        """Start as soon as all is ready that it needs."""
        program = self._program
        if self.outcome:
            return
        if not all(other.is_ready for other in program.needed):
            self.waited_s = program.clock.now_s() - self.due_s
            if self.waited_s < PATIENCE_S:
                program.later(READY_S, self.start)
            else:
                self.outcome = "waiting"
            return
        self.start_s = program.clock.now_s()
        if self.waited_s:
            self.waited_s = self.start_s - self.due_s
        try:
            process = program.node.popen(
                program.words, cwd=program.folder, env=program.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            self.outcome, self.end_s = "not started", self.start_s
            self.last_lines.append(f"{program.words[0]}: {error.strerror}")
            return
        self._process = process
        out, err = program.output
        self._pipes = (
            Reader(program, cast(IO[bytes], process.stdout), out, self._printed),
            Reader(program, cast(IO[bytes], process.stderr), err, self._said),
        )
        processes.when_ended(program.shared.loop, process, self._ended)
        program.look_whether_ready()

    def _printed(self, line: bytes, t_s: float) -> None:
        self._program.take_line(self.number, line, t_s)
        self._said(line, t_s)

    def _said(self, line: bytes, _t_s: float) -> None:
        if text := line.decode(errors="replace").strip():
            self.last_lines.append(text[:LINE_CHARACTERS])

    def stop(self) -> None:
        if self._process is None and self.outcome is None:
            self.outcome = "waiting"
        if not self.goes_on or self._stopped:
            return
        self._stopped = True
        processes.signal_all(self._process, signal.SIGTERM)
        self._program.later(
            STOP_S, lambda: processes.signal_all(self._process, signal.SIGKILL) if self.goes_on else None
        )

    def end(self) -> None:
        """Wait for its end, and bring it about."""
        if not self.goes_on or self._process is None:
            return
        deadline = time.monotonic() + STOP_S
        ended = processes.reap(self._process, os.WNOHANG)
        while not ended:
            if late := time.monotonic() > deadline:
                processes.signal_all(self._process, signal.SIGKILL)
            else:
                time.sleep(0.02)
            ended = processes.reap(self._process, 0 if late else os.WNOHANG)
        self._ended(*ended)

    def _ended(self, code: int, cpu_s: float) -> None:
        assert self._process
        processes.signal_all(self._process, signal.SIGKILL)  # what it has left running
        for pipe in self._pipes:
            pipe.finish()
        self.end_s, self.cpu_s = self._program.clock.now_s(), cpu_s
        self.exit_code, self.signal = (code, None) if code >= 0 else (None, -code)
        self.outcome = "stopped" if self._stopped else "exited" if code >= 0 else "killed"
        if self._program.flow.ends_itself:
            self._program.shared.ended(self._program.flow)


class Output:
    """A file that all turns of a program print into, up to OUTPUT_BYTES."""

    def __init__(self, path: Path, shared: Shared) -> None:
        self._file = shared.closing.enter_context(path.open("wb", buffering=0))
        self._room = OUTPUT_BYTES

    def write(self, data: bytes) -> None:
        self._file.write(data[: self._room])
        if self._room and len(data) >= self._room:
            self._file.write(f"\n[skybed keeps no more than {OUTPUT_BYTES >> 20} MiB of this]\n".encode())
        self._room = max(0, self._room - len(data))


class Reader:
    """Takes what a process prints: into a file, and line by line, with the run time.

    The clock is read once for all that comes in one go: many readings take virtual time.
    """

    def __init__(
        self, program: Program, pipe: IO[bytes], output: Output, take: Callable[[bytes, float], None]
    ) -> None:
        self._pipe, self._output, self._take, self._rest = pipe, output, take, b""
        self._clock = program.clock
        os.set_blocking(pipe.fileno(), False)
        program.shared.loop.watch(pipe.fileno(), self.read)

    def read(self) -> bool:
        """Whether there may be more."""
        if self._pipe.closed:
            return False
        try:
            data = os.read(self._pipe.fileno(), AT_ONCE)
        except BlockingIOError:
            return False
        if not data:
            self._pipe.close()
            return False
        self._output.write(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-AT_ONCE:]
        t_s = self._clock.now_s()
        for line in lines:
            self._take(line, t_s)
        return True

    def finish(self) -> None:
        while self.read():
            pass
        if self._rest:
            self._take(self._rest, self._clock.now_s())
        self._pipe.close()


def _put(path: Path, content: str) -> None:
    encoded = content.startswith(BINARY)
    path.write_bytes(base64.b64decode(content.removeprefix(BINARY)) if encoded else content.encode())
    path.chmod(0o755)


# -- of a run that was played: run.rows(flow) is a DataFrame with the flow's rows of the table -------------


def due(flow: ProgramFlow, until_s: float, _place: int, _of: int) -> float:
    return flow.instants(until_s).total


def sent(run: Played, flow: ProgramFlow) -> Any:
    return run.rows(flow)["due_s"]


def so_far(_flow: ProgramFlow, figures: Mapping[str, Any], _t_s: float) -> dict[str, float]:
    return {"starts": figures["started"]}


def measure(run: Played, flow: ProgramFlow) -> dict[str, float]:
    """And of each metric that it printed the median under its own name, and NAME.min, .mean, .max, .p99 and
    .count; not where the run has it in several units.
    """
    turns, printed = run.rows(flow), run.rows(flow, MEASURES)
    length_s = (turns["end_s"] - turns["start_s"]).dropna()
    measures = {
        "starts": int(turns["start_s"].notna().sum()),
        "failures": len(_failed(turns)),
        "duration_p50_s": length_s.median(),
        "duration_max_s": length_s.max(),
        "cpu_s": turns["cpu_s"].sum(),
    }
    for metric, values in printed.groupby("metric", sort=False)["value"]:
        units = run.units.get(metric, [])
        if len(units) > 1:
            continue
        for unit in units:
            metrics.printed(metric, unit)
        measures |= {
            f"{metric}": values.median(), f"{metric}.min": values.min(), f"{metric}.mean": values.mean(),
            f"{metric}.max": values.max(), f"{metric}.p99": values.quantile(0.99),
            f"{metric}.count": len(values),
        }  # fmt: skip
    return measures


def _failed(turns: Any) -> Any:
    ended_well = (turns["outcome"] == "stopped") | (turns["exit_code"] == 0)
    return turns[~ended_well & (turns["outcome"] != "left out")]


def notes(run: Played, flow: ProgramFlow) -> Iterator[str]:
    """What became of turns that did not end well, and of those that never began."""
    turns = run.rows(flow)
    failed = _failed(turns)
    for turn in failed.head(TOLD).itertuples():
        said = f": {turn.last_lines.splitlines()[-1]}" if isinstance(turn.last_lines, str) else ""
        yield f"The program {flow.name}, started at {turn.due_s:g} s, {_became(turn)}{said.rstrip('.')}."
    if len(failed) > TOLD:
        yield f"The program {flow.name} failed {len(failed) - TOLD} more times."
    ran = turns[turns["start_s"].notna()]
    if flow.ready and len(ran) and ran["ready_s"].isna().all():
        asked = " ".join(flow.ready.split())[:LINE_CHARACTERS]
        from_s, until_s = ran["start_s"].min(), ran["end_s"].fillna(run.played_s).max()
        yield (
            f"The program {flow.name} was never ready: from {from_s:.1f} to {until_s:.1f} s its `ready` did "
            f"not succeed: {asked}"
        )
    for metric, units in run.units.items():
        if len(units) > 1 and metric in {*run.rows(flow, MEASURES)["metric"]}:
            yield (
                f"The program {flow.name} printed {metric}, of which this run has values in "
                f"{' and '.join(units)}: it is not measured. Print it in one unit, or under several names."
            )
    if left := int((turns["outcome"] == "left out").sum()):
        yield f"The program {flow.name} was not started {left} times: its last turn was still going on."


def _became(turn: Any) -> str:
    if turn.outcome == "exited":
        return f"ended with exit code {turn.exit_code:.0f}"
    if turn.outcome == "killed":
        return f"was ended by {signal.Signals(int(turn.signal)).name}"
    if turn.outcome == "waiting":
        return "was never started, because a program that it needs did not become ready"
    return "could not be started"


def reasons(run: Played, flow: ProgramFlow) -> Iterator[str]:
    """Why its measurements are not to be used: it was started late, by the machine's fault."""
    turns = run.rows(flow)
    late_s = (turns["start_s"] - turns["due_s"] - turns["waited_s"]).max()
    limit_s = READY_S + LATE_S
    if late_s > limit_s:
        yield f"{flow.name} was started {late_s:.2f} s late; the limit is {limit_s:g} s."
