# ruff: noqa: E501 (values stand beside one another)
"""Scenarios that nobody means: ready ones with values, fields and texts changed to what breaks programs."""

from __future__ import annotations

import copy
import math
import pathlib

import yaml
from hypothesis import strategies as st

from skybed.topologies.model import kinds, ready
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.yamlmarks import parse
from skybed.topologies.scenario.file import MODELS

READY = ("pair", "ring12", "failures", "dtn-ring", "retasking", "reroute-srv6", "download")
NUMBERS = (
    0, -0.0, 1, -1, 2, 0.01, 0.1, 5e-324, 1e-300, 1e-15, 1e-9, 1e9, 1e15, 1e16, 1e308, -1e308, math.inf, math.nan,
    2**31, 2**31 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**39, 86_400, 2_592_000, 300_000,
)  # fmt: skip
TEXTS = (
    "", " ", "\n", "\0", "a\0b", "\x1b[31m", "\x07", "\x9b2J", "\u202e", "²", "１", "1e400", "1e308", "-1", "0x1p3", "nan",
    "190:20:30", "1_000", "yes", "null", "~", "/dev/zero", "/proc/self/mem", "..", "a" * 5000, "9" * 5000, "%s%n", "{}",
    "{id[0]}", "{n:>3000000000}", "{n.__class__}", "{{ x.y }}", "{% for x in y %}", "ground", "eo-0-0", "all", "none",
    "2026-999T00:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2262-04-12", "53:99999999/3/1 at 550 km",
    "a.py:f", "a.csv", "t_s,value\n0,1e308\n", "[{}]\n", "<a>\n", "1 2\n2 3\n",
)  # fmt: skip
OTHERS = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"a": []},
    {"": 1},
    [0, 0],
    [1, 0],
    [1e308, 5e-324],
    ["x"] * 300,
)
VALUES = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.sampled_from(OTHERS),
    st.floats(), st.integers(), st.text(max_size=20), st.dates(),
)  # fmt: skip
# What stands in a file beside the rest of it.
SNIPPETS = (
    "x: &x [1]\ny: [*x, *x]\n", "x: &x {a: 1}\ny: {<<: *x}\n", "<<: {seed: 5}\n", "x: &x [*x]\n", "? [a]\n: 1\n",
    "x: " + "[" * 60 + "]" * 60 + "\n", "x: " + "9" * 5000 + "\n", "x: !!python/none\n", "x: !!bool a\n", "---\n", "\t",
    "x: &a [1,1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "u: &d [*c,*c,*c,*c,*c,*c,*c,*c]\nv: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nw: [*e,*e,*e,*e,*e,*e,*e,*e]\n",
    "seed: 0b" + "1" * 300 + "\n", "seed: 1\nseed: 2\n", "%YAML 9.9\n", "\ufeff", "a: 'b\n",
)  # fmt: skip


def _small(name: str) -> dict:
    """A ready scenario of some seconds."""
    data, _ = parse(ready.text(name), name)
    return data | {"duration_s": 3}


BASES = {name: _small(name) for name in READY}


def paths(data, path=()):
    """Of all values in nested data."""
    yield path
    for key, value in (
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    ):
        yield from paths(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def _fields(data, path) -> list[str]:
    """What a mapping may have, if it is one of a scenario's."""
    for place, model in MODELS.items():
        if len(place) == len(path) and all(a in ("*", b) for a, b in zip(place, path, strict=True)):
            part = at(data, path)
            if model is Flow:
                model = kinds.model_of(part) if part.get("kind") in kinds.MODULES else Flow
            return [field.alias or name for name, field in model.model_fields.items()]
    return []


@st.composite
def scenarios(draw) -> str:
    """YAML texts."""
    data = copy.deepcopy(BASES[draw(st.sampled_from(READY))])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*paths(data)]))
        part = at(data, path)
        how = draw(st.sampled_from(("value", "value", "field", "gone", "again", "within")))
        if how == "field" and isinstance(part, dict) and (known := _fields(data, path)):
            part[draw(st.sampled_from(known))] = copy.deepcopy(draw(VALUES))
        elif how == "gone" and path:
            del at(data, path[:-1])[path[-1]]
        elif how == "again" and isinstance(part, list):
            part *= draw(st.sampled_from((2, 40)))
        elif how == "within" and path:
            at(data, path[:-1])[path[-1]] = draw(st.sampled_from(([part], {"a": part}, str(part))))
        elif path:
            at(data, path[:-1])[path[-1]] = copy.deepcopy(draw(VALUES))
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text + draw(st.sampled_from((*[""] * 3 * len(SNIPPETS), *SNIPPETS)))


HERE = pathlib.Path(__file__).parent  # where there are none of the files that they name
