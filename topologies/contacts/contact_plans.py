"""Contact plans of others: ION's commands for `ionadmin`, as ionrc(5) has them, and HDTN's JSON.

Both have contacts, each one way, of a rate, and one-way light times; and both number nodes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import yamlmarks
from skybed.topologies.model.yamlmarks import line_of

BITS_PER_MBIT = 1e6
_ION = re.compile(r"^\s*a\s+(contact|range)\s", re.MULTILINE)
_UTC = re.compile(r"\d{4}/\d\d/\d\d-\d\d:\d\d:\d\d")
SHOWN = 40  # characters of what is wrong


class OneWay(NamedTuple):
    """What is so from one node (number) to another, from start_s until end_s. place: in the text, such as
    "line 2". value: a rate, Mbit/s, or a light time, s.
    """

    place: str
    source: int
    target: int
    start_s: float
    end_s: float
    value: float


class Piece(NamedTuple):
    """A link of two nodes, one < other, for a time in which nothing of it changes. Of rates and delays the
    first is that from `one`; a rate is 0 where there is no contact that way.
    """

    place: str
    one: int
    other: int
    start_s: float
    end_s: float
    rate_mbps: tuple[float, float]
    delay_ms: tuple[float, float]


def is_one(text: str) -> bool:
    """Whether a text is such a plan: JSON, or lines with commands of ION's."""
    return text.lstrip()[:1] == "{" or bool(_ION.search(text))


def read(text: str, begin: dt.datetime, duration_s: float) -> list[Piece]:
    """The links of a plan, by their nodes and then by time, from run time 0 on. begin: of run time, UTC,
    which is also when times begin that say no date. Raises ScenarioError, a phrase that begins with the line,
    also for a plan without contacts in the run, of duration_s.
    """
    contacts, ranges, both_ways = _hdtn(text) if text.lstrip()[:1] == "{" else _ion(text, begin)
    if not contacts:
        raise ScenarioError("it has no contacts")
    if not any(x.end_s > 0 and x.start_s < duration_s for x in contacts):
        spans_s = (min(x.start_s for x in contacts), max(x.end_s for x in contacts)), (0.0, duration_s)
        plan, run = (" to ".join(_shown(begin, t_s) for t_s in span_s) for span_s in spans_s)
        raise ScenarioError(f"it has contacts of {plan}, and the run is from {run}")
    for rows, what in ((contacts, "contact"), (ranges, "range")):
        _no_overlap(rows, what)
    pairs = sorted({(min(c.source, c.target), max(c.source, c.target)) for c in contacts})
    return [
        piece
        for one, other in pairs
        for piece in _pieces(
            one,
            other,
            *([x for x in contacts if (x.source, x.target) == way] for way in ((one, other), (other, one))),
            *_light(one, other, ranges, both_ways),
        )
    ]


def _shown(begin: dt.datetime, t_s: float) -> str:
    try:
        return f"{begin + dt.timedelta(seconds=t_s):%Y-%m-%dT%H:%M:%S}"
    except OverflowError:
        return f"{t_s:g} s"


def _light(one: int, other: int, ranges: list[OneWay], both_ways: bool) -> tuple[list[OneWay], list[OneWay]]:
    """Of both ways. both_ways: what is said of the way from the lower to the higher number is true of the way
    back too, while nothing else is said of it.
    """
    there = [x for x in ranges if (x.source, x.target) == (one, other)]
    back = [x for x in ranges if (x.source, x.target) == (other, one)]
    return there, [*back, *there] if both_ways else back


def _pieces(
    one: int, other: int, there: list[OneWay], back: list[OneWay], *light: list[OneWay]
) -> Iterator[Piece]:
    edges_s = sorted({max(t_s, 0.0) for rows in (there, back, *light) for x in rows for t_s in x[3:5]})
    for start_s, end_s in pairwise(edges_s):
        ways = [_at(rows, start_s) for rows in (there, back)]
        first = next((way for way in ways if way), None)
        if first is None:
            continue
        lights = [_at(rows, start_s) for rows in light]
        for way, far in zip(ways, lights, strict=True):
            if way and not far:
                raise ScenarioError(
                    f"{way.place} has a contact from {way.source} to {way.target}, and no range says how "
                    f"far it is at {start_s:g} s"
                )
        known = [far.value * 1e3 for far in lights if far]
        delay_ms = [known[0] if far is None else far.value * 1e3 for far in lights]
        rates = [way.value if way else 0.0 for way in ways]
        yield Piece(first.place, one, other, start_s, end_s, (rates[0], rates[1]), (delay_ms[0], delay_ms[1]))


def _at(rows: Iterable[OneWay], t_s: float) -> OneWay | None:
    return next((x for x in rows if x.start_s <= t_s < x.end_s), None)


def _no_overlap(rows: list[OneWay], what: str) -> None:
    ordered = sorted(rows, key=lambda x: (x.source, x.target, x.start_s))
    for a, b in pairwise(ordered):
        if (a.source, a.target) == (b.source, b.target) and b.start_s < a.end_s:
            raise ScenarioError(
                f"{b.place} has a {what} from {b.source} to {b.target} that overlaps the one of {a.place}"
            )


