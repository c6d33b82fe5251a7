"""`import skybed` and short commands load little; what they give is loaded when it is asked for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skybed

SOURCE = Path(skybed.__file__).absolute().parents[1]
HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "matplotlib", "distributed", "mininet", "scapy"}
COMMAND = "from skybed.scripts.cli.main import main; main({words})"


TELL = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"


def loaded(program):
    """The modules that a program in an interpreter of its own imports."""
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", TELL + program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_it_loads_nothing():
    before, after = loaded("pass"), loaded("import skybed")
    assert {name for name in after - before if name.startswith("skybed")} == {"skybed"}
    assert len(after - before) < 20 and not after & HEAVY


def test_a_unit_loads_no_numpy():
    modules = loaded("from skybed import mbps, ms, percent, s; assert 100 * ms < 1 * s")
    assert "skybed.analysis.units" in modules and not modules & HEAVY


def test_its_names_are_the_things_of_the_rooms():
    loaded("""
from skybed import Scenario, mbps, ms, percent, results, run
from skybed.analysis import units
from skybed.scripts import api
from skybed.topologies.scenario import file
assert (Scenario, run, results) == (file.Scenario, api.run, api.results)
assert (ms, mbps, percent) == (units.ms, units.mbps, units.percent)
import skybed
for name in dir(skybed):
    getattr(skybed, name)
""")
    with pytest.raises(AttributeError, match="'skybed' has no attribute 'rnu'"):
        skybed.rnu  # noqa: B018


@pytest.mark.parametrize(
    "words", [["--help"], ["list"], ["show", "pair"], ["campaign", "--help"]], ids=" ".join
)
def test_help_and_lists_load_no_numpy(words):
    modules = loaded(COMMAND.format(words=words))
    assert "click" in modules and not modules & HEAVY


def test_type_checkers_are_told_the_same_names():
    stub = ast.parse(Path(skybed.__file__).with_suffix(".pyi").read_text())
    told = {alias.asname: node.module for node in stub.body for alias in node.names}
    assert told.keys() == set(dir(skybed))
    for name, home in told.items():
        assert getattr(sys.modules.get(home) or __import__(home, fromlist=[name]), name) is getattr(
            skybed, name
        )
