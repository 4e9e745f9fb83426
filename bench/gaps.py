"""The longest wait of a 10 ms timer in the real window while the model loads, reads and writes.

Also counts what a flush of the transcript costs with 300 messages above it, at the beginning and
at the end of a reply of 10,000 tokens that arrive at 200 a second or faster.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from desktop.app import Application
from desktop.arguments import Arguments
from desktop.chat_view import ChatView
from desktop.theme import load_theme
from theragen_core.conversation import MessageId, Role
from theragen_core.settings import CONSENT_VERSION, Settings, save

TICK_MS = 10
STRETCH = 1000  # tokens, a few times what is laid out as one block
LONG_TEXT = "It was a long day, and this is how it went. " * 150  # some 1,600 tokens


class GapMeter:
    """Remembers the longest time between two ticks, by what went on meanwhile."""

    def __init__(self) -> None:
        self.longest: dict[str, float] = defaultdict(float)
        self.phase = "starting"
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        self._timer.start()

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self.longest[self.phase] = max(self.longest[self.phase], now - self._last)
        self._last = now


def measure() -> dict[str, object]:
    """Milliseconds of the longest gap in each phase, and of a flush."""
    qt = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        save(Settings(consent=CONSENT_VERSION, country="GB"), settings)
        gaps = _conversation(qt, settings)
    return {"longest_gap_ms": gaps, "flush_ms": _flushes(qt)}


def _conversation(qt: QApplication, settings: Path) -> dict[str, float]:
    application = Application(qt, Arguments(), settings)
    application.show()
    qt.processEvents()
    meter = GapMeter()
    presenter, window = application.presenter, application.window
    meter.phase = "loading"
    _wait(qt, lambda: presenter.model_loaded)
    for words in ("I had a long week at work.", LONG_TEXT, "Thank you for listening."):
        meter.phase = "reading"
        window.composer.submitted.emit(words)
        replies = len(application.session.conversation)
        _wait(qt, lambda: len(application.session.conversation) > replies)  # noqa: B023
        meter.phase = "writing"
        _wait(qt, lambda: not window.actions_.stop.isEnabled())
    application.engine.stop()
    window.close()
    return {phase: round(gap * 1000, 1) for phase, gap in meter.longest.items()}


def _flushes(qt: QApplication) -> dict[str, float]:
    """One reply in a transcript of 300 messages, shown and painted after each piece."""
    view = ChatView(load_theme("light"))
    view.resize(900, 700)
    view.show()
    for number in range(300):
        role = (Role.USER, Role.ASSISTANT)[number % 2]
        view.add_message(MessageId(number), role)
        view.append_text(MessageId(number), "A sentence of some length that was said. " * 3)
        view.finish_message(MessageId(number))
    reply = MessageId(300)
    view.add_message(reply, Role.ASSISTANT)
    costs = [_flush(qt, view, reply, token) for token in range(10_000)]
    return {
        f"first_{STRETCH}_tokens": round(1000 * sum(costs[:STRETCH]) / STRETCH, 2),
        f"last_{STRETCH}_tokens": round(1000 * sum(costs[-STRETCH:]) / STRETCH, 2),
        "worst": round(1000 * max(costs), 1),
    }


def _flush(qt: QApplication, view: ChatView, reply: MessageId, token: int) -> float:
    started = time.perf_counter()
    view.append_text(reply, "word. " if token % 12 == 0 else "word ")
    qt.processEvents()
    return time.perf_counter() - started


def _wait(qt: QApplication, condition: Callable[[], bool], limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the model took too long")
        qt.processEvents()
        time.sleep(0.001)
