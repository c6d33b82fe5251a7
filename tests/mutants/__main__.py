"""Tries mutants on the fast tests: python -m mutants [GROUP ...], and --help."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from mutants.changes import ROOT, Module, Mutant
from mutants.trial import SURVIVES, Trial

# Modules, and the tests that are to notice what goes wrong in them.
GROUPS = {
    "verdict": (
        ["analysis/verdict/*.py"],
        ["tests/analysis/test_*verdict.py", "tests/analysis/test_judge*.py", "tests/analysis/test_held.py",
         "tests/analysis/test_altered.py", "tests/analysis/test_metrics.py"],
    ),
    "measures": (
        [f"analysis/measures/{name}.py" for name in (
            "probed", "truth", "delays", "losses", "loads", "sending", "hand", "classes")],
        ["tests/analysis/test_*verdict.py", "tests/analysis/test_judge*.py", "tests/analysis/test_held.py",
         "tests/analysis/test_metrics.py", "tests/analysis/test_measured*.py"],
    ),
    "sky": (
        ["topologies/orbits/geometry.py", *(f"topologies/contacts/{name}.py" for name in (
            "visibility", "contacts", "access", "faults", "spans"))],
        [f"tests/topologies/test_{name}.py" for name in (
            "geometry", "visibility", "tracks", "contacts*", "nearest", "access*", "faults*", "spans",
            "pass_geometry")],
    ),
    "plan": (
        ["topologies/plan/timeline.py", "topologies/routing/routes.py", "topologies/routing/forwarding.py"],
        [f"tests/topologies/test_{name}.py" for name in (
            "timeline", "lines", "bounds", "routes", "instants", "schedule", "ways", "forwarding",
            "kept_paths", "plan")],
    ),
}  # fmt: skip
RESULTS = ROOT / ".coverage" / "mutants"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")


def equivalent() -> dict[str, str]:
    """Why a mutant changes nothing that anybody could see, by its name."""
    lines = [line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")]
    return {name: why for name, _, why in (line.rpartition(" | ") for line in lines)}


def mutants_of(group: str) -> list[tuple[Module, Mutant]]:
    files = [file for pattern in GROUPS[group][0] for file in sorted(ROOT.glob(pattern))]
    modules = [Module(str(file.relative_to(ROOT))) for file in files]
    return [(module, mutant) for module in modules for mutant in module.mutants()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutants")
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; all of them without one")
    parser.add_argument("--sample", type=int, help="so many of each group")
    parser.add_argument("--seed", type=int, default=1, help="that draws them")
    parser.add_argument("--only", default="", help="of modules whose paths have one of these, comma between")
    parser.add_argument(
        "--again", action="store_true", help="those that survived, or were not tried, last time"
    )
    parser.add_argument(
        "--by", default="", help="by tests whose files or names have one of these, comma between"
    )
    asked = parser.parse_args()
    for group in asked.groups or GROUPS:
        child = os.fork()  # so that nothing of a group is left for the next
        if not child:
            os._exit(_group(group, asked))
        if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            return code
    return 0


def _group(group: str, asked: argparse.Namespace) -> int:
    known, everything = equivalent(), mutants_of(group)
    mutants = [of for of in everything if any(part in of[1].path for part in asked.only.split(","))]
    file = RESULTS / f"{group}.json"
    before = json.loads(file.read_text()) if file.is_file() else {}
    tried = [of for of in mutants if of[1].name not in known]
    if asked.again:
        tried = [of for of in tried if before.get(of[1].name, SURVIVES) == SURVIVES]
    if asked.sample and asked.sample < len(tried):
        drawn = random.Random(asked.seed).sample(range(len(tried)), asked.sample)
        tried = [tried[n] for n in sorted(drawn)]
    places, patterns = GROUPS[group]
    tests = [str(test) for pattern in patterns for test in sorted(ROOT.glob(pattern))]
    paths, names = {module.path for module, _ in everything}, {mutant.name for _, mutant in everything}
    fate = {name: by for name, by in before.items() if name in names}
    file.parent.mkdir(parents=True, exist_ok=True)

    def keep(name: str, by: str) -> None:
        """At once, so that a trial that is cut short can go on with --again."""
        fate[name] = by
        part = file.with_suffix(".part")
        part.write_text(json.dumps(fate, indent=0))
        part.replace(file)

    trial = Trial(tried, paths, not all(place.startswith("analysis") for place in places), keep)
    folder = tempfile.mkdtemp(prefix="mutants-")
    try:
        code = pytest.main(
            [
                "-q", "-s", "-p", "no:cacheprovider", f"--basetemp={folder}/tests",
                "-o", "tmp_path_retention_policy=none", "-m", "not live and not netns",
                "-k", " or ".join(asked.by.split(",")),
                *tests,
            ],
            [trial],
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if code:
        return int(code)
    _table(mutants, fate, known)
    return 0


def _table(mutants: list[tuple[Module, Mutant]], fate: dict[str, str], known: dict[str, str]) -> None:
    print(f"{'module':36} tried killed survivors equivalents")
    for path in dict.fromkeys(mutant.path for _, mutant in mutants):
        names = [mutant.name for _, mutant in mutants if mutant.path == path]
        tried = [fate[name] for name in names if name in fate and name not in known]
        survive, same = tried.count(SURVIVES), sum(name in known for name in names)
        print(f"{path:36} {len(tried):5} {len(tried) - survive:6} {survive:9} {same:11}")


if __name__ == "__main__":
    sys.exit(main())
