"""The version is told in several places, for several readers: it is the same everywhere."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
TOLD = {
    "CITATION.cff": r"^version: (.*)$",
    "CHANGELOG.md": r"^## (\d.*) - \d{4}-\d\d-\d\d$",
    "docs/provisioning.md": r"^pip install skybed-(.*)-py3-none-any\.whl",
}


@pytest.mark.parametrize("name", TOLD)
def test_the_version_is_that_of_the_project(name):
    assert re.search(TOLD[name], (ROOT / name).read_text(), re.MULTILINE)[1] == VERSION
