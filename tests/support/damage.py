"""Run directories that somebody damaged: tables and JSON files, changed to what breaks programs."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS = (0, -1, 1e15, -1e15, 1e308, float("inf"), float("nan"), 2**31, 2**53 + 1, 2**62, -(2**62), 5e-324)
TEXTS = (
    "",
    "\0",
    "\x1b[31m",
    "\x9b2J",
    "\u202e",
    "a" * 5000,
    "..",
    "<script>",
    "eo-0-0",
    "{}",
    "9" * 5000,
    "\udc80",
)
OTHERS = (
    None,
    True,
    [],
    {},
    [[]],
    {"": 1},
    [None],
    "x",
    -1,
    1e308,
    2**70,
    0.5,
    "2026-01-01",
    "[" * 5000,
    "\x1b[2J",
)


def damage(folder, chance):
    """Change something in a run directory. Returns what, in words. chance: a random.Random."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = chance.choice(files)
    if chance.random() < 0.2:
        how = _bytes
    else:
        how = {".parquet": _table, ".json": _json}.get(path.suffix, _bytes)
    return f"{path.relative_to(folder)}: {how(path, chance, files)}"


def _bytes(path, chance, files):
    whole = path.read_bytes()
    way = chance.choice(
        ("truncated", "zeros", "empty", "gone", "directory", "another's", "doubled", "binary")
    )
    at = chance.randrange(len(whole) or 1)
    match way:
        case "gone" | "directory":
            path.unlink()
            if way == "directory":
                path.mkdir()
        case "another's":
            same = [other for other in files if other.suffix == path.suffix]
            path.write_bytes(chance.choice(same).read_bytes())
        case _:
            path.write_bytes({
                "truncated": whole[:at], "zeros": whole[:at] + bytes(20) + whole[at + 20 :], "empty": b"",
                "doubled": whole * 2, "binary": chance.randbytes(200),
            }[way])  # fmt: skip
    return f"{way} at {at}"


def _table(path, chance, files):
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):  # damaged already
        return _bytes(path, chance, files)
    if not table.num_columns:
        return _bytes(path, chance, files)
    place = chance.randrange(table.num_columns)
    name, column = table.column_names[place], table.column(place)
    way = chance.choice(
        (
            "without",
            "empty",
            "text",
            "whole numbers",
            "numbers",
            "nulls",
            "value",
            "twice",
            "turned",
            "lists",
            "one",
            "extra",
        )
    )
    match way:
        case "without":
            table = table.drop_columns([name])
        case "empty":
            table = table.slice(0, 0)
        case "one":
            table = table.slice(chance.randrange(max(1, len(table))), 1)
        case "twice":
            table = pa.concat_tables([table, table])
        case "turned":
            table = table.take(pa.array(range(len(table) - 1, -1, -1), pa.int64()))
        case "extra":
            table = table.append_column("\x1b[31m", pa.nulls(len(table)))
        case _:
            values = column.to_pylist()
            if way == "value":
                for row in {chance.randrange(len(values) or 1) for _ in range(3)} if values else ():
                    number = isinstance(values[row], int | float) and not isinstance(values[row], bool)
                    values[row] = chance.choice(NUMBERS if number else TEXTS)
                array = (
                    _array(values, column.type) or _array(values, pa.float64()) or pa.array(map(repr, values))
                )
            else:
                array = {
                    "text": lambda: pa.array([str(x) for x in values], pa.string()),
                    "whole numbers": lambda: pa.array(range(len(values)), pa.int64()),
                    "numbers": lambda: pa.array([float(chance.choice(NUMBERS)) for _ in values]),
                    "nulls": lambda: pa.nulls(len(values), column.type),
                    "lists": lambda: pa.array([[1]] * len(values)),
                }[way]()
            table = table.set_column(place, name, array)
    pq.write_table(table, path)
    return f"{name} {way}"


def _array(values, kind):
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
        return None


def _json(path, chance, files):
    try:
        data = json.loads(path.read_text())
    except ValueError:
        return _bytes(path, chance, files)
    places = [(data, key) for key in _keys(data)]
    for value in [*(data.values() if isinstance(data, dict) else data)]:
        places += [(value, key) for key in _keys(value)]
    if not places:
        return _bytes(path, chance, files)
    of, key = chance.choice(places)
    way = chance.choice(("without", "other", "number", "text", "extra"))
    match way:
        case "without":
            del of[key]
        case "extra" if isinstance(of, dict):
            of["\x1b[31m"] = 1
        case _:
            of[key] = chance.choice({"number": NUMBERS, "text": TEXTS}.get(way, OTHERS))
    path.write_text(json.dumps(data))
    return f"{key} {way}"


def _keys(data):
    return list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
