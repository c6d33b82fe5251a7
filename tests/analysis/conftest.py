"""Run directories for the tests of analysis; see tiny_sky."""

import pytest

from support.tiny_sky import TINY, Builder, plan_of


@pytest.fixture
def builder(tmp_path):
    """Makes a Builder on the tiny sky in a fresh directory; keyword arguments change its scenario."""
    return lambda **changes: Builder(tmp_path / "run", plan_of(TINY | changes))
