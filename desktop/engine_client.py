"""The window's side of a child process: commands go down its stdin, events come up its stdout.

A crash is told by the child's exit, a stopped or hung child by its heartbeat: either none comes,
or they show that native code makes no progress while it should. The child is then killed; what
it was doing can be asked for again, because the conversation lives in the window.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from theragen_core import wire
from theragen_core.errors import ProtocolError
from theragen_core.faults import Fault
from theragen_core.protocol import Command, Heartbeat, HostedModel, Load, Phase
from theragen_core.resources import ROOT

CHECK_MS = 1000
SILENT_CHECKS = 4  # heartbeats come twice a second; four seconds without one is a hang
STARTING_CHECKS = 60  # a first heartbeat may have to wait for a cold disk
STALLED_BEATS = 9  # heartbeats in a row without a step of the native code
FAREWELL_MS = 2000  # for a child that cancels what others do for it
SLICE_S = 0.008  # how long events are taken in before the window gets its turn

# Loading has no steps of its own that can be counted on: a mapped file may be read in one call.
_PHASES_WITH_STEPS = (Phase.READING, Phase.WRITING)


def host_command(role: str = "engine") -> list[str]:
    """How it is started as a host, the engine's or the guard's. The name is for lists of
    processes: both do what they are asked.
    """
    return [*program(), f"--{role}-host"]


def program() -> list[str]:
    """How this same program is started. -I: no PYTHON* variable, nothing from cwd."""
    frozen = getattr(sys, "frozen", False)
    return [sys.executable] if frozen else [sys.executable, "-I", "-m", "desktop"]


def new_process(command: Sequence[str], parent: QObject) -> QProcess:
    """A child that is yet to be started. What it has to say to stderr is of no use to a person."""
    process = QProcess(parent)
    process.setProgram(command[0])
    process.setArguments(list(command[1:]))
    process.setProcessEnvironment(_child_environment())
    process.setWorkingDirectory(str(ROOT))
    process.setStandardErrorFile(QProcess.nullDevice())
    return process


class EngineClient(QObject):
    """One child at a time; `start` replaces it."""

    received = Signal(object)  # a protocol.Event, heartbeats excepted
    died = Signal(Fault)

    def __init__(self, command: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command)
        self._process: QProcess | None = None
        self._silent = 0
        self._stalled = 0
        self._last_beat: Heartbeat | None = None
        self._farewell_ms = 0
        self._check = QTimer(self)
        self._check.setInterval(CHECK_MS)
        self._check.timeout.connect(self._on_check)

    @property
    def alive(self) -> bool:
        return self._process is not None

    @property
    def process_id(self) -> int:
        """Of the child; 0 when there is none."""
        return 0 if self._process is None else self._process.processId()

    def start(self, first: Command) -> None:
        """Start a fresh child with this command; a running one is killed first."""
        self.stop()
        hosted = isinstance(first, Load) and isinstance(first.model, HostedModel)
        self._farewell_ms = FAREWELL_MS if hosted else 0
        self._silent = self._stalled = 0
        self._last_beat = None
        process = new_process(self._command, self)
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()
        self._check.start()
        self.send(first)

    def send(self, command: Command) -> None:
        """Give a command to the child; without one it is dropped."""
        if self._process is not None:
            self._process.write(wire.encode(command))

    def stop(self) -> None:
        """Kill the child, whatever it does, and wait until it is gone.

        One that has others work for it gets a moment first, to tell them that it ends.
        """
        process = self._let_go()
        if process is not None:
            if self._farewell_ms:
                process.closeWriteChannel()
                process.waitForFinished(self._farewell_ms)
            process.kill()
            process.waitForFinished(2000)
            process.deleteLater()

    def _let_go(self) -> QProcess | None:
        """Forget the child, so that nothing more is heard of it."""
        process, self._process = self._process, None
        self._check.stop()
        if process is not None:
            process.readyReadStandardOutput.disconnect(self._on_output)
            process.finished.disconnect(self._on_finished)
            process.errorOccurred.disconnect(self._on_error)
        return process

    def _give_up(self, fault: Fault) -> None:
        self.stop()
        self.died.emit(fault)

    def _on_output(self) -> None:
        """Take in what has come, in slices, so that a flood never blocks the window."""
        process, until = self._process, time.monotonic() + SLICE_S
        while process is not None and process is self._process and process.canReadLine():
            if time.monotonic() > until:
                QTimer.singleShot(0, self._on_output)
                return
            self._take(bytes(process.readLine().data()))

    def _take(self, line: bytes) -> None:
        try:
            event = wire.decode_event(line)
        except ProtocolError:
            self._give_up(Fault.ENGINE_BUG)
            return
        self._silent = 0
        if isinstance(event, Heartbeat):
            self._on_heartbeat(event)
        else:
            self.received.emit(event)

    def _on_heartbeat(self, beat: Heartbeat) -> None:
        stalled = beat == self._last_beat and beat.phase in _PHASES_WITH_STEPS
        self._stalled = self._stalled + 1 if stalled else 0
        self._last_beat = beat
        if self._stalled >= STALLED_BEATS:
            self._give_up(Fault.ENGINE_HUNG)

    def _on_check(self) -> None:
        # Checks are counted instead of seconds: after the computer slept, none were missed.
        self._silent += 1
        started = self._last_beat is not None
        if self._silent >= SILENT_CHECKS and (started or self._is_suspended()):
            self._give_up(Fault.ENGINE_HUNG)
        elif self._silent >= STARTING_CHECKS:
            self._give_up(Fault.ENGINE_NOT_STARTED)

    def _is_suspended(self) -> bool:
        """Whether the child was stopped before it could beat at all, and waits for nothing."""
        import psutil  # not before it is needed: start-up is counted in milliseconds

        try:
            return bool(psutil.Process(self.process_id).status() == psutil.STATUS_STOPPED)
        except psutil.Error:
            return False

    def _on_finished(self) -> None:
        # What it wrote before its end still counts.
        process = self._process
        while process is not None and process is self._process and process.canReadLine():
            self._take(bytes(process.readLine().data()))
        if self._process is not None:
            self._give_up(Fault.ENGINE_CRASHED)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        # A crash is told by `finished` as well; only this error is not.
        if error == QProcess.ProcessError.FailedToStart:
            self._give_up(Fault.ENGINE_NOT_STARTED)


def _child_environment() -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    environment.remove("LLAMA_CPP_LIB_PATH")  # or anyone could plant a library
    environment.insert("GGML_NO_BACKTRACE", "1")
    return environment
