"""Tables that users write, as spreadsheets and programs leave them."""

import csv
import datetime as dt
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import rows

BEGIN = dt.datetime(2026, 5, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text, lines",
    [
        ("t_s,value,of\n-1.5,1e3,a b\n\n20,0.25,\n", [2, 4]),
        ("\n t_s ;Value; of\n-1,5;1000;a b\n;;\n20;0,25;\n", [3, 5]),
        ('"t_s"\t"value"\t"of"\n-1.5\t1000\t"a b"\n20\t.25\t\n', [2, 3]),
    ],
)
def test_one_table_however_it_was_saved(text, lines):
    table = rows.read(text, ("t_s", "value"), ("of",))
    assert [(row.number("t_s"), row.number("value")) for row in table] == [(-1.5, 1000), (20, 0.25)]
    assert [row.cells["of"] for row in table] == ["a b", ""]
    assert [row.line for row in table] == lines


def test_times_are_run_time_or_dates():
    dated = "time,value\n2026-05-08T23:59:50Z,1\n2026-05-09 08:00:00.25+08:00,2\n2026-05-09T01:00,3\n"
    table = rows.read(dated, (rows.TIMES,), ("value",))
    assert [row.run_time_s(BEGIN) for row in table] == [-10, 0.25, 3600]


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "line 1 has the column (without a name)"),
        ("a,b,c\n1,2,3\n", "line 1 has the column c (there are a, b, t_s, time, value)."),
        ("a,valu\n", "line 1 has the column valu (did you mean value?)."),
        ("\na,a,b\n", "line 2 has the column a twice."),
        ("a,t_s\n", "line 1, of names of columns, has no b."),
        ("a,b\n", "line 1, of names of columns, has no t_s or time."),
        ("a,b,t_s,time\n", "line 1 has the columns t_s and time; give one of them."),
        ("a,b,t_s\n1,2,3\n\n1,2\n", "line 4 has 2 columns, and line 1 names 3."),
        ('a,b,t_s\n1,"2\n3,4,5\n', "line 2 is not CSV: unexpected end of data."),
    ],
)  # fmt: skip
def test_what_is_no_such_table(text, says):
    with pytest.raises(ScenarioError, match=re.escape(says.removesuffix("."))):
        rows.read(text, ("a", "b", rows.TIMES), ("value",))


def test_what_is_no_number():
    row, other = rows.read("a,b\nnan,1_0x\n-1,\n", ("a", "b"))
    for ask, says in (
        (lambda: row.number("a"), "line 2 has a nan; it must be a number"),
        (lambda: row.number("b"), "line 2 has b 1_0x; it must be a number"),
        (lambda: other.number("a", least=0, must_be="0 or more"), "line 3 has a -1; it must be 0 or more"),
        (lambda: other.number("b"), "line 3 has no b"),
    ):
        with pytest.raises(ScenarioError, match=f"^{re.escape(says)}$"):
            ask()
    assert other.number("b", 7.0) == other.number("of", 7.0) == 7.0


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1).map(str.strip)


@given(st.lists(st.tuples(cells, cells).filter(any), max_size=5), st.sampled_from(",;\t"))
def test_what_a_program_wrote_is_read(table, mark):
    text = io.StringIO()
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows([("a", "b"), *table])
    assert [(row.cells["a"], row.cells["b"]) for row in rows.read(text.getvalue(), ("a", "b"))] == table
