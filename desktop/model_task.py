"""One long job with models in a process of its own: a download, a copy, a check, a removal.

Runs this same program's terminal command and reads what that says, line by line. So neither the
network nor hashing nor someone else's chat template is ever in the window's process. The job ends
with its stdin, and a download may be ended at any point: that is how it is paused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

from theragen_core.resources import ROOT

_FAREWELL_MS = 3000


class ModelTask(QObject):
    """One job at a time. Each ends with one of `finished`, `failed`, `broke` and `stopped`."""

    progressed = Signal(str, tuple)  # a model_store.Stage; bytes done, and bytes in all
    finished = Signal(str)  # the id of the model
    failed = Signal(str, str)  # a Fault, and its sentence
    broke = Signal()
    stopped = Signal()

    def __init__(self, program: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program = list(program)
        self._process: QProcess | None = None

    @property
    def at_work(self) -> bool:
        return self._process is not None

    def start(self, *words: str) -> None:
        """Run `models WORDS`. Nothing may be at work."""
        assert self._process is None
        process = QProcess(self)
        process.setProgram(self._program[0])
        job = ["--models", *words, "--json", "--until-stdin-ends"]
        process.setArguments([*self._program[1:], *job])
        process.setWorkingDirectory(str(ROOT))
        process.setStandardErrorFile(QProcess.nullDevice())
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def stop(self) -> None:
        """End the job where it is, and wait until it is gone."""
        if self._end():
            self.stopped.emit()

    def _end(self) -> bool:
        """Whether there was a job to end. Nothing more is heard of it."""
        process, self._process = self._process, None
        if process is None:
            return False
        process.readyReadStandardOutput.disconnect(self._on_output)
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_error)
        process.closeWriteChannel()
        if not process.waitForFinished(_FAREWELL_MS):
            process.kill()
            process.waitForFinished(_FAREWELL_MS)
        process.deleteLater()
        return True

    def _on_output(self) -> None:
        while self._process is not None and self._process.canReadLine():
            self._take(bytes(self._process.readLine().data()))

    def _take(self, line: bytes) -> None:
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return  # a word of a library's
        match said.get("event"):
            case "progress":
                self.progressed.emit(said["stage"], (said["done"], said["total"]))
            case "finished":
                self._end()
                self.finished.emit(said["id"])
            case "failed":
                self._end()
                self.failed.emit(said["fault"], said["text"])

    def _on_finished(self) -> None:
        self._on_output()
        if self._end():
            self.broke.emit()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._end():
            self.broke.emit()
