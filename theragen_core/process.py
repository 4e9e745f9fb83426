"""What a process of TheraGen does about itself before it touches a conversation."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def forbid_memory_dumps() -> None:
    """No core file and no debugger of the same user may hold what was said."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def end_with_parent() -> None:
    """Ask Linux to kill this process with its parent, even while it is stopped or hung.

    Elsewhere the end of stdin does the same for a process that is able to run.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if sys.platform != "win32" else 0)


def outlive_parent() -> None:
    """Take that back: this process ends by itself, when its stdin does."""
    _prctl(_PR_SET_PDEATHSIG, 0)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
