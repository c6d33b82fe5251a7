"""A download over QUIC for so many seconds, with aioquic: `quic.py serve HOST`, `quic.py fetch HOST SECONDS`.

serve takes its congestion control from CONGESTION: reno or cubic. fetch prints throughput and round trip.
"""

import asyncio
import datetime as dt
import json
import os
import ssl
import sys
import time

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PORT, WINDOW_BYTES, BLOCK_BYTES, AHEAD_BYTES = 4433, 16_000_000, 100_000, 1_000_000
OPTIONS = {"alpn_protocols": ["download"], "max_data": WINDOW_BYTES, "max_stream_data": WINDOW_BYTES}


class Source(QuicConnectionProtocol):
    """Sends without end on the stream on which it is asked."""

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.sending = asyncio.ensure_future(self.send(event.stream_id))

    async def send(self, stream_id):
        stream = self._quic._streams[stream_id].sender
        while True:
            if stream._buffer_stop - stream._buffer_start < AHEAD_BYTES:
                self._quic.send_stream_data(stream_id, bytes(BLOCK_BYTES))
                self.transmit()
            await asyncio.sleep(0.001)


class Sink(QuicConnectionProtocol):
    received_bytes = 0

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.received_bytes += len(event.data)


def certify():
    """A key and a certificate of its own, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = dt.datetime.now(dt.UTC)
    day, builder = dt.timedelta(days=1), x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    certificate = builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with open("key.pem", "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, *form))
    with open("certificate.pem", "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))


async def serving(host):
    certify()
    congestion = os.environ.get("CONGESTION", "cubic")
    options = QuicConfiguration(is_client=False, congestion_control_algorithm=congestion, **OPTIONS)
    options.load_cert_chain("certificate.pem", "key.pem")
    await serve(host, PORT, configuration=options, create_protocol=Source)
    print("ready", flush=True)
    open("ready", "w").close()
    await asyncio.Event().wait()


async def fetching(host, seconds):
    options = QuicConfiguration(is_client=True, verify_mode=ssl.CERT_NONE, **OPTIONS)
    async with connect(host, PORT, configuration=options, create_protocol=Sink) as sink:
        begun = time.monotonic()
        sink._quic.send_stream_data(sink._quic.get_next_available_stream_id(), b"go")
        sink.transmit()
        await asyncio.sleep(seconds)
        mbps = 8e-6 * sink.received_bytes / (time.monotonic() - begun)
        print(json.dumps({"metric": "quic_mbps", "value": mbps, "unit": "Mbit/s"}), flush=True)
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(serving(sys.argv[2]) if sys.argv[1] == "serve" else fetching(sys.argv[2], float(sys.argv[3])))
