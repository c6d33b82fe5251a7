"""Changes of links as events: what they are called, in which order they come, what is a row of a table."""

import pathlib
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import KINDS, SIDES, Direction, Property, events, in_order
from support import hand_made

DIRECTIONS = st.sampled_from([Direction.THERE, Direction.BACK, Direction.BOTH])
CHANGES = st.tuples(
    st.integers(0, 2), st.sampled_from(KINDS), st.integers(0, 2), st.integers(1, 9), DIRECTIONS
)


def test_every_kind_of_event_is_of_one_property():
    assert sorted(kind for what in Property for kind in what.kinds) == sorted(KINDS)
    assert [len(what.kinds) for what in Property] == [1 if what.unit else 2 for what in Property]


def test_the_reference_has_every_property():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "run-directory.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    told = [(what.name.lower(), what.unit or "1 or 0", what.about, what.course) for what in Property]
    assert [row for row in rows if row[0] in {name for name, *_ in told}] == told


def test_what_an_event_is_called():
    assert [KINDS[n] for n in properties.kind(hand_made.events((0, kind, 0, 5) for kind in KINDS))] == [
        "up", "delay", *KINDS[1:],
    ]  # fmt: skip
    assert KINDS[:6] == ("up", "delay", "loss", "rate", "silence", "heal") and KINDS[-1] == "down"
    assert KINDS[properties.kind(events(0, 0, Property.LOSS, 0))[0]] == "loss"  # none any more


@given(st.lists(CHANGES, max_size=12))
def test_at_one_instant_links_come_first_and_go_last(rows):
    made = in_order(hand_made.events(rows))
    keys = list(zip(made["t_s"], properties.kind(made), made["link"], strict=True))
    assert keys == sorted(keys)


@given(st.lists(CHANGES, max_size=12, unique_by=lambda row: row[:3]))
def test_a_first_delay_is_told_by_the_link_that_comes(rows):
    """Of both ways, at the same instant: it is no row, and nothing else is left out."""
    rows = [(t_s, kind, link, value, Direction.BOTH) if kind == "up" else (t_s, kind, link, value, direction)
            for t_s, kind, link, value, direction in rows]  # fmt: skip
    rows = [row for row in rows if row[1] != "delay" or (row[0], "up", row[2]) not in {x[:3] for x in rows}]
    made = hand_made.events(rows)
    told, delay_us, _ = properties.rows(made)
    seen = sorted(zip(made["t_s"][told], properties.kind(made[told]), made["link"][told], strict=True))
    assert seen == sorted((t_s, KINDS.index(kind), link) for t_s, kind, link, *_ in rows)
    values = {(t_s, kind, link): value for t_s, kind, link, value, _ in rows}
    for event, us in zip(made[told], delay_us[told], strict=True):
        kind = KINDS[properties.kind(np.array([event]))[0]]
        known = values[float(event["t_s"]), kind, int(event["link"])] if kind in ("up", "delay") else np.nan
        np.testing.assert_equal(us, known)


def test_a_direction_is_of_the_ends_that_send_so():
    assert {Direction(number).name: ends for number, ends in SIDES.items()} == {
        "THERE": (0,), "BACK": (1,), "BOTH": (0, 1),
    }  # fmt: skip
