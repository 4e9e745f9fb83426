"""How many threads the next piece of work gets: as many as other programs leave cores free.

llama.cpp's threads meet at a barrier some hundred times a token and spin while they wait. Beside a
program that holds one of the cores, that takes ten times as long as one thread less would; see
docs/adr/0009. Knows processor time. Refuses to know models.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

# What systems count apart; the others of theirs are parts of these.
_BUSY = ("user", "system", "nice", "irq", "softirq", "steal")
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds since some moment: by the clock, and at work on the cores that may be used."""

    clock: float
    cores: int
    busy: float  # by all programs together, and by a virtual machine's neighbours
    own: float


class ThreadCount:
    """Between one thread and `most`; a thread of its own looks twice a second until `close`."""

    def __init__(self, most: int, read: Callable[[], Usage] | None = None) -> None:
        self.now = most  # threads for the next call of native code
        self._most = most
        self._read = read or _usage
        self._last = self._read()
        self._closed = threading.Event()
        if most > 1:
            threading.Thread(target=self._keep_looking, daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def look(self) -> None:
        """Count anew, by what other programs did since the last time."""
        before, self._last = self._last, self._read()
        others = (self._last.busy - before.busy) - (self._last.own - before.own)
        free = self._last.cores - max(0.0, others) / (self._last.clock - before.clock)
        self.now = max(1, min(self._most, round(free)))

    def _keep_looking(self) -> None:
        while not self._closed.wait(_EVERY_S):
            self.look()


def _usage() -> Usage:
    times = psutil.cpu_times(percpu=True)
    if hasattr(os, "sched_getaffinity"):
        times = [times[core] for core in os.sched_getaffinity(0) if core < len(times)]
    own = os.times()
    busy = sum(getattr(core, kind, 0.0) for core in times for kind in _BUSY)
    return Usage(time.monotonic(), len(times), busy, own.user + own.system)
