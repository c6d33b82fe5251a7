"""`skybed plan` with other values of fields, as `skybed run` takes them."""

from support.command import finished
from support.places import PAIR


def contacts(tmp_path, name, *words):
    file = tmp_path / f"{name}.csv"
    done = finished("plan", PAIR, "--duration", "60", "--no-routes", "--export", file, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text()


def test_a_plan_with_another_value_is_another_plan(tmp_path):
    as_it_is = contacts(tmp_path, "as-it-is")
    later = contacts(tmp_path, "later", "--set", "start=2026-05-09T06:00:00Z")
    assert as_it_is != later
    assert contacts(tmp_path, "same", "--set", "seed=1") == as_it_is


def test_what_is_no_field_is_said(tmp_path):
    done = finished("plan", PAIR, "--set", "acess[0].policy=keep")
    assert done.returncode == 2 and "acess is not a field (did you mean access?)" in done.stderr
