"""Whether processes that a test did not start itself have ended."""

from __future__ import annotations

import time

import psutil


def is_alive(process: psutil.Process) -> bool:
    """A zombie has ended, even where nobody collects it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_end(process: psutil.Process, timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while is_alive(process):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)
