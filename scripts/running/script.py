"""A script of the user's own, which is given the network while the sky moves, in the manner of Mininet's.

    def main(sky):
        sky.wait(10)
        print(sky["beijing"].cmd("ping -c 3 relay-0-0"))
        sky.measure("hosts", len(sky))

It runs inside the lane, in a thread beside the player's, from run time 0 on.
"""

from __future__ import annotations

import ast
import heapq
import importlib.util
import itertools
import json
import math
import pickle
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.hand import Effect, Hand
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.node import SkyNode
from skybed.emulator.sky.player import Player
from skybed.scripts.running.parts import Part
from skybed.topologies import parquet
from skybed.topologies.contacts.properties import Direction
from skybed.topologies.errors import ChangeError, ScenarioError
from skybed.topologies.files import whole
from skybed.topologies.model.closest import hint
from skybed.topologies.model.flows import SCRIPT
from skybed.topologies.model.metrics import may_be_called
from skybed.topologies.model.tables import MEASURES
from skybed.traffic import tables

Function = Callable[["Network"], object]

FILE, PICKLED, ABOUT = "script.py", "script.pkl", "script.json"
USUAL = "main"  # the function
PATIENCE_S = 3.0  # for a script to come to its end when the run has


# -- outside the lane --------------------------------------------------------------------------------


def given(script: str | Path | Function) -> dict[str, bytes]:
    """What a run directory holds of a script, by file: of a function, or of FILE or FILE:FUNCTION, by default
    `main`. Raises ScenarioError where there is none, or where a function cannot be taken along.
    """
    if callable(script):
        return {PICKLED: _pickled(script)}
    text, colon, name = str(script).rpartition(":")
    file, name = (Path(text), name) if colon and name.isidentifier() else (Path(script), USUAL)
    try:
        source = file.read_text()
        tree = ast.parse(source, str(file))
    except OSError as error:
        raise ScenarioError(f"{file}: the script cannot be read: {error.strerror}.") from None
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.msg if isinstance(error, SyntaxError) else error
        raise ScenarioError(f"{file}{line}: the script is not Python: {why}.") from None
    functions = [item.name for item in tree.body if isinstance(item, ast.FunctionDef)]
    if name not in functions:
        there = hint(name, functions)
        raise ScenarioError(
            f"{file}: the script has no function {name}{there}; write `def {name}(sky):`, or name another "
            f"as {file}:FUNCTION."
        )
    about = {"function": name, "folder": str(file.resolve().parent)}
    return {FILE: source.encode(), ABOUT: json.dumps(about).encode()}


def _pickled(function: Function) -> bytes:
    """A function with all that its module has of its own: the lane may not find the module."""
    import cloudpickle  # of Dask

    module = sys.modules.get(function.__module__)
    by_value = module is not None and function.__module__ != "__main__"
    try:
        if by_value:
            cloudpickle.register_pickle_by_value(module)
        return bytes(cloudpickle.dumps(function))
    except (pickle.PicklingError, TypeError, ValueError) as error:
        raise ScenarioError(
            f"The script {function.__name__} cannot be taken into a lane ({error}); put it into a file of "
            "its own, and give that."
        ) from None
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)


# -- inside ------------------------------------------------------------------------------------------