def _one_way(
    place: str, ends: list[Any], times_s: list[float], given: float, unit: str, per: float = 1.0
) -> OneWay:
    """given: in units of the text's, of which `per` make one of OneWay's."""
    for end in ends:
        if not (isinstance(end, int) and not isinstance(end, bool) and end > 0):
            raise ScenarioError(f"{place} has the node {end}; it must be a number, 1 or more")
    if ends[0] == ends[1]:
        raise ScenarioError(f"{place} has node {ends[0]} at both ends")
    if times_s[1] <= times_s[0]:
        raise ScenarioError(f"{place} ends at {times_s[1]:g} s, not after its begin, {times_s[0]:g} s")
    if not 0 <= given < float("inf"):
        raise ScenarioError(f"{place} has {given:g} {unit} where a number of 0 or more must be")
    return OneWay(place, ends[0], ends[1], times_s[0], times_s[1], given / per)


# -- ION -------------------------------------------------------------------------------------------

_BYTES = 125_000  # a second, of a Mbit/s


def _ion(text: str, begin: dt.datetime) -> tuple[list[OneWay], list[OneWay], bool]:
    """Commands but `a contact`, `a range` and `@` are of no contact, and passed over. All commands are of one
    character, and no others that add something begin with a time.
    """
    contacts: list[OneWay] = []
    ranges: list[OneWay] = []
    reference_s = 0.0
    for line, command in enumerate(text.split("\n"), 1):
        words = command.split("#")[0].split()
        if words[:1] == ["@"] and len(words) == 2:
            reference_s = _ion_time(line, words[1], begin, reference_s)
        if words[:2] not in (["a", "contact"], ["a", "range"]):
            if words[1:2] in (["contact"], ["range"]) and words[0] in ("c", "d"):
                raise ScenarioError(f"line {line} changes or deletes a {words[1]}; give those that there are")
            if words and (len(words[0]) > 1 or (words[0] == "a" and _is_time(words[2:3]))):
                told = " ".join(words[:2])[:SHOWN]
                raise ScenarioError(f"line {line} has {told}, which is no command of ION's")
            continue
        if len(words) < 7:
            raise ScenarioError(f"line {line} has {len(words)} words; ION's `a {words[1]}` has 7 or more")
        times_s = [_ion_time(line, word, begin, reference_s) for word in words[2:4]]
        ends = [_number(line, word, int) for word in words[4:6]]
        value = _number(line, words[6], float)
        if words[1] == "contact":
            contacts.append(_one_way(f"line {line}", ends, times_s, value, "B/s", _BYTES))
        else:
            ranges.append(_one_way(f"line {line}", ends, times_s, value, "s"))
    return contacts, ranges, True


def _is_time(words: list[str]) -> bool:
    return any(word.startswith("+") or _UTC.fullmatch(word) for word in words)


def _ion_time(line: int, word: str, begin: dt.datetime, reference_s: float) -> float:
    """As run time: +SECONDS after the reference time, or a date and time, UTC."""
    if word.startswith("+"):
        return reference_s + _number(line, word[1:], float)
    if not _UTC.fullmatch(word):
        raise ScenarioError(
            f"line {line} has the time {word[:SHOWN]}; it must be +SECONDS or yyyy/mm/dd-hh:mm:ss"
        )
    try:
        when = dt.datetime.strptime(word, "%Y/%m/%d-%H:%M:%S").replace(tzinfo=dt.UTC)
    except ValueError:
        raise ScenarioError(f"line {line} has the time {word}, which is no date and time") from None
    return (when - begin).total_seconds()


def _number(line: int, word: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise ScenarioError(f"line {line} has {word[:SHOWN]} where a number must be") from None


# -- HDTN ------------------------------------------------------------------------------------------

_FIELDS = ("source", "dest", "startTime", "endTime", "rateBitsPerSec", "owlt")


def _hdtn(text: str) -> tuple[list[OneWay], list[OneWay], bool]:
    """JSON, read as the YAML that it is, for its lines."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ScenarioError(f"line {error.lineno}: this is not JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise ScenarioError("it is JSON with too long a number, or nested too deep") from None
    data, marks = yamlmarks.parse(text, "it")
    listed = data.get("contacts") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise ScenarioError('line 1 begins JSON without a list "contacts"; HDTN has one')
    contacts, ranges = [], []
    one_by_one = "\n" in text.strip()
    for k, contact in enumerate(listed):
        line = f"line {line_of(marks, ('contacts', k))}"
        place = line if one_by_one else f"contacts[{k}] in {line}"
        given = contact if isinstance(contact, dict) else {}
        for field in _FIELDS:
            if field not in given:
                raise ScenarioError(f"{place} begins a contact without {field}")
            if not isinstance(given[field], int | float):
                raise ScenarioError(f"{place} begins a contact with {field} {given[field]}, no number")
        source, dest, *times_s, bits_s, owlt_s = (given[field] for field in _FIELDS)
        spans_s = [float(t_s) for t_s in times_s]
        contacts.append(_one_way(place, [source, dest], spans_s, bits_s, "bit/s", BITS_PER_MBIT))
        ranges.append(_one_way(place, [source, dest], spans_s, owlt_s, "s"))
    return contacts, ranges, False
