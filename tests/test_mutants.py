"""The mutants of `make mutants`: they are what they are called, and those left out are still there."""

import pytest
from mutants.__main__ import GROUPS, equivalent, mutants_of
from mutants.changes import Module

SOURCE = '''\
"""A module."""
LIMIT_S = 0.5


def late(t_s, due_s, lost=False):
    """Its docstring."""
    if t_s - due_s > LIMIT_S and not lost:
        return [*sorted(t_s), abs(due_s)]
    return f"{t_s + 1} s"
'''


def test_a_module_is_changed_in_one_place_at_a_time(tmp_path):
    file = tmp_path / "late.py"
    file.write_text(SOURCE)
    module = Module(str(file))
    changes = [mutant.change for mutant in module.mutants()]
    assert changes == [
        "0.5 is 5.0", "False is True", "never", "always", "And is Or", "Sub is Add", "Gt is GtE", "no Not",
        "returns None", "without it", "no abs", "without it (2)", "returns None",
    ]  # fmt: skip
    limit, *_ = module.mutants()
    space = {}
    exec(module.code(limit, "late.py"), space)
    assert space["LIMIT_S"] == 5.0 and space["late"](1.0, 0.0) == "2.0 s"
    space = {}
    exec(module.code(next(m for m in module.mutants() if m.change == "Gt is GtE"), "late.py"), space)
    assert space["LIMIT_S"] == 0.5 and space["late"].__defaults__ == (False,)


@pytest.mark.parametrize("group", GROUPS)
def test_mutants_have_names_of_their_own(group):
    names = [mutant.name for _, mutant in mutants_of(group)]
    assert len(names) > 100 and len({*names}) == len(names)


def test_what_is_said_to_change_nothing_is_still_there_and_has_a_reason():
    names = {mutant.name for group in GROUPS for _, mutant in mutants_of(group)}
    assert not equivalent().keys() - names
    assert all(len(why) > 10 for why in equivalent().values())
