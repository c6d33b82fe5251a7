"""Arrays and what is told of them as one text that a page unpacks with what browsers have.

Deflated (zlib), then base64. Unpacked: the length of the head as uint32, the head (JSON, UTF-8), and the
arrays one after the other, little-endian, each at a multiple of ALIGNED bytes behind the head. `arrays` in
the head has of each its type, where it begins, and its length.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

ALIGNED = 8
LENGTH = 4  # bytes of the length of the head
TYPES = {"u1": "Uint8Array", "u2": "Uint16Array", "u4": "Uint32Array", "i2": "Int16Array", "i4": "Int32Array",
         "f4": "Float32Array", "f8": "Float64Array"}  # fmt: skip
NARROW = ("u1", "u2", "u4")


def narrow(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 on in the smallest type that has room for them."""
    most = int(numbers.max(initial=0))
    return numbers.astype(next(kind for kind in NARROW if most <= np.iinfo(kind).max))


def offsets(counts: np.ndarray) -> np.ndarray:
    """Where each of several lists begins that stand one after the other, and where the last one ends."""
    return narrow(np.concatenate([[0], np.cumsum(counts)]))


def packed(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """facts: what JSON can hold; arrays: of one dimension, of TYPES."""
    index, parts, at = {}, [], 0
    for name, array in arrays.items():
        body = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        index[name] = [TYPES[array.dtype.str[1:]], at, len(array)]
        parts.append(_aligned(body))
        at += len(parts[-1])
    head = json.dumps({**facts, "arrays": index}, ensure_ascii=False, separators=(",", ":")).encode()
    before = len(head).to_bytes(LENGTH, "little")
    return base64.b64encode(zlib.compress(_aligned(before + head) + b"".join(parts), 9)).decode()


def _aligned(body: bytes) -> bytes:
    return body + bytes(-len(body) % ALIGNED)
