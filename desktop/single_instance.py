"""One window for each person: a second start brings the first one to the front and ends.

The lock is a QLockFile, which survives a killed owner. The sockets are local ones, for which
QtNetwork is imported only after the window is shown, or in a second start.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QObject, QStandardPaths, Signal

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer


class SingleInstance(QObject):
    """Holds the lock while it lives."""

    called = Signal()  # another start asks for the window

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server: QLocalServer | None = None
        self._lock = QLockFile(f"{_runtime_folder()}/{_name()}.lock")
        self._lock.setStaleLockTime(0)  # only a dead owner makes a lock stale, never its age

    def acquire(self) -> bool:
        """Whether this is the only instance. A folder that takes no lock file counts as yes."""
        if self._lock.tryLock(0):
            return True
        return self._lock.error() != QLockFile.LockError.LockFailedError

    def listen(self) -> None:
        """Hear of other starts from now on."""
        from PySide6.QtNetwork import QLocalServer

        QLocalServer.removeServer(_name())  # one that a killed owner left behind
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        self._server.listen(_name())

    def call_other(self) -> bool:
        """Ask the instance that runs to show its window; whether it heard."""
        from PySide6.QtNetwork import QLocalSocket

        peer = QLocalSocket()
        peer.connectToServer(_name())
        return peer.waitForConnected(2000)

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
        self._lock.unlock()

    def _on_connection(self) -> None:
        if self._server is not None:
            self._server.nextPendingConnection().deleteLater()
            self.called.emit()


def _name() -> str:
    """Different for each person of this computer, also where the folder is shared."""
    return f"theragen-{zlib.crc32(str(Path.home()).encode()):08x}"


def _runtime_folder() -> str:
    locations = QStandardPaths.StandardLocation
    return QStandardPaths.writableLocation(
        locations.RuntimeLocation
    ) or QStandardPaths.writableLocation(locations.TempLocation)
