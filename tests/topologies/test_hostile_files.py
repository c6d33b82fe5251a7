# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Files that were made to break what reads them: each ends in a sentence, at once, and as a terminal may show it."""

import gzip
import json

import pytest

from skybed.scripts.cli.terminal import Terminal
from skybed.topologies.errors import LONGEST, ScenarioError, shown
from skybed.topologies.model import rows, yamlmarks
from skybed.topologies.orbits import formats
from skybed.topologies.scenario import reading
from skybed.topologies.scenario.file import Scenario

NINE = ", ".join(["*{}"] * 9)
MULTIPLYING = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{NINE.replace('{}', before)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGING = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{NINE.replace('{}', before)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP_ALIASES = "a: &a [[[[[[[[[[1]]]]]]]]]]\n" + "".join(
    f"{name}: &{name} [[[[[[[[[[*{before}]]]]]]]]]]\n" for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    "text, says",
    [
        (MULTIPLYING, "f.yaml, line 7: this has more than 1,000,000 items, with what aliases repeat; give fewer."),
        (MERGING, "f.yaml, line 7: this has more than 1,000,000 items, with what aliases repeat; give fewer."),
        (f"a: {'[' * 60}{']' * 60}", "f.yaml, line 1: this is nested 50 levels deep; no field is."),
        (DEEP_ALIASES, "f.yaml, line 6: this is nested 50 levels deep; no field is."),
        (f"a: {'{b: ' * 3000}1{'}' * 3000}", "f.yaml, line 1: this is not YAML: exceeded maximum nesting depth."),
        ("a: 1\nb: " + 5000 * "9", "f.yaml, line 2: this is not YAML: an integer of 5000 characters, at most 40 are read."),
        ("a: 0x" + 5000 * "f", "f.yaml, line 1: this is not YAML: an integer of 5002 characters, at most 40 are read."),
        ("a: !!timestamp 2026-99-99", "f.yaml, line 1: this is not YAML: could not determine a constructor for the tag "
         "'tag:yaml.org,2002:timestamp'."),
        ("a: !!bool perhaps", "f.yaml: this is not YAML: 'perhaps'."),
        ("a: !!int perhaps", "f.yaml: this is not YAML: invalid literal for int() with base 10: 'perhaps'."),
    ],
)  # fmt: skip
def test_yaml_that_is_more_than_it_looks(text, says):
    with pytest.raises(ScenarioError) as error:
        yamlmarks.parse(text, "f.yaml")
    assert str(error.value) == says


def test_aliases_and_merge_keys_that_save_typing_are_read():
    data, _ = yamlmarks.parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n", "f.yaml")
    assert data == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1, "y": 2}] * 2}


OBJECT = {
    "OBJECT_NAME": "x", "OBJECT_ID": "2020-001A", "EPOCH": "2026-05-09T01:00:00", "MEAN_MOTION": 15,
    "ECCENTRICITY": 0.001, "INCLINATION": 97, "RA_OF_ASC_NODE": 0, "ARG_OF_PERICENTER": 0, "MEAN_ANOMALY": 0,
    "NORAD_CAT_ID": 5,
}  # fmt: skip


def test_an_object_as_it_should_be():
    assert [record.read()[0] for record in formats.records(json.dumps([OBJECT]))] == [5]


@pytest.mark.parametrize(
    "field, value, says",
    [
        ("OBJECT_ID", [], "its OBJECT_ID is a list"),
        ("OBJECT_ID", {"a": 1}, "its OBJECT_ID is a mapping"),
        ("NORAD_CAT_ID", float("inf"), "a field cannot be read: cannot convert float infinity to integer"),
        ("ELEMENT_SET_NO", float("inf"), "a field cannot be read: cannot convert float infinity to integer"),
        ("EPOCH", "2026-999T01:00:00", "a field cannot be read: unconverted data remains: 9"),
        ("EPOCH", "0001-01-01T00:00:00+05:00", "a field cannot be read: date value out of range"),
    ],
)
def test_an_object_that_cannot_be_used_is_left_out(field, value, says):
    (record,) = formats.records(json.dumps([OBJECT | {field: value}]))
    with pytest.raises(formats.Unusable, match=f"^{says}$"):
        record.read()


@pytest.mark.parametrize(
    "text, says",
    [
        (json.dumps([OBJECT]).replace("15", 5000 * "9"), "it has an integer of thousands of digits"),
        (100_000 * "[", "it is nested hundreds of levels deep"),
        (
            f"NORAD_CAT_ID,EPOCH\n{200_000 * 'x'}\n",
            "it is not CSV: line 2, field larger than field limit (131072)",
        ),
    ],
)
def test_element_files_that_cannot_be_read(text, says):
    with pytest.raises(ScenarioError) as error:
        list(formats.records(text))
    assert str(error.value) == says


def test_a_cell_of_a_table_that_is_far_too_long():
    with pytest.raises(ScenarioError, match=r"^line 2 is not CSV: field larger than field limit"):
        rows.read(f"a\n{200_000 * 'x'}\n", ["a"])


def test_a_file_that_is_small_only_while_it_is_packed(tmp_path):
    path = tmp_path / "big.tle.gz"
    path.write_bytes(gzip.compress(bytes(1_000_000 * reading.LARGEST_MB + 1), compresslevel=1))
    assert path.stat().st_size < 1_000_000
    scenario = tmp_path / "s.yaml"
    scenario.write_text("name: s\nlayers: {eo: {elements: big.tle.gz}}\n")
    with pytest.raises(ScenarioError) as error:
        Scenario.load(scenario)
    assert (
        str(error.value)
        == f"{scenario}, line 2: big.tle.gz: this element file cannot be read: more than 100 MB."
    )


@pytest.mark.parametrize(
    "named, says", [("a\\0b", "a\\x00b: this element"), (5000 * "n", "File name too long")]
)
def test_names_that_no_file_can_have(tmp_path, named, says):
    path = tmp_path / "s.yaml"
    path.write_text(f'name: s\nlayers: {{eo: {{elements: "{named}"}}}}\n')
    with pytest.raises(ScenarioError) as error:
        Scenario.load(path)
    assert says in str(error.value)
    assert len(str(error.value)) < LONGEST + 20


def test_a_message_shows_what_a_terminal_would_obey():
    assert str(ScenarioError("is \x1b[31m\x9b\u202e\ud800\x07; two\nlines")) == (
        r"is \x1b[31m\x9b\u202e\ud800\x07; two" + "\nlines"
    )
    assert shown("Åland, 北京, 33°52'") == "Åland, 北京, 33°52'"


def test_a_long_message_keeps_its_ends():
    said = str(ScenarioError(f"f.yaml, line 3: name is {100_000 * 'v'}; it must be short."))
    assert said.startswith("f.yaml, line 3: name is vvv")
    assert said.endswith("v; it must be short.")
    assert len(said) < LONGEST + 20


def test_what_is_printed_cannot_move_the_cursor(capsys):
    Terminal(width=60).print("\x1b]0;title[b]bold[/b]")
    assert capsys.readouterr().out == "\\x1b]0;titlebold\n"


def test_a_quoted_line_break_makes_no_line_of_a_message(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text('name: "a\\nskybed: PASS"\nepoch: 2026-05-09\nduration_s: 1\nlayers: {}\n')
    with pytest.raises(ScenarioError) as error:
        Scenario.load(path)
    assert (
        str(error.value).splitlines()[0].startswith(f"{path}, line 1: name is a\\nskybed: PASS; it must be")
    )
