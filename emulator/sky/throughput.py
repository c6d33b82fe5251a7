"""What a path carries, by iperf3, bounded in time.

Mininet's own `iperf` waits until its server has told of a connection that nothing came over, which newer
versions of iperf never do.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator

from skybed.emulator.lanes.host import find_tool
from skybed.emulator.sky.node import SkyNode
from skybed.topologies.errors import ChangeError, MachineError

CONNECT_S, PATIENCE_S = 10, 20.0  # to connect; beyond the transfer, for all that comes before and after it


def measure(
    client: SkyNode, server: SkyNode, seconds: int = 5, port: int = 5001, udp_rate: str | None = None
) -> tuple[float, float]:
    """Mbit/s that arrived at the server and that the client sent. udp_rate: as iperf3 takes it, such as 10M;
    None: by TCP. Raises ChangeError, a sentence, where nothing could be measured.
    """
    iperf3, where = find_tool("iperf3"), f"iperf3 from {client.name} to {server.name}"
    if iperf3 is None:
        raise MachineError("iperf3 is not installed; install the package iperf3.")
    listen = [iperf3, "--server", "--one-off", "--port", str(port), "--forceflush"]
    send = [iperf3, "--client", server.IP(), "--port", str(port), "--time", str(seconds), "--json"]
    send += [f"--connect-timeout={CONNECT_S * 1000}", *(["--udp", "--bitrate", udp_rate] if udp_rate else [])]
    with _running(server, listen) as listening:
        assert listening.stdout
        while (line := listening.stdout.readline()) and b"listening" not in line:
            pass
        with _running(client, send) as sending:
            try:
                answer = json.loads(sending.communicate(timeout=seconds + PATIENCE_S)[0])
            except (subprocess.TimeoutExpired, ValueError):
                raise ChangeError(f"{where} gave no answer.") from None
    if "error" in answer:
        raise ChangeError(f"{where}: {answer['error']}.")
    arrived, sent = (answer["end"][way]["bits_per_second"] / 1e6 for way in ("sum_received", "sum_sent"))
    return arrived, sent


@contextlib.contextmanager
def _running(node: SkyNode, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a node, which ends with the block."""
    with node.popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
