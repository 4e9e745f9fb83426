"""Cycles of objects end in the window's thread, whichever thread makes one object too many."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from desktop.collector import Collector


class Cycle:
    """Lost at once, and found by the collector only."""

    def __init__(self, ended_in: list[threading.Thread]) -> None:
        self.me = self
        weakref.finalize(self, lambda: ended_in.append(threading.current_thread()))


def test_cycles_end_in_this_thread_and_soon(qtbot: QtBot) -> None:
    owner = QObject()
    Collector(owner)
    for _ in range(2):  # the first collection is another one than all after it
        ended_in: list[threading.Thread] = []
        Cycle(ended_in)
        made: list[list[object]] = []
        many = 10 * gc.get_threshold()[0]
        other = threading.Thread(target=made.extend, args=[([] for _ in range(many))])
        other.start()
        other.join()
        assert ended_in == []
        qtbot.waitUntil(lambda: bool(ended_in))  # noqa: B023 - called within this turn
        assert ended_in == [threading.main_thread()]
