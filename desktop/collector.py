"""Python's cycle collector, in the window's thread only.

Left to itself it runs in whichever thread makes one object too many. From the thread that waits for
a keyring, or warms up, it would end a closed dialog while Qt works on it here: a crash, and with it
the conversation, that is nowhere else.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 1000


class Collector(QObject):
    """From now on cycles are collected by this object's timer, as often as Python would."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._started = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_EVERY_MS)

    def _collect(self) -> None:
        if not self._started:
            self._started = True
            gc.collect()
            # What stands after the start stays: to look through it each time takes 15 to 40 ms.
            gc.freeze()
            return
        full = [
            count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)
        ]
        if any(full):
            gc.collect(max(generation for generation, is_full in enumerate(full) if is_full))
