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
        timer = QTimer(self)
        timer.timeout.connect(self._collect)
        timer.start(_EVERY_MS)

    def _collect(self) -> None:
        if not gc.get_freeze_count():
            gc.collect()
            # What stands after the start stays: to look through it each time takes 15 to 40 ms.
            gc.freeze()
            return
        counts, most = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):  # an older one is collected with all younger ones
            if counts[generation] > most[generation]:
                gc.collect(generation)
                return
