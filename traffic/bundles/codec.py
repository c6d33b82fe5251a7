"""Bundles as bytes (RFC 9171), by the blocks of pyd3tn: primary, previous node, age, hop count, payload.

The payload block has no CRC of its own: what carries it is TCP, and one in Python would take longer than all
else. Nodes are ipn:NODE.SERVICE.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cbor2
from pyd3tn.bundle7 import (
    EID,
    BlockType,
    BundleProcFlag,
    CanonicalBlock,
    CBORBlock,
    CRCType,
    CreationTimestamp,
    PayloadBlock,
    PrimaryBlock,
)

ARRAY, BREAK = b"\x9f", b"\xff"  # an array of indefinite length, and its end
IPN = 2
STATUS_REPORT = 1
RECORD = int(BundleProcFlag.ADMINISTRATIVE_RECORD)
TIMED = int(BundleProcFlag.REPORT_STATUS_TIME)
UNFRAGMENTED = int(BundleProcFlag.MUST_NOT_BE_FRAGMENTED)
RECEIVED, FORWARDED, DELIVERED, DELETED = range(4)  # places in a status report
REASONS = {"expired": 1, "dropped": 4}  # lifetime expired, depleted storage
REPORTS = {
    RECEIVED: int(BundleProcFlag.REPORT_RECEPTION),
    FORWARDED: int(BundleProcFlag.REPORT_FORWARDING),
    DELIVERED: int(BundleProcFlag.REPORT_DELIVERY),
    DELETED: int(BundleProcFlag.REPORT_DELETION),
}  # by what is reported, the flag that asks for it

Endpoint = tuple[int, int]  # node, service
Identity = tuple[Endpoint, int, int]
Key = tuple[Identity, int, int]  # of a bundle or fragment: offset, bytes


class Unreadable(Exception):
    """What is no bundle, or a damaged one."""


class Bundle(NamedTuple):
    """created_ms: since 2000-01-01 UTC. total: bytes of the payload of which this is a fragment; None: it is
    whole. checked: whether the primary block has a CRC. Blocks that are None are not there.
    """

    source: Endpoint
    target: Endpoint
    report_to: Endpoint
    created_ms: int
    sequence: int
    lifetime_ms: int
    payload: bytes
    flags: int = 0
    offset: int = 0
    total: int | None = None
    checked: bool = True
    previous: int | None = None
    age_ms: int | None = None
    hops: tuple[int, int] | None = None  # limit, count

    @property
    def identity(self) -> Identity:
        """The same for all fragments of one."""
        return self.source, self.created_ms, self.sequence

    @property
    def key(self) -> Key:
        """Of this fragment of it."""
        return self.identity, self.offset, len(self.payload)

    @property
    def whole_bytes(self) -> int:
        """Of the payload, of all its fragments."""
        return len(self.payload) if self.total is None else self.total

    @property
    def is_record(self) -> bool:
        return bool(self.flags & RECORD)

    def cut(self, first: int, last: int) -> Bundle:
        """The fragment with these bytes of this payload (RFC 9171, 5.8)."""
        if first == 0 and last == len(self.payload):
            return self
        return self._replace(
            payload=self.payload[first:last], offset=self.offset + first, total=self.whole_bytes
        )


def encode(bundle: Bundle) -> bytes:
    fragment = BundleProcFlag.IS_FRAGMENT if bundle.total is not None else BundleProcFlag.NONE
    primary = PrimaryBlock(
        bundle_proc_flags=bundle.flags & ~BundleProcFlag.IS_FRAGMENT | fragment,
        crc_type=CRCType.CRC32 if bundle.checked else CRCType.NONE,
        destination=_eid(bundle.target),
        source=_eid(bundle.source),
        report_to=_eid(bundle.report_to),
        creation_time=tuple.__new__(CreationTimestamp, (bundle.created_ms, bundle.sequence)),
        lifetime=bundle.lifetime_ms,
        fragment_offset=bundle.offset,
        total_payload_length=bundle.total,
    )
    parts = [ARRAY, bytes(primary)]
    told = (
        (BlockType.PREVIOUS_NODE, None if bundle.previous is None else _eid((bundle.previous, 0))),
        (BlockType.BUNDLE_AGE, bundle.age_ms),
        (BlockType.HOP_COUNT, bundle.hops),
    )
    for number, (kind, data) in enumerate(told, start=2):
        if data is not None:
            parts.append(bytes(CBORBlock(kind, data, block_number=number, crc_type=CRCType.CRC16)))
    parts += [bytes(PayloadBlock(bytes(bundle.payload), crc_type=CRCType.NONE)), BREAK]
    return b"".join(parts)


def decode(data: bytes) -> Bundle:
    """Raises Unreadable. Blocks that nobody here knows are left out."""
    try:
        first, *others = cbor2.loads(data)
        primary = PrimaryBlock.from_cbor(first)
        payload = CanonicalBlock.from_cbor(others[-1])
        known = {
            block[0]: CanonicalBlock.from_cbor(block) for block in others[:-1] if block[0] in _EXTENSIONS
        }
        _check(primary, *known.values(), payload)
        told = {_EXTENSIONS[kind]: cbor2.loads(block.data) for kind, block in known.items()}
        return Bundle(
            source=_endpoint(primary.source),
            target=_endpoint(primary.destination),
            report_to=_endpoint(primary.report_to),
            created_ms=primary.creation_time[0],
            sequence=primary.creation_time[1],
            lifetime_ms=primary.lifetime,
            payload=payload.data,
            flags=int(primary.bundle_proc_flags & ~BundleProcFlag.IS_FRAGMENT),
            offset=primary.fragment_offset or 0,
            total=primary.total_payload_length,
            checked=primary.crc_type != CRCType.NONE,
            previous=_endpoint(told["previous"])[0] if "previous" in told else None,
            age_ms=told.get("age"),
            hops=tuple(told["hops"]) if "hops" in told else None,
        )
    except (ValueError, TypeError, IndexError, KeyError, EOFError) as why:
        raise Unreadable(str(why)) from None


_EXTENSIONS = {BlockType.PREVIOUS_NODE: "previous", BlockType.BUNDLE_AGE: "age", BlockType.HOP_COUNT: "hops"}


def _check(*blocks: Any) -> None:
    for block in blocks:
        if block.crc_type != CRCType.NONE and block.calculate_crc() != block.crc_provided:
            raise Unreadable(f"block {block.block_number} is damaged")


def glimpsed(head: bytes, size: int) -> Bundle:
    """The bundle of a transfer of `size` bytes of which only a head has come; what is missing of its payload
    is zeros. Such a bundle ends with its payload, which has no CRC, and a break.
    """
    return decode(head + bytes(size - len(head) - 1) + BREAK) if len(head) < size else decode(head)


def begun(head: bytes, size: int) -> Bundle | None:
    """The fragment that the head of a transfer of `size` bytes has brought; None: nothing of its payload."""
    whole = glimpsed(head, size)
    have = len(head) - (size - 1 - len(whole.payload))
    return whole.cut(0, min(have, len(whole.payload))) if have > 0 else None


def _eid(endpoint: Endpoint) -> EID:
    return EID((IPN, endpoint))


def _endpoint(eid: Any) -> Endpoint:
    scheme, own = eid
    if scheme != IPN:
        raise Unreadable(f"an endpoint is of scheme {scheme}, not ipn")
    node, service = own
    return node, service


def report(of: Bundle, what: int, t_ms: int, reason: int = 0) -> bytes:
    """The payload of a status report on a bundle (RFC 9171, 6.1.1); t_ms: when, as DTN time."""
    status = [[place == what, t_ms] if place == what else [False] for place in range(4)]
    about = [status, reason, _eid(of.source), [of.created_ms, of.sequence]]
    if of.total is not None:
        about += [of.offset, len(of.payload)]
    record: bytes = cbor2.dumps([STATUS_REPORT, about])
    return record


class Report(NamedTuple):
    """what: RECEIVED, FORWARDED, DELIVERED or DELETED; about: Bundle.identity."""

    what: int
    t_ms: int
    about: tuple[Endpoint, int, int]


def read_report(payload: bytes) -> Report:
    """Raises Unreadable."""
    try:
        kind, (status, _reason, source, (created_ms, sequence), *_fragment) = cbor2.loads(payload)
        what = next(place for place, told in enumerate(status) if told[0])
        if kind != STATUS_REPORT:
            raise Unreadable(f"a record of kind {kind} is no status report")
        return Report(what, status[what][1], (_endpoint(source), created_ms, sequence))
    except (ValueError, TypeError, IndexError, StopIteration) as why:
        raise Unreadable(str(why)) from None
