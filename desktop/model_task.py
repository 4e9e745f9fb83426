"""One long job with models in a process of its own: a download, a copy, a check, a removal.

Runs this same program's terminal command and reads what that says, line by line. So neither the
network nor hashing nor someone else's chat template is ever in the window's process. The job ends
with its stdin, and a download may be ended at any point: that is how it is paused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from desktop.engine_client import new_process

_FAREWELL_MS = 3000


class ModelTask(QObject):
    """One job at a time. Each ends with one of `finished`, `failed`, `broke` and `stopped`, once
    its process has ended; the window never waits for that.
    """

    progressed = Signal(str, tuple)  # a model_store.Stage; bytes done, and bytes in all
    finished = Signal()
    failed = Signal(str, str)  # a Fault, and its sentence
    broke = Signal()
    stopped = Signal()

    def __init__(self, program: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program = list(program)
        self._process: QProcess | None = None
        self._stopping = False
        self._last: dict[str, Any] = {}  # what it said last

    @property
    def at_work(self) -> bool:
        return self._process is not None

    def start(self, *words: str) -> None:
        """Run `models WORDS`. Nothing may be at work."""
        assert self._process is None
        self._stopping, self._last = False, {}
        job = ["--models", *words, "--json", "--until-stdin-ends"]
        process = new_process([*self._program, *job], self)
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def stop(self) -> None:
        """Have the job end where it is."""
        process = self._process
        if process is not None and not self._stopping:
            self._stopping = True
            process.closeWriteChannel()
            QTimer.singleShot(_FAREWELL_MS, process, process.kill)

    def end(self) -> None:
        """The same for the end of the window: at once, and nothing more is heard of it."""
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._on_finished)
            process.kill()
            process.waitForFinished(_FAREWELL_MS)

    def _on_output(self) -> None:
        while self._process is not None and self._process.canReadLine():
            self._take(bytes(self._process.readLine().data()))

    def _take(self, line: bytes) -> None:
        with suppress(ValueError):  # a word of a library's
            self._last = said = json.loads(line)
            if said["event"] == "progress" and not self._stopping:
                self.progressed.emit(said["stage"], (said["done"], said["total"]))

    def _on_finished(self) -> None:
        self._on_output()
        process, self._process = self._process, None
        assert process is not None
        process.deleteLater()
        if self._stopping:
            self.stopped.emit()
        elif self._last.get("event") == "finished":
            self.finished.emit()
        elif self._last.get("event") == "failed":
            self.failed.emit(self._last["fault"], self._last["text"])
        else:
            self.broke.emit()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        # Of every other error `finished` tells as well.
        if error == QProcess.ProcessError.FailedToStart:
            self._on_finished()
