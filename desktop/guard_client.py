"""The window's side of the guard: the child that reads between the lines.

It is the same program as the engine's, started without a model. It is started once the window
stands, and once more after a fault; then rules stand alone, and the session is told. A guard that
does not answer in time is as good as none: a person in need waits for nobody.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.engine_client import EngineClient
from theragen_core.faults import Fault
from theragen_core.protocol import NO_TURN, Assess, Assessed, Command

PATIENCE_MS = 1500  # for an answer; usual are some 20 ms
START_PATIENCE_MS = 10_000  # for the first one: loading takes a second, from a cold disk several
TALK_PATIENCE_MS = 5000  # for the next: one that had to be started anew reads the whole talk
STARTS = 2


class GuardClient(QObject):
    ready = Signal()  # it reads between the lines from now on
    received = Signal(object)  # a protocol.Assessed or Reviewed
    lost = Signal()  # nothing more will be answered

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._starts = 0
        self._unanswered = 0
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._on_silence)
        client.received.connect(self._on_received)
        client.died.connect(self._on_died)

    @property
    def process_id(self) -> int:
        """Of the child; 0 when there is none."""
        return self._client.process_id

    def start(self) -> None:
        """Start the child; its first task makes it load what it needs."""
        self._starts += 1
        self._unanswered = 0
        self._patience.setInterval(START_PATIENCE_MS)
        self._client.start(Assess(NO_TURN, ()))

    def restart(self) -> None:
        """Replace the child, so that nothing that was said stays in its memory."""
        self._starts = 0
        self.start()

    def stop(self) -> None:
        self._patience.stop()
        self._client.stop()

    def send(self, command: Command) -> None:
        """Ask; the answer comes as `received`, or `lost` does."""
        if not self._client.alive:
            self.lost.emit()
            return
        self._unanswered += 1
        if not self._patience.isActive():
            self._patience.start()
        self._client.send(command)

    def read_ahead(self, command: Assess) -> None:
        """Judge what is being written, so that most of it is known once it is sent."""
        self._client.send(command)

    def _on_received(self, event: object) -> None:
        if isinstance(event, Assessed) and event.turn == NO_TURN:
            self._patience.setInterval(min(self._patience.interval(), TALK_PATIENCE_MS))
            if not event.by_rules_alone:
                self.ready.emit()
                return
        else:
            self._unanswered -= 1
            self._patience.setInterval(PATIENCE_MS)
            self._patience.stop()
            if self._unanswered > 0:
                self._patience.start()
        self.received.emit(event)

    def _on_silence(self) -> None:
        self._client.stop()
        self._on_died(Fault.ENGINE_HUNG)

    def _on_died(self, fault: Fault) -> None:
        self._patience.stop()
        self.lost.emit()
        if self._starts < STARTS:
            self.start()
