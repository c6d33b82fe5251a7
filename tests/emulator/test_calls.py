"""Threads that call one that is busy: what they ask is done by it, in order, and each gets its answer."""

import threading

import pytest

from skybed.emulator.sky.calls import Calls
from skybed.topologies.errors import ChangeError


@pytest.fixture
def busy():
    """One that waits for a minute at a time, until it is told to stop; it gives each who asks its thread."""
    calls = Calls("It is over.")

    def work():
        while not calls.stopped.is_set():
            calls.wait(60)
            calls.answer(threading.current_thread())
        calls.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield calls, thread
    calls.stopped.set()
    thread.join(10)
    assert not thread.is_alive()


def test_what_is_asked_is_done_at_once_and_in_the_thread_that_is_called(busy):
    calls, thread = busy
    assert calls.ask(lambda given: given) is thread
    assert [calls.ask(lambda _, n=n: n) for n in range(100)] == list(range(100))


def test_what_goes_wrong_is_for_who_asked(busy):
    calls, _ = busy
    with pytest.raises(OSError, match="refused"):
        calls.ask(lambda _: (_ for _ in ()).throw(OSError("refused")))
    assert calls.ask(lambda _: "goes on") == "goes on"


def test_who_asks_when_it_is_over_is_told():
    calls = Calls("It is over.")
    said = []

    def ask():
        try:
            calls.ask(len)
        except ChangeError as why:
            said.append(str(why))

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not said:
        calls.close()
        waiting.join(0.01)
    assert said == ["It is over."]
    with pytest.raises(ChangeError, match=r"It is over\."):
        calls.ask(len)
