"""A job that may take long, outside the window's thread; its result comes back as a signal.

A thread of its own and not one of Qt's pool: at the end the pool waits for its threads, and a job
that waits for a keyring that someone should unlock must not keep the program from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal

_ENDED = QEvent.Type(QEvent.registerEventType())


class Job(QObject):
    """Connect `done` to a method of a QObject, which then runs in that object's thread."""

    done = Signal(object)

    def __init__(self, work: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._result: object = None

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="background").start()

    def _run(self) -> None:
        self._result = self._work()
        # The work may hold the last reference to the parent. Let go of in the end of this object,
        # it would end the parent there, whose child this still is: a crash.
        del self._work
        # An event and not the signal: that would still be at work here, with the next receiver,
        # while this object is deleted there.
        with suppress(RuntimeError):  # whoever waited is gone
            QCoreApplication.postEvent(self, QEvent(_ENDED))

    def customEvent(self, event: QEvent) -> None:
        self.done.emit(self._result)
        self.deleteLater()
