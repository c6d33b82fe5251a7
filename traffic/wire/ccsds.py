"""CCSDS Space Packets (133.0-B-2) with the secondary headers of PUS-C (ECSS-E-ST-70-41C), as bytes.

Telemetry has CDS short time stamps (301.0-B-4: days since 1958 and ms, UTC), telecommands ask for reports of
acceptance and of completion (service 1); both end with the packet error control, a CRC-16 (CCITT).
"""

from __future__ import annotations

import binascii
import struct
from typing import NamedTuple

PRIMARY = struct.Struct(
    "!HHH"
)  # version, type, secondary header flag, APID; flags and sequence count; length - 1
TM = struct.Struct(
    "!BBBHH"
)  # PUS version and time status; service; subtype; message type counter; destination
TC = struct.Struct("!BBBH")  # PUS version and what is to be reported; service; subtype; source
CDS = struct.Struct("!BHI")  # P-field; days; ms of the day
CRC = struct.Struct("!H")
COMMAND, SECONDARY, WHOLE = 0x1000, 0x0800, 0xC000  # bits of the first two words; WHOLE: unsegmented
COUNTS = 1 << 14  # of sequence counts
IDLE_APID = 0x7FF
PUS_C, CDS_SHORT = 2, 0x40
REPORTED = 0b1001  # acceptance and completion
TM_LEAST = PRIMARY.size + TM.size + CDS.size + CRC.size
TC_LEAST = PRIMARY.size + TC.size + CRC.size
DAY_MS = 86_400_000
UNIX_DAY = 4383  # from 1958 to 1970
ACCEPTED, COMPLETED = 1, 7  # subtypes of service 1
VERIFICATION, HOUSEKEEPING, TEST = 1, 3, 17  # services
PERIODIC, ALIVE = 25, 1  # subtypes: a housekeeping report; are you alive?


class Header(NamedTuple):
    """Of a packet whose error control is right. request: of a report of service 1, the first four bytes of
    the telecommand that it is of; else b"".
    """

    command: bool
    apid: int
    sequence: int
    service: int
    subtype: int
    request: bytes


def telemetry(
    apid: int, count: int, service: int, subtype: int, number: int, unix_ns: int, data: bytes
) -> bytes:
    """number: of messages of this service and subtype. count, number: wrap by themselves."""
    days, ms = divmod(unix_ns // 1_000_000, DAY_MS)
    secondary = TM.pack(PUS_C << 4, service, subtype, number & 0xFFFF, 0)
    return _packet(apid, count, 0, secondary + CDS.pack(CDS_SHORT, days + UNIX_DAY, ms) + data)


def telecommand(apid: int, count: int, service: int, subtype: int, data: bytes) -> bytes:
    return _packet(apid, count, COMMAND, TC.pack(PUS_C << 4 | REPORTED, service, subtype, 0) + data)


def _packet(apid: int, count: int, kind: int, rest: bytes) -> bytes:
    length = len(rest) + CRC.size
    head = PRIMARY.pack(kind | SECONDARY | apid, WHOLE | count % COUNTS, length - 1)
    return head + rest + CRC.pack(binascii.crc_hqx(head + rest, 0xFFFF))


def read(packet: bytes) -> Header | None:
    """None for what is no such packet, or damaged."""
    if len(packet) < TC_LEAST or binascii.crc_hqx(packet, 0xFFFF):
        return None
    word, sequence, length = PRIMARY.unpack_from(packet)
    command = bool(word & COMMAND)
    if length + 1 != len(packet) - PRIMARY.size or (not command and len(packet) < TM_LEAST):
        return None
    _, service, subtype = packet[PRIMARY.size : PRIMARY.size + 3]
    request = packet[TM_LEAST - CRC.size :][:4] if not command and service == VERIFICATION else b""
    return Header(command, word & IDLE_APID, sequence % COUNTS, service, subtype, request)


def counted(count: int, last: int) -> int:
    """The whole number of a packet by its count, as near as can be to that of the last one."""
    return last + (count - last + COUNTS // 2) % COUNTS - COUNTS // 2