def take(run: Path) -> Function | None:
    """The script that was given, if one was."""
    if (run / PICKLED).exists():
        function: Function = pickle.loads((run / PICKLED).read_bytes())
        return function
    if not (run / FILE).exists():
        return None
    about = json.loads((run / ABOUT).read_text())
    sys.path.insert(0, about["folder"])
    spec = importlib.util.spec_from_file_location("skybed_script", run / FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        raise ScenarioError(f"The script ended before it began: {_said(error)}.") from None
    found: Function = getattr(module, about["function"])
    return found


class Over(BaseException):
    """Unwinds a script at the end of the run."""


class Network:
    """What a script is given: the nodes by name, run time, and what it may do.

    sky["beijing"].cmd("ip route")      a Mininet node: cmd, popen, IP, ...
    sky.now_s, sky.duration_s           run time, s
    sky.wait(5), sky.wait_until(30)     until then, what `at` was told is done
    sky.at(10, call, *arguments)        done at a run time, also after the function has returned
    sky.measure("hops", 3)              into the table `measures`, as of a program
    sky.link("a", "b").down()           a link, see Link
    sky.rng                             numpy's, from the scenario's seed: the same in every run
    """

    def __init__(self, sky: Sky, duration_s: float, stopped: threading.Event, hand: Hand) -> None:
        self._sky, self._stopped, self._hand = sky, stopped, hand
        self.duration_s = duration_s
        self.rng = np.random.default_rng(sky.plan.scenario.seed % 2**64)
        self.measures: list[tuple[float, str, float, str | None]] = []  # t_s, metric, value, unit
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._clock: Clock | None = None
        self._read_s, self._pauses = 0.0, (0, 0)  # the clock, and how often which thread had paused

    def __getitem__(self, name: str) -> SkyNode:
        try:
            node: SkyNode = self._sky[name]
        except KeyError:
            raise KeyError(f"there is no node {name}{hint(name, list(self._sky))}") from None
        return node

    def __iter__(self) -> Iterator[str]:
        return iter([node.name for node in self._sky.sky_nodes])

    def __len__(self) -> int:
        return len(self._sky.sky_nodes)

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    @property
    def now_s(self) -> float:
        """Run time, s."""
        self._read_s = self._time.now_s()
        return self._read_s

    @property
    def _time(self) -> Clock:
        assert self._clock, "a script runs from run time 0 on"
        return self._clock

    def wait(self, for_s: float) -> None:
        """Let run time pass. What `at` was told meanwhile is done; ends the script when the run ends."""
        self.wait_until(self.now_s + for_s)

    def wait_until(self, t_s: float) -> None:
        """The same, up to a run time."""
        if math.isnan(t_s):
            raise ValueError("nan is no time to wait for")
        while True:
            due_s = min(t_s, self._due[0][0] if self._due else math.inf, self.duration_s)
            while (ahead_s := due_s - self.now_s) > 0:
                if self._stopped.wait(ahead_s):
                    raise Over
            if self._due and self._due[0][0] <= self.now_s:
                heapq.heappop(self._due)[2]()
            elif self.now_s >= self.duration_s:
                raise Over
            elif self.now_s >= t_s:
                return

    def at(self, t_s: float, call: Callable[..., object], *arguments: Any) -> None:
        """Have call(*arguments) done at a run time."""
        heapq.heappush(self._due, (t_s, next(self._order), lambda: call(*arguments)))

    def measure(self, metric: str, value: float, unit: str | None = None) -> None:
        """A row of the table `measures`."""
        if not may_be_called(metric):
            raise ValueError(
                f"{metric!r} cannot name a metric: take letters, digits, underscores, and no name of skybed's"
            )
        if not math.isfinite(value):
            raise ValueError(f"{metric} is {value}, which is no number")
        self.measures.append((self._moment_s(), metric, float(value), unit))

    def _moment_s(self) -> float:
        """Run time. In virtual time none passes while a thread does not pause, but many readings of the clock
        without a pause take some (free-clock.patch): so it is read once after each.
        """
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        pauses = threading.get_ident(), usage.ru_nvcsw + usage.ru_nivcsw
        if self._time.virtual and pauses == self._pauses:
            return self._read_s
        self._pauses = pauses
        return self.now_s

    def link(self, a: str, b: str) -> Link:
        """The link of two nodes, whether it stands or not; a direction is from the first to the second.

        Raises ChangeError if they are never linked.
        """
        self._hand.number_of(a, b)
        return Link(self._hand, a, b)

    def play(self, function: Function, clock: Clock) -> None:
        """Call a script from run time 0 on, then do what it has told `at`."""
        self._clock = clock
        try:
            self.wait_until(0.0)
            function(self)
            self.wait_until(self.duration_s)
        except Over:
            pass
        except SystemExit as error:  # of the script's own
            if error.code not in (None, 0):
                raise RuntimeError(f"it ended itself with {error.code!r}") from None
        except ChangeError:
            if not self._stopped.is_set() and self.now_s < self.duration_s:
                raise


class Link:
    """A link, which a script may change against the plan; each method returns once that is in force.

    link.down(), link.up()              without its carrier; with it, as planned
    link.set(loss_pct=5)                also delay_ms and rate_mbps; None: as planned again
    link.set(loss_pct=5, one_way=True)  from the first node to the second only
    link.release()                      all as planned again
    """

    def __init__(self, hand: Hand, a: str, b: str) -> None:
        self._hand, self._ends = hand, (a, b)

    def down(self) -> Effect:
        return self._hand.down(*self._ends)

    def up(self) -> Effect:
        return self._hand.up(*self._ends)

    def set(self, one_way: bool = False, **settings: float | None) -> Effect:
        direction = Direction.THERE if one_way else Direction.BOTH
        return self._hand.set(*self._ends, direction, **settings)

    def release(self) -> Effect:
        return self._hand.release(*self._ends)


class Script(Part):
    """A script as a part of a run, beside its player."""

    def __init__(self, function: Function, player: Player, duration_s: float, run: Path) -> None:
        self._function, self._run = function, run
        self._stopped, self._why = player.stopped, ""
        player.sky.hand = hand = Hand(player, "script")
        self._network = Network(player.sky, duration_s, player.stopped, hand)
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        pass

    def begin(self, clock: Clock) -> None:
        self._thread = threading.Thread(target=self._live, args=(clock,), daemon=True)
        self._thread.start()

    def _live(self, clock: Clock) -> None:
        try:
            self._network.play(self._function, clock)
        except Exception as error:
            traceback.print_exc()
            self._why = f"The script failed at {clock.now_s():.3f} s: {_said(error)}."

    def fallen(self) -> str | None:
        return self._why or None

    def end(self, played_s: float) -> None:
        """After traffic, whose table this adds to."""
        self._stopped.set()
        if self._thread:
            self._thread.join(PATIENCE_S)
        measures = self._network.measures
        t_s, metric, value, unit = zip(*measures, strict=True) if measures else ((),) * 4
        rows = {
            "flow": [SCRIPT] * len(t_s), "turn": [0] * len(t_s), "t_s": t_s, "metric": metric, "value": value,
            "unit": unit,
        }  # fmt: skip
        path = self._run / f"{MEASURES.name}.parquet"
        before = [parquet.read(path)] if path.exists() else []
        with whole(path) as file:
            pq.write_table(pa.concat_tables([*before, tables.arrow(MEASURES, [rows])]), file)

    def close(self) -> None:
        self._stopped.set()


def _said(error: BaseException) -> str:
    """The kind and words of an error, and the line of the script that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if Path(frame.filename).name == FILE and frame.filename != __file__]
    where = f" (line {lines[-1].lineno} of the script)" if lines else ""
    words = error.args[0] if isinstance(error, KeyError) and error.args else error
    return f"{type(error).__name__}: {str(words).rstrip('.')}{where}"
