"""Who looks on: only with the address, only from this machine, only to read, and nobody waits for them."""

import http.client
import json
import socket
import time

import pytest

from skybed.scripts.running import serving
from skybed.scripts.running.serving import Server


@pytest.fixture
def server():
    with Server() as server:
        yield server


def path_of(server):
    """With the token."""
    return "/" + server.address.split("/", 3)[3]


def asked(server, path=None, method="GET", host=None):
    """(status, headers, text) of what is answered."""
    name, port = server.hosts[0].split(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=10)
    connection.request(method, path or path_of(server), headers={"Host": host or server.hosts[0]})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def events(server, count):
    """The first events that a viewer is told: [kind, data]."""
    name, port = server.hosts[0].split(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=10)
    connection.request("GET", path_of(server) + "events")
    stream, told = connection.getresponse(), []
    while len(told) < count:
        kind, data = stream.readline().decode().split(), stream.readline().decode()
        stream.readline()
        told.append([kind[1], json.loads(data.removeprefix("data: "))])
    connection.close()
    return told


def test_it_listens_on_the_loopback_address_alone(server):
    address = server.address.split("/")[2].split(":")
    assert address[0] == "127.0.0.1" and int(address[1]) > 1023
    with socket.socket() as other, pytest.raises(OSError):
        other.connect(("127.0.0.2", int(address[1])))  # loopback too, but another address


def test_the_page_is_at_the_address_once_it_is_there(server):
    server.waiting = "planning: orbits"
    assert "planning: orbits" in asked(server)[2]
    server.page = "<!doctype html>天"
    status, headers, text = asked(server)
    assert (status, text) == (200, "<!doctype html>天")
    assert headers["Cache-Control"] == "no-store" and headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/", "/events", "/wrong/", "/wrong/events", "//", "/%00/", "/%C3%A9/", "/../"]
)
def test_a_wrong_token_is_refused(server, path):
    server.page = "secret"
    status, _, text = asked(server, path)
    assert status == 403 and "secret" not in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1"])
def test_a_page_that_calls_it_by_another_name_is_refused(server, host):
    assert asked(server, host=host)[0] == 403


def test_it_is_to_be_read_only(server):
    for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        assert asked(server, method=method)[0] == 405
    assert asked(server, method="TRACE")[0] == 501
    assert asked(server, path_of(server) + "elsewhere")[0] == 404


def test_who_comes_late_is_told_the_last_of_each_kind(server):
    server.first = lambda: {"past": [1, 2]}
    for t_s in range(3):
        server.tell("traffic", {"t_s": t_s})
    server.tell("verdict", {"reasons": ["<b>"]})
    assert events(server, 3) == [["past", [1, 2]], ["traffic", {"t_s": 2}], ["verdict", {"reasons": ["<b>"]}]]


def test_nobody_waits_for_a_viewer_that_takes_nothing(server):
    """It is left when its queue is full; what it is told beyond what sockets hold would block."""
    name, port = server.hosts[0].split(":")
    with socket.create_connection((name, int(port))) as viewer:
        viewer.sendall(f"GET {path_of(server)}events HTTP/1.1\r\nHost: {server.hosts[0]}\r\n\r\n".encode())
        assert viewer.recv(1)  # it is welcome
        long = {"x": "x" * 100_000}
        for _ in range(2 * serving.WAITING):
            server.tell("traffic", long)
        deadline_s = time.monotonic() + 60
        while server.viewers and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert server.viewers == 0
    assert events(server, 1) == [["traffic", long]]


def test_there_are_not_more_viewers_than_it_can_bear(server, monkeypatch):
    monkeypatch.setattr(serving, "MOST", 1)
    assert server.welcome() is not None
    assert server.welcome() is None


def test_at_the_end_viewers_are_told_what_there_is():
    with Server() as server:
        name, port = server.hosts[0].split(":")
        connection = http.client.HTTPConnection(name, int(port), timeout=10)
        connection.request("GET", path_of(server) + "events")
        stream = connection.getresponse()
        server.tell("over", {"status": "pass"})
    assert stream.read().decode() == 'event: over\ndata: {"status": "pass"}\n\n'
