"""The Replicate token: in the keyring of the operating system, or for this run only.

The package `keyring` is asked for its back ends one by one, by the names in a list. Its own choice
is not used: an environment variable or a file in the home folder can point that to anything, and
where nothing else is installed it may take one that keeps secrets readable in a file.

Each call may take as long as a person needs to unlock a keyring: call from no thread that has a
window to move. The token is never in a repr, an exception, a log or an argument list.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE, ACCOUNT = "TheraGen", "Replicate"
LIMIT_S = 30.0

_BACK_ENDS = {
    "linux": (
        ("keyring.backends.SecretService", "Keyring"),
        ("keyring.backends.kwallet", "DBusKeyring"),
    ),
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
}

_Result = TypeVar("_Result")


class Trouble(StrEnum):
    """Why the keyring does not hold the token."""

    MISSING = "missing"  # this system has no keyring that can be trusted
    LOCKED = "locked"  # it has, and it was not opened
    SLOW = "slow"  # it did not answer in time
    FAILED = "failed"  # it took the token and did not give it back, or broke


@dataclass(frozen=True, slots=True)
class Stored:
    """A token, or none. With trouble, what is there holds for this run only."""

    token: str = field(default="", repr=False)
    trouble: Trouble | None = None


class TokenStore:
    """One token. What the keyring does not take is kept in memory, and that is said."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._for_this_run = ""

    @property
    def for_this_run(self) -> str:
        """The token that no keyring holds, or an empty string."""
        return self._for_this_run

    def load(self) -> Stored:
        """The token that was saved before."""
        if self._for_this_run:
            return Stored(self._for_this_run)
        return self._ask(lambda ring, _: ring.get_password(SERVICE, ACCOUNT) or "")

    def save(self, token: str) -> Stored:
        """Keep it. It counts as kept once the keyring has given it back."""
        self._for_this_run = ""

        def put(ring: KeyringBackend, in_time: Callable[[], bool]) -> str:
            ring.set_password(SERVICE, ACCOUNT, token)
            if not in_time():  # the person was told that it is not kept
                ring.delete_password(SERVICE, ACCOUNT)
            return ring.get_password(SERVICE, ACCOUNT) or ""

        stored = self._ask(put)
        if stored.trouble is None and stored.token == token:
            return stored
        self._for_this_run = token
        return Stored(token, stored.trouble or Trouble.FAILED)

    def remove(self) -> Stored:
        """Forget it everywhere; with trouble, the keyring may still hold it."""
        self._for_this_run = ""

        def delete(ring: KeyringBackend, _: Callable[[], bool]) -> str:
            if ring.get_password(SERVICE, ACCOUNT) is not None:
                ring.delete_password(SERVICE, ACCOUNT)
            return ring.get_password(SERVICE, ACCOUNT) or ""

        stored = self._ask(delete)
        # Where there is no keyring, there is nothing to remove from it.
        if stored.trouble is Trouble.MISSING:
            return Stored()
        return Stored(trouble=Trouble.FAILED) if stored.token else stored

    def _ask(self, errand: Callable[[KeyringBackend, Callable[[], bool]], str]) -> Stored:
        waiting = threading.Event()
        waiting.set()

        def run() -> Stored:
            ring = next(_rings(), None)
            if ring is None:
                return Stored(trouble=Trouble.MISSING)
            return Stored(errand(ring, waiting.is_set))

        try:
            return _within(self._limit_s, lambda: _without_details(run))
        except TimeoutError:
            waiting.clear()
            return Stored(trouble=Trouble.SLOW)


def _rings() -> Iterator[KeyringBackend]:
    """Those of the list that work here."""
    for module, name in _BACK_ENDS.get(sys.platform, ()):
        try:
            kind = getattr(import_module(module), name)
            kind.priority  # noqa: B018 - raises where the back end cannot work
            ring: KeyringBackend = kind()
        except (ImportError, AttributeError, RuntimeError):
            continue
        yield ring


def _without_details(run: Callable[[], Stored]) -> Stored:
    """Errors of foreign code become trouble; their words may quote anything."""
    from keyring.errors import InitError, KeyringLocked

    try:
        return run()
    except (InitError, KeyringLocked):
        return Stored(trouble=Trouble.LOCKED)
    except Exception as error:  # each back end has its own, and D-Bus has more
        locked = type(error).__name__ in ("LockedException", "PromptDismissedException")
        return Stored(trouble=Trouble.LOCKED if locked else Trouble.FAILED)


def _within(limit_s: float, job: Callable[[], _Result]) -> _Result:
    """The result of `job`; TimeoutError after `limit_s`, and then the job is left to itself."""
    done: queue.SimpleQueue[_Result] = queue.SimpleQueue()
    threading.Thread(target=lambda: done.put(job()), daemon=True, name="keyring").start()
    try:
        return done.get(timeout=limit_s)
    except queue.Empty:
        raise TimeoutError from None
