"""Waiting for a server that goes away in the middle of a load, and comes back."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

# A Neo4j that was killed is back after 20-40 s on a small machine; a large one replays its log for longer.
SECONDS = 300.0
PAUSE = 1.0
# Seconds after the server is back in which another failure belongs to the same time that it was away.
SAME_TIME = 20.0


class Patience:
    """Does again what failed because the server was away, for a while; several threads may share one.

    The driver's managed transactions retry for a few seconds on their own; this is for what lasts longer, and for a
    connection that was lost during a commit, which the driver cannot repeat as it does not know whether the commit
    was done. So only work that may be done twice must be given to it. ``on_away`` is called once for each time that
    the server is away.
    """

    def __init__(self, on_away: Callable[[], None] | None = None, seconds: float = SECONDS) -> None:
        self._on_away = on_away
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waiting = 0
        self._back = -SAME_TIME
        self._ended = threading.Event()

    def __call__(self, work: Callable[[], Answer]) -> Answer:
        """Return what ``work`` returns; its last error is raised when there is no more time, or after ``end``."""
        from neo4j import exceptions

        began: float | None = None
        try:
            while True:
                try:
                    return work()
                # A commit whose answer was lost is a ServiceUnavailable too.
                except (exceptions.ServiceUnavailable, exceptions.SessionExpired, exceptions.TransientError) as error:
                    # Waiting gives a server no more memory than it was given.
                    if "Memory" in (getattr(error, "code", None) or "") or self._ended.is_set():
                        raise
                    if began is None:
                        began = time.monotonic()
                        self._begin()
                    if time.monotonic() - began > self._seconds:
                        raise
                    self._ended.wait(PAUSE)
        finally:
            if began is not None:
                self._stop()

    def end(self) -> None:
        """Wait no more."""
        self._ended.set()

    def _begin(self) -> None:
        with self._lock:
            # One thread may notice only when another one has its answer already.
            known = self._waiting > 0 or time.monotonic() - self._back < SAME_TIME
            self._waiting += 1
        if not known and self._on_away is not None:
            self._on_away()

    def _stop(self) -> None:
        with self._lock:
            self._waiting -= 1
            self._back = time.monotonic()
