"""The example project, played for real by the commands of its own workflow."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from support import built, needs

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example-ci"


OWN = ("analysis", "emulator", "scenarios", "scripts", "topologies", "traffic")  # as skybed's own parts


def copy(folder):
    """A copy of the example, with the test in docs/testing.md."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("results", "runs"))
    told = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    (folder / "tests" / "test_told.py").write_text(told[1])
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The example, and skybed where the workflow has it."""
    folder = copy(tmp_path_factory.mktemp("ci") / "my-network")
    (folder / "skybed").symlink_to(ROOT)
    return folder


@pytest.fixture(params=["checkout", "wheel"])
def python(request, tmp_path):
    """A Python in which skybed is installed."""
    if request.param == "checkout":
        return sys.executable
    built.copy(tmp_path / "checkout")
    wheel = built.wheel(tmp_path / "checkout", tmp_path)
    return built.environment(tmp_path / "installed", wheel).parents[2] / "bin" / "python"


def step(project, name, *more):
    """A step of the workflow, by its name, with more arguments: the finished process."""
    workflow = yaml.safe_load((project / ".github" / "workflows" / "network.yml").read_text())
    (command,) = [step["run"] for step in workflow["jobs"]["test"]["steps"] if step.get("name") == name]
    command = " ".join([command.strip(), *more])
    return subprocess.run(["bash", "-ec", command], cwd=project, capture_output=True, text=True, timeout=300)


def test_the_network_keeps_its_promises(project):
    done = step(project, "Test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "playing" not in done.stdout + done.stderr
    (suite,) = ET.parse(project / "results" / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "0", "0")
    figures = {p.get("name"): float(p.get("value")) for p in suite.iter("property")}
    assert 70 < figures["network.command.rtt_p99_ms"] < 90
    assert figures["network-2.command.outages"] == 1  # the relay that fell silent
    runs = project / "results" / "runs"
    assert sorted(run.name for run in runs.iterdir()) == ["network", "network-2"]
    assert (runs / "network" / "report.html").stat().st_size > 100_000


def test_a_network_that_became_slower_is_noticed(project):
    """Five ms more between ground and relays: ten, there and back. Everything else holds. Two workers."""
    scenario = project / "network.yaml"
    gateway = "{rate_mbps: 2000, setup_s: [2, 5], min_elevation_deg: 10, fixed_delay_ms: 5}"
    changed = scenario.read_text().replace("access:\n", f"links:\n  ka-gateway: {gateway}\n\naccess:\n")
    scenario.write_text(changed)
    done = step(project, "Test", "-k", "'accepted or answered or images'", "-n", "2", "--dist", "loadfile")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 2 passed" in done.stdout
    assert re.search(rf"^PASS +{project}/results/runs/network\S*$", done.stdout, re.MULTILINE), done.stdout
    left = r"command rtt_p50_ms is 87\.\d+ ms; the baseline is 77\.\d+ ms, give or take 0\.38\d ms\."
    note = r"The scenario has changed since the baseline was accepted\."
    assert re.search(rf"^E +{left}$(.|\n)*^E +{note}$", done.stdout, re.MULTILINE), done.stdout


def test_a_project_may_have_packages_of_any_names(python, tmp_path):
    """With `python -m pytest` the project's own folder comes first on the path."""
    project = copy(tmp_path / "my-network")
    for name in OWN:
        (project / name).mkdir()
        (project / name / "__init__.py").write_text(f"OF = 'my {name}'\n")
    (project / "tests" / "test_own.py").write_text(
        "import importlib\nimport pytest\n\n"
        f"@pytest.mark.parametrize('name', {OWN})\n"
        "def test_own(name):\n    assert importlib.import_module(name).OF == f'my {name}'\n"
    )
    command = [python, "-m", "pytest", "tests/test_told.py", "tests/test_own.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{1 + len(OWN)} passed" in done.stdout
