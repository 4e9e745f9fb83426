"""Has the model read what a person is writing, so that after Enter hardly anything remains.

Knows when to ask. What is asked for is the session's affair, which asks for nothing in the cloud;
what is read this way is never shown, and goes to no one but the children.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from PySide6.QtCore import QObject, QTimer

from desktop.engine_client import EngineClient
from desktop.guard_client import GuardClient
from theragen_core.protocol import NO_TURN, Assess, Cancel, Prefill
from theragen_core.session import Ask, Outcomes

PAUSE_MS = 500  # without a key, after which a last word counts as whole


class ReadAheadChoice(StrEnum):
    ALWAYS = "always"
    PLUGGED_IN = "plugged_in"
    NEVER = "never"


def chosen(choice: str) -> ReadAheadChoice:
    """An edited settings file may say anything."""
    return ReadAheadChoice(choice) if choice in list(ReadAheadChoice) else ReadAheadChoice.ALWAYS


class ReadAhead(QObject):
    """Asks for what `wanted` gives when it is told whether the person has paused."""

    def __init__(
        self,
        wanted: Callable[[bool], Outcomes],
        engine: EngineClient,
        guard: GuardClient,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.choice = ReadAheadChoice.ALWAYS
        self._wanted = wanted
        self._engine = engine
        self._guard = guard
        self._asked = Prefill()
        # Sending empties the composer too: what follows from that is seen when it is over.
        self._soon = _timer(self, 0, self._on_soon)
        self._pause = _timer(self, PAUSE_MS, self._on_pause)

    def follow(self) -> None:
        """The draft has changed."""
        self._soon.start()
        self._pause.start()

    def start_anew(self) -> None:
        """A turn ended, or a model was loaded: there may be something to read without a draft."""
        self._asked = Prefill()
        self._soon.start()

    def _on_soon(self) -> None:
        self._read(paused=False)

    def _on_pause(self) -> None:
        self._read(paused=True)

    def _read(self, paused: bool) -> None:
        if not self._allowed():
            return
        for outcome in self._wanted(paused):
            match outcome:
                case Ask(command=Prefill() as ahead) if ahead != self._asked:
                    if not _goes_on(self._asked, ahead):
                        self._engine.send(Cancel(NO_TURN))
                    self._asked = ahead
                    self._engine.send(ahead)
                case Ask(command=Assess() as assess):
                    self._guard.read_ahead(assess)

    def _allowed(self) -> bool:
        if self.choice is ReadAheadChoice.PLUGGED_IN:
            from theragen_core import hardware  # brings psutil, which start-up does without

            return not hardware.on_battery()
        return self.choice is ReadAheadChoice.ALWAYS


def _goes_on(before: Prefill, now: Prefill) -> bool:
    """Whether what was asked for is still the beginning of what is asked for now."""
    *whole, last = before.messages or (None,)
    if last is None:
        return True
    count = len(whole)
    return (
        now.messages[:count] == tuple(whole)
        and len(now.messages) > count
        and now.messages[count].text.startswith(last.text)
    )


def _timer(parent: QObject, milliseconds: int, then: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(then)
    return timer
