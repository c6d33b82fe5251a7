"""A page and what happens, for whoever looks on: HTTP on this machine's loopback address, to be read only.

    with Server() as server:
        print(server.address)       # http://127.0.0.1:PORT/TOKEN/
        server.page = "<!doctype html>..."
        server.tell("traffic", {"t_s": 3.5})

Who has the address, and so the token in it, gets the page at it and what is told at `events` there, as
server-sent events (WHATWG HTML, section 9.2): of each kind what was told last, then all that follows. Nobody
who looks on is waited for: who does not take what is told in time is left, and may come again.
"""

from __future__ import annotations

import hmac
import http.server
import json
import os
import queue
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any

LOOPBACK = "127.0.0.1"
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
PATIENCE_S = 10.0  # with a viewer that takes nothing
ALIVE_S = 5.0  # at least so often it is told something, if only that nothing is new
WAITING = 200  # events that may wait for a viewer
MOST = 32  # viewers at once
LAST_S = 2.0  # at the end, for viewers to take what there is
NOT_YET = '<!doctype html><meta http-equiv="refresh" content="1"><title>skybed</title><p>{}</p>'
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY", "Connection": "close",
}  # fmt: skip


class Server:
    """page: HTML that is shown at the address; "": waiting, a sentence, is shown until there is one. first:
    gives what else a viewer should know first, by kind.
    """

    def __init__(self, waiting: str = "The network is being planned.") -> None:
        self.page, self.waiting = "", waiting
        self.first: Callable[[], Mapping[str, Any]] = dict
        self._token = secrets.token_urlsafe(16)
        self._last: dict[str, bytes] = {}
        self._viewers: set[queue.Queue[bytes | None]] = set()
        self._lock = threading.Lock()
        self._none_left = threading.Condition(self._lock)
        self._http = http.server.ThreadingHTTPServer((LOOPBACK, 0), partial(_Viewer, self))
        self._http.daemon_threads, self._http.block_on_close = True, False
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.2,), daemon=True)

    @property
    def hosts(self) -> tuple[str, str]:
        """What a browser may call this server. Another name is one that somebody else's page has made up."""
        return f"{LOOPBACK}:{self._http.server_port}", f"localhost:{self._http.server_port}"

    @property
    def address(self) -> str:
        return f"http://{self.hosts[0]}/{self._token}/"

    def announce(self) -> None:
        """Say where it is, and open it where there is a screen."""
        print(f"Look on at {self.address}", file=sys.stderr, flush=True)
        if any(os.environ.get(name) for name in DISPLAYS):
            webbrowser.open(self.address)

    def knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Viewers are given LAST_S to take what was told."""
        with self._lock:
            leaving = [*self._viewers]
        for viewer in leaving:
            self._give(viewer, None)
        with self._none_left:
            self._none_left.wait_for(lambda: not self._viewers, LAST_S)
        self._http.shutdown()
        self._http.server_close()

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """All who look on, and those who come later, until something else of this kind is told."""
        event = _event(kind, data)
        with self._lock:
            self._last[kind] = event
            viewers = [*self._viewers]
        for viewer in viewers:
            self._give(viewer, event)

    def welcome(self) -> queue.Queue[bytes | None] | None:
        """A viewer's queue, with what it should know first; None: there are too many viewers."""
        viewer: queue.Queue[bytes | None] = queue.Queue(WAITING)
        for kind, data in self.first().items():
            viewer.put_nowait(_event(kind, data))
        with self._lock:
            if len(self._viewers) >= MOST:
                return None
            for event in self._last.values():
                viewer.put_nowait(event)
            self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: queue.Queue[bytes | None]) -> None:
        with self._none_left:
            self._viewers.discard(viewer)
            self._none_left.notify_all()

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    def waits_for(self, viewer: queue.Queue[bytes | None]) -> bool:
        return viewer in self._viewers

    def _give(self, viewer: queue.Queue[bytes | None], event: bytes | None) -> None:
        try:
            viewer.put_nowait(event)
        except queue.Full:
            self.leave(viewer)


def _event(kind: str, data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class _Viewer(http.server.BaseHTTPRequestHandler):
    """One request."""

    timeout = PATIENCE_S
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "skybed", ""

    def __init__(self, of: Server, *connection: Any) -> None:
        self._of = of
        super().__init__(*connection)

    def do_GET(self) -> None:
        token, _, where = self.path.split("?")[0].removeprefix("/").partition("/")
        if self.headers.get("Host") not in self._of.hosts or not self._of.knows(token):
            self._answer(HTTPStatus.FORBIDDEN, "The address is not that of this page.")
        elif where == "events":
            self._events()
        elif not where:
            self._answer(HTTPStatus.OK, self._of.page or NOT_YET.format(self._of.waiting), "text/html")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _only_read(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "This is to be read only.")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _only_read

    def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self._head(status, kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        for name, value in HEADERS.items():
            self.send_header(name, value)

    def _events(self) -> None:
        viewer = self._of.welcome()
        if viewer is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "Too many look on; come again.")
            return
        try:
            self._head(HTTPStatus.OK, "text/event-stream")
            self.end_headers()
            while self._of.waits_for(viewer):
                try:
                    event = viewer.get(timeout=ALIVE_S)
                except queue.Empty:
                    event = b": nothing new\n\n"
                if event is None:
                    break
                self.wfile.write(event)
        except OSError:  # it has gone, or takes nothing
            pass
        finally:
            self._of.leave(viewer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it, and the token is in it."""
