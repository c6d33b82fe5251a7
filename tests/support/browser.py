"""What a real browser makes of a page."""

import base64
import contextlib
import json
import os
import subprocess
import time

WAITED_S = 30
SIZE = {"width": 1280, "height": 800}  # of the window, px
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def shown(page, folder):
    """The document of a file as chromium has it, with a fresh profile in `folder` and no network."""
    options = [*OPTIONS, f"--user-data-dir={folder}/profile", "--dump-dom"]
    return subprocess.run(
        ["chromium", *options, page.as_uri()], capture_output=True, text=True, timeout=60
    ).stdout


class Browser:
    """A page that is open in chromium, driven over a pipe by the DevTools protocol.

    asked: what the page asked of any network; errors: what its scripts threw.
    """

    def __init__(self, send, receive):
        self._send, self._receive = send, receive
        self._number, self._rest, self._session = 0, b"", None
        self.asked, self.errors = [], []

    def call(self, method, **params):
        """A command of the protocol, and what it answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def _next(self):
        while b"\0" not in self._rest:
            part = os.read(self._receive, 1 << 20)
            if not part:
                raise RuntimeError("chromium has ended")
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        return message

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", **SIZE, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=url)

    def close(self):
        self._session = None
        self.call("Browser.close")

    def until(self, script):
        """Waits until an expression is true."""
        deadline_s = time.monotonic() + WAITED_S
        while not self._is(script):
            assert time.monotonic() < deadline_s, f"{script} is not true after {WAITED_S} s; {self.errors}"
            time.sleep(0.02)

    def _is(self, script):
        try:
            return self.does(script)
        except RuntimeError as error:
            if "navigated" not in str(error):
                raise
            return False  # another page is being opened in its place

    def does(self, script):
        """The value of an expression of JavaScript in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def press(self, key, shift=False):
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 * shift,
                **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    def click(self, x, y, shift=False):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, modifiers=8 * shift, **button)

    def drag(self, x, y, dx, dy):
        steps = [("mousePressed", x, y), ("mouseMoved", x + dx, y + dy), ("mouseReleased", x + dx, y + dy)]
        for kind, at_x, at_y in steps:
            self.call("Input.dispatchMouseEvent", type=kind, x=at_x, y=at_y, button="left", clickCount=1)

    def picture(self):
        """PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def opened(page, folder, fragment=""):
    """A file, or the address of a page, in chromium, with a fresh profile in `folder`."""
    (their_in, send), (receive, their_out) = os.pipe(), os.pipe()
    options = [*OPTIONS, f"--user-data-dir={folder}/profile", "--remote-debugging-pipe"]
    # The browser reads its descriptor 3 and writes to 4.
    script = f'exec chromium "$@" 3<&{their_in} 4>&{their_out}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *options], pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(their_in)
    os.close(their_out)
    browser = Browser(send, receive)
    try:
        browser.open((page if isinstance(page, str) else page.as_uri()) + fragment)
        yield browser
    finally:
        with contextlib.suppress(RuntimeError, OSError):
            browser.close()
        for end in (send, receive):
            os.close(end)
        process.wait(20)
