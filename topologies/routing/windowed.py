"""A long table in pieces of time: how it is cut, stored and read, so that none holds the whole of it.

A table is an array of rows sorted by t_s. Its pieces lie end to end from run time 0, WINDOW_S each; the last
may be shorter. On disk a piece is a row group of a Parquet file.
"""

from __future__ import annotations

import contextlib
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies.errors import RunError
from skybed.topologies.files import whole

WINDOW_S = 1800.0

T = TypeVar("T")
Append = Callable[[Mapping[str, pa.Array]], None]


@dataclass(frozen=True)
class Pieces:
    """A table by its pieces, which `again` works out, or reads, whenever they are gone through."""

    again: Callable[[], Iterator[np.ndarray]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.again()

    def whole(self) -> np.ndarray:
        """All rows in one array. Of a long table go through the pieces."""
        return np.concatenate(list(self))

    def kept(self) -> Pieces:
        """The same pieces, held in memory from now on."""
        held = list(self)
        return Pieces(lambda: iter(held))


def count(until_s: float) -> int:
    """How many pieces there are up to a run time."""
    return max(1, math.ceil(until_s / WINDOW_S))


def index(t_s: float) -> int:
    """The number of the piece that an instant is in."""
    return int(t_s // WINDOW_S)


def cut(rows: np.ndarray, until_s: float) -> list[np.ndarray]:
    """The pieces of a whole table."""
    ends_s = np.arange(1, count(until_s)) * WINDOW_S
    return np.split(rows, np.searchsorted(rows["t_s"], ends_s))


@contextlib.contextmanager
def growing(path: pathlib.Path, schema: pa.Schema) -> Iterator[Append]:
    """A function that adds a piece, by its columns, to a stored table. It appears when the block ends."""
    with whole(path) as unfinished, pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:

        def append(columns: Mapping[str, pa.Array]) -> None:
            piece = pa.table(columns, schema=schema)
            writer.write_table(piece, row_group_size=max(1, len(piece)))  # by default 2**20 rows at most

        yield append


def write(path: pathlib.Path, dtype: np.dtype, pieces: Iterable[np.ndarray]) -> None:
    """Store pieces as they come."""
    names = dtype.names or ()
    schema = pa.schema([(name, pa.from_numpy_dtype(dtype[name])) for name in names])
    with growing(path, schema) as append:
        for piece in pieces:
            append({name: pa.array(np.ascontiguousarray(piece[name])) for name in names})


def stored(path: pathlib.Path, read: Callable[[pathlib.Path], T]) -> T:
    """What `read` makes of a part of a stored plan. Raises RunError if it is missing or damaged."""
    if not path.is_file():
        raise RunError(f"{path}: this part of the plan is missing; make the plan again.")
    try:
        return read(path)
    except (OSError, ValueError):
        raise damaged(path) from None


def damaged(path: pathlib.Path) -> RunError:
    """For a part of a stored plan that cannot be read."""
    return RunError(f"{path}: this part of the plan is damaged; make the plan again.")


def other_version(path: pathlib.Path, what: str) -> RunError:
    """For a part of a stored plan that has something else than this version writes."""
    return RunError(
        f"{path}: this part of the plan has {what}, it was written by another version of skybed; make the "
        "plan again."
    )


def check(path: pathlib.Path, dtype: np.dtype, until_s: float) -> None:
    """Raise RunError if a file cannot be read as pieces."""
    file = stored(path, pq.ParquetFile)
    lacking = [name for name in dtype.names or () if name not in file.schema_arrow.names]
    if lacking or file.num_row_groups != count(until_s):
        what = f"no column {lacking[0]}" if lacking else "pieces of another length"
        raise other_version(path, what)


def check_numbers(path: pathlib.Path, columns: Mapping[str, np.ndarray], most: Mapping[str, int]) -> None:
    """Raise RunError where columns of a part of a plan number what is not in it; -1 is for none."""
    for name, numbers in columns.items():
        if len(numbers) and not -1 <= numbers.min() <= numbers.max() < most[name]:
            raise RunError(
                f"{path}: this part of the plan is of another one: its {name} go from {numbers.min()} to "
                f"{numbers.max()}, and there are {most[name]}; make the plan again."
            )


def read(path: pathlib.Path, dtype: np.dtype, most: Mapping[str, int]) -> Iterator[np.ndarray]:
    """The pieces of a stored table, each read when it is asked for. most: of what columns number, how many
    there are. Raises RunError for what does not belong to such a plan.
    """
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            try:
                table = file.read_row_group(number, columns=list(dtype.names or ()))
            except (OSError, ValueError):
                raise damaged(path) from None
            rows = np.empty(table.num_rows, dtype)
            for name in dtype.names or ():
                try:
                    with np.errstate(all="raise"):
                        rows[name] = table[name].to_numpy()
                    finite = np.isfinite(rows[name]).all()
                except (ValueError, TypeError, FloatingPointError):
                    finite = False
                if not finite:
                    raise other_version(path, f"no numbers in its column {name}")
            check_numbers(path, {name: rows[name] for name in most}, most)
            yield rows
