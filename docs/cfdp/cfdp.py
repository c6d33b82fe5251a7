"""A file by CFDP (CCSDS 727.0-B-5) over UDP, with cfdp-py: class 1 sends once, class 2 till all is there.

cfdp.py receive                     until it is ended
cfdp.py send NODE CLASS BYTES KBPS  one file
"""

import contextlib
import hashlib
import json
import random
import select
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path

from cfdppy.exceptions import PduIgnoredForDest, PduIgnoredForSource
from cfdppy.handler.dest import DestHandler
from cfdppy.handler.source import SourceHandler
from cfdppy.mib import (
    CheckTimerProvider,
    DefaultFaultHandlerBase,
    IndicationConfig,
    LocalEntityConfig,
    RemoteEntityConfig,
    RemoteEntityConfigTable,
)
from cfdppy.request import PutRequest
from cfdppy.user import CfdpUserBase
from spacepackets.cfdp import ChecksumType, ConditionCode, TransmissionMode
from spacepackets.cfdp.pdu import PduFactory
from spacepackets.countdown import Countdown
from spacepackets.seqcount import SeqCountProvider
from spacepackets.util import ByteFieldU16

PORT = 5111
SOURCE, DESTINATION = ByteFieldU16(1), ByteFieldU16(2)
SEGMENT_BYTES = 1024
WAIT_S = 0.01  # for what comes, before timers are looked at again
MODES = {"1": TransmissionMode.UNACKNOWLEDGED, "2": TransmissionMode.ACKNOWLEDGED}


def tell(metric, value, unit=""):
    print(json.dumps({"metric": metric, "value": value, "unit": unit}))


def content(count):
    """What is sent: the same bytes at both ends."""
    return random.Random(1).randbytes(count)


def quiet(base):
    """A user, or a handler of faults, that says nothing."""
    return type("Quiet", (base,), dict.fromkeys(base.__abstractmethods__, lambda *_, **__: None))


class User(quiet(CfdpUserBase)):
    finished = None

    def transaction_finished_indication(self, params):
        self.finished = params.finished_params


class Timers(CheckTimerProvider):
    def provide_check_timer(self, local_entity_id, remote_entity_id, entity_type):
        return Countdown(timedelta(seconds=5))


def entity(own, other, user):
    remote = RemoteEntityConfig(
        entity_id=other,
        max_packet_len=SEGMENT_BYTES + 64,
        max_file_segment_len=SEGMENT_BYTES,
        closure_requested=False,
        crc_on_transmission=False,
        default_transmission_mode=TransmissionMode.ACKNOWLEDGED,
        crc_type=ChecksumType.CRC_32,
        positive_ack_timer_interval_seconds=2.0,
        positive_ack_timer_expiration_limit=10,
        nak_timer_interval_seconds=2.0,
        nak_timer_expiration_limit=10,
    )
    local = LocalEntityConfig(own, IndicationConfig(), quiet(DefaultFaultHandlerBase)())
    return local, user, RemoteEntityConfigTable([remote]), Timers()


def step(handler, sock, to, pace_s=0.0):
    """Hand over what has come, and send what that asks for. Returns who sent."""
    ready, _, _ = select.select([sock], [], [], 0.0 if pace_s else WAIT_S)
    data, to = sock.recvfrom(65536) if ready else (None, to)
    with contextlib.suppress(PduIgnoredForDest, PduIgnoredForSource):  # it has come twice
        handler.state_machine(PduFactory.from_raw(data) if data else None)
    while handler.packets_ready:
        sock.sendto(handler.get_next_packet().pack(), to)
        time.sleep(pace_s)
    return to


def receive():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", PORT))
    user = User()
    handler, sender = DestHandler(*entity(DESTINATION, SOURCE, user)), None
    while True:
        sender = step(handler, sock, sender)
        if user.finished:
            got, name = Path("received").read_bytes(), Path("received")
            whole = content(len(got))
            tell("received_bytes", len(got))
            tell("whole", int(hashlib.sha256(got).digest() == hashlib.sha256(whole).digest()))
            tell("no_error", int(user.finished.condition_code == ConditionCode.NO_ERROR))
            name.unlink()
            user.finished = None


def send(node, mode, count, kbps):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    Path("file").write_bytes(content(count))
    user, begun = User(), time.time()
    handler = SourceHandler(*entity(SOURCE, DESTINATION, user), SeqCountProvider(16))
    handler.put_request(PutRequest(DESTINATION, Path("file"), Path("received"), MODES[mode], False))
    pace_s, sent_all = 8 * (SEGMENT_BYTES + 64) / (1000 * kbps), False
    while not user.finished:
        step(handler, sock, (node, PORT), 0.0 if sent_all else pace_s)
        sent_all = sent_all or handler.progress >= count
    tell("put_s", time.time() - begun, "s")


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive()
    else:
        send(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
