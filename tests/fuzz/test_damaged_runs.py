"""Whatever was done to a run directory, each command that reads it ends soon: well, or with a sentence.

Some seeded cases in every run of the tests. `make fuzz` tries others, one for each thousand scenarios.
"""

import os
import random
import shutil

import pytest

from skybed.analysis import tested
from skybed.topologies.errors import LONGEST
from support.bounded import bounded
from support.command import finished
from support.damage import damage
from support.tiny_sky import TINY, Builder, plan_of

SEEDS = range(25)
if more := int(os.environ.get("FUZZ", "0")) // 1000:
    first = random.randrange(10**9)
    SEEDS = range(first, first + more)
CPU_S = 20.0


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The directory of a run that was judged."""
    folder = tmp_path_factory.mktemp("good") / "run"
    accept = [{"flow": "p1", "metric": "loss_pct", "max": 90}]
    Builder(folder, plan_of(TINY | {"accept": accept})).load()
    tested.judge(folder)
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_run_is_read_or_refused(seed, good, tmp_path):
    chance = random.Random(seed)
    run = tmp_path / "run"
    shutil.copytree(good, run)
    done = [damage(run, chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    baseline = tmp_path / "baseline.json"
    commands = (
        ("report", run), ("compare", run, good), ("compare", good, run), ("compare", "--exact", run, good),
        ("view", run, "--out", tmp_path / "sky.html"), ("baseline", "accept", run, "--file", baseline),
    )  # fmt: skip
    for words in chance.sample(commands, 3):
        with bounded(CPU_S):
            ended = finished(*words)
        told = f"{done}, {' '.join(map(str, words))}: {ended.returncode}, {ended.stdout}{ended.stderr}"
        assert ended.returncode in (0, 1, 2, 3), told
        assert ended.returncode != 2 or ended.stderr.startswith("skybed: "), told
        said = ended.stdout + ended.stderr
        assert said.replace("\n", "").isprintable(), told
        assert all(len(line) <= LONGEST + 200 for line in said.splitlines()), told
