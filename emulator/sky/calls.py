"""How other threads reach one that is busy: it is told to stop, or asked to do something."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from skybed.topologies.errors import ChangeError

Given = TypeVar("Given")
T = TypeVar("T")


class Calls(Generic[Given]):
    """Whoever is called does what others ask between two things of its own, and gives each the same. stopped:
    set by who wants it to stop. over: a sentence for who asks when nothing is done any more.
    """

    def __init__(self, over: str) -> None:
        self._called = threading.Event()
        self.stopped = Stopped(self._called)
        self._asked = deque[tuple[Callable[[Given], Any], Future[Any]]]()
        self._lock = threading.Lock()
        self._over, self._closed = over, False

    # -- by others

    def ask(self, work: Callable[[Given], T]) -> T:
        """Have something done; returns what it gives, once it is done. Raises ChangeError if it is over."""
        answer: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise ChangeError(self._over)
            self._asked.append((work, answer))
        self._called.set()
        return answer.result()

    # -- by the one that is called

    def wait(self, s: float) -> None:
        """Until so much later, or until somebody calls."""
        self._called.wait(s)
        self._called.clear()

    def answer(self, given: Given) -> None:
        """Do what was asked since the last time."""
        while self._asked:
            work, answer = self._asked.popleft()
            try:
                answer.set_result(work(given))
            except Exception as error:
                answer.set_exception(error)

    def close(self) -> None:
        """Do nothing any more."""
        with self._lock:
            self._closed = True
        while self._asked:
            self._asked.popleft()[1].set_exception(ChangeError(self._over))


class Stopped(threading.Event):
    """Is heard at once by who waits for calls."""

    def __init__(self, called: threading.Event) -> None:
        super().__init__()
        self._called = called

    def set(self) -> None:
        super().set()
        self._called.set()
