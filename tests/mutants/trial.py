"""Each mutant in a process of its own, forked after all was imported, and the tests that reach it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import types
from collections import Counter, defaultdict
from collections.abc import Callable

import coverage
import pytest
from _pytest.runner import runtestprotocol

from mutants.changes import Module, Mutant

LONGEST_S = 10.0  # of a processor, that tests of a mutant may take
ENDLESS = 2.0  # times what a test takes, and once the slowest: then a mutant has no end; that is noticed, too
WAITS_S = 120  # the same, of one that waits for something
SURVIVES = "survives"


class Trial:
    """Takes the place of pytest's loop: all tests once, to see what each reaches; then each mutant.

    Tests come first that reach little but the module, then those that are quick or have noticed others.

    paths: the modules of the group. cold: plans are made anew for each test, since what makes them is under
    change. keep: is told the name of each mutant and the test that noticed it, or SURVIVES.
    """

    def __init__(
        self, mutants: list[tuple[Module, Mutant]], paths: set[str], cold: bool,
        keep: Callable[[str, str], None],
    ):  # fmt: skip
        self.mutants, self.paths, self.cold, self.keep = mutants, paths, cold, keep
        self._coverage: coverage.Coverage | None = None
        self._test = ""
        self._took_s: dict[str, float] = {}  # by test, of a processor

    def pytest_collection(self):
        import hypothesis  # here, since pytest wants to import it first

        hypothesis.settings.register_profile(
            "mutants", deadline=None, derandomize=True, database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )  # fmt: skip
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        """What a shared fixture reaches, all tests reach that ask for it."""
        if fixturedef.scope == "function" or not self._coverage:
            return (yield)
        self._coverage.switch_context(_shared(fixturedef.argname))
        try:
            return (yield)
        finally:
            self._coverage.switch_context(self._test)

    def pytest_runtestloop(self, session):
        self._look_around()
        self._items = {item.nodeid: item for item in session.items}
        began_s = time.monotonic()
        reached, took_s = self._first(session.items)
        self._took_s = took_s
        print(f"\n{len(took_s)} tests took {time.monotonic() - began_s:.0f} s", flush=True)
        noticed, lines = Counter[str](), Counter[str | tuple[str, str]]()
        for (path, _), tests in reached.items():
            lines.update(tests)
            lines.update((path, test) for test in tests)
        for n, (module, mutant) in enumerate(self.mutants, start=1):
            of = set().union(*(reached.get((module.path, line), ()) for line in module.uses(mutant)))
            if not (of or mutant.within):
                of = {*took_s}
            cost_s = {
                test: took_s[test] * (1 - lines[module.path, test] / max(1, lines[test]))
                - 0.1 * noticed[test]
                for test in of
            }
            tests = sorted(of, key=lambda test: (cost_s[test], test))
            by = self._try(module, mutant, tests)
            self.keep(mutant.name, by)
            noticed[by] += 1
            if by == SURVIVES:
                at = f"{mutant.path}:{mutant.line}"
                print(f"{n} of {len(self.mutants)}: {at}: {mutant.change}: {mutant.text}", flush=True)
        return True

    def _look_around(self) -> None:
        """Finds the modules under change as they were imported, their functions, and what is cached."""
        gc.unfreeze()
        named = {
            str(getattr(module, "__file__", "")).rpartition("/src/skybed/")[2]: module
            for module in [*sys.modules.values()]
        }
        self._loaded = {path: named[path] for path in self.paths if path in named}
        self._functions: dict[str, list[types.FunctionType]] = defaultdict(list)
        self._caches = []
        for thing in gc.get_objects():
            if isinstance(thing, types.FunctionType):
                self._functions[thing.__code__.co_filename].append(thing)
            elif hasattr(type(thing), "cache_clear") and thing.__module__.startswith("skybed"):
                self._caches.append(thing)

    def _fresh(self) -> None:
        from support import tiny_sky

        if self.cold:
            tiny_sky.PLANS.clear()
            for cache in self._caches:
                cache.cache_clear()

    def _first(self, items) -> tuple[dict[tuple[str, int], set[str]], dict[str, float]]:
        """By file and line the tests that reach it; and how long each takes."""
        files = {module.__file__: path for path, module in self._loaded.items()}
        self._coverage = coverage.Coverage(data_file=None, include=[*files], config_file=False)
        took_s, asks = {}, defaultdict(set)
        self._coverage.start()
        for item, following in zip(items, [*items[1:], None], strict=True):
            self._fresh()
            for name in item.fixturenames:
                asks[_shared(name)].add(item.nodeid)
            self._test = item.nodeid
            self._coverage.switch_context(self._test)
            began_s = _processor_s()
            for report in runtestprotocol(item, nextitem=following, log=False):
                if report.failed:
                    pytest.exit(f"{item.nodeid} fails without a mutant:\n{report.longreprtext}", 1)
            took_s[item.nodeid] = _processor_s() - began_s
        self._coverage.stop()
        data, self._coverage = self._coverage.get_data(), None
        self._fresh()
        reached = {}
        for measured in data.measured_files():
            path = next(path for file, path in files.items() if os.path.samefile(file, measured))
            for line, contexts in data.contexts_by_lineno(measured).items():
                tests = [asks.get(context, {context}) for context in contexts]
                reached[path, line] = set().union(*tests) & took_s.keys()
        return reached, took_s

    def _try(self, module: Module, mutant: Mutant, tests: list[str]) -> str:
        """Which test notices, or why there is no telling, or SURVIVES."""
        if not tests:
            return SURVIVES
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                signal.alarm(WAITS_S)
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
                os.write(write, self._noticed(module, mutant, tests).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return said or "ended without a word"

    def _noticed(self, module: Module, mutant: Mutant, tests: list[str]) -> str:
        try:
            self._change(module, mutant)
        except Exception as why:
            return f"cannot be imported: {why!r}"
        slowest_s = max(self._took_s.values())  # some fixtures take as long
        for test in tests:
            signal.setitimer(signal.ITIMER_PROF, slowest_s + ENDLESS * self._took_s[test])
            reports = runtestprotocol(self._items[test], nextitem=None, log=False)
            if any(report.failed for report in reports):
                return test
            if time.process_time() > LONGEST_S:
                break
        return SURVIVES

    def _change(self, module: Module, mutant: Mutant) -> None:
        """In this process, wherever the module's functions and values are in use."""
        loaded = self._loaded[module.path]
        functions, code = self._functions[loaded.__file__], module.code(mutant, loaded.__file__)
        codes = {_place(part): part for part in _parts(code)}
        for function in functions:
            function.__code__ = codes[_place(function.__code__)]
        if mutant.within:
            return
        anew = dict(vars(loaded))
        exec(code, anew)
        made = {
            _place(thing.__code__): thing for thing in gc.get_objects()
            if isinstance(thing, types.FunctionType) and thing.__globals__ is anew
        }  # fmt: skip
        for function in functions:
            if of := made.get(_place(function.__code__)):
                function.__defaults__, function.__kwdefaults__ = of.__defaults__, of.__kwdefaults__
        house = [other for name, other in [*sys.modules.items()] if name.startswith("skybed")]
        for name, old in [*vars(loaded).items()]:
            if name.startswith("__") or callable(old) or isinstance(old, types.ModuleType):
                continue
            for other in house:
                if vars(other).get(name) is old:
                    setattr(other, name, anew[name])


def _processor_s() -> float:
    """Of this process and of children that have ended."""
    return sum(os.times()[:4])


def _shared(fixture: str) -> str:
    return f"fixture {fixture}"


def _place(code: types.CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _parts(code: types.CodeType):
    """A code object and all within it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _parts(part)
