"""Files over TCP to who collects them: `collect`, or `push TO EVERY_S BYTES again|resume`.

A file that did not get there is sent again: all of it, or from where the collector has it, who tells how long
each took from when it was made.
"""

import json
import socket
import struct
import sys
import threading
import time
from pathlib import Path

PORT, PATIENCE_S, PAUSE_S, AT_ONCE = 7000, 10, 5, 1 << 14
HEAD = struct.Struct("!16sIdQ?")  # who, number, when it was made, bytes, whether to resume
have: dict[tuple[bytes, int], int] = {}  # bytes, by who and number


def collect() -> None:
    server = socket.create_server(("", PORT))
    Path("ready").touch()
    while True:
        threading.Thread(target=take, args=(server.accept()[0],), daemon=True).start()


def take(sock: socket.socket) -> None:
    try:
        sock.settimeout(PATIENCE_S)
        who, number, made_s, size, resumes = HEAD.unpack(sock.recv(HEAD.size, socket.MSG_WAITALL))
        key = who, number
        was_there = have.get(key, 0) >= size
        at = have.get(key, 0) if resumes or was_there else 0
        sock.sendall(struct.pack("!Q", at))
        while at < size:
            part = sock.recv(AT_ONCE)
            if not part:
                return
            at += len(part)
            have[key] = max(at, have.get(key, 0))
        sock.sendall(b"!")
        if not was_there:
            print(json.dumps({"metric": "file_s", "value": time.time() - made_s, "unit": "s"}), flush=True)
    except (OSError, struct.error):
        pass
    finally:
        sock.close()


def push(to: str, every_s: float, size: int, how: str) -> None:
    begin_s, number = time.time(), 0
    while True:
        made_s = begin_s + number * every_s
        time.sleep(max(0, made_s - time.time()))
        while not pushed(to, number, made_s, size, how == "resume"):
            time.sleep(PAUSE_S)
        number += 1


def pushed(to: str, number: int, made_s: float, size: int, resumes: bool) -> bool:
    try:
        with socket.create_connection((to, PORT), timeout=PATIENCE_S) as sock:
            sock.sendall(HEAD.pack(socket.gethostname()[:16].encode(), number, made_s, size, resumes))
            at: int
            (at,) = struct.unpack("!Q", sock.recv(8, socket.MSG_WAITALL))
            while at < size:
                at += sock.send(bytes(min(AT_ONCE, size - at)))
            return sock.recv(1) == b"!"
    except (OSError, struct.error):
        return False


if sys.argv[1] == "collect":
    collect()
else:
    push(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
