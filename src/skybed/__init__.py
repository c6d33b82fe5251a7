"""skybed from Python, for a notebook, a script or a test.

    from skybed import Scenario, ms, results, run

    pair = Scenario.load("pair")
    played = run(pair.with_({"traffic[down].rate_hz": 20}))
    assert played.rtt("miyun", "kashi").p99 < 120 * ms

Names are imported when they are first asked for: `import skybed` alone loads nothing.
"""

from importlib import import_module

_HOMES = {
    "skybed.topologies.errors": ("InvalidRun", "MachineError", "RunError", "ScenarioError", "SkybedError"),
    "skybed.topologies.scenario.file": ("Scenario",),
    "skybed.topologies.plan.plan": ("Plan",),
    "skybed.analysis.run": ("Run", "load"),
    "skybed.analysis.units": (
        "Quantity", "hours", "kbps", "mbps", "minutes", "ms", "percent", "s", "us", "wh",
    ),
    "skybed.scripts.api": ("RunResults", "campaign", "results", "run", "view"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
