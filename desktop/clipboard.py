"""Puts text, and nothing else, on the clipboard, and asks clipboard managers not to keep it.

Whether a manager heeds the request is its own affair; the hints are those that KDE, Windows and
macOS managers publish.
"""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QMimeData
from PySide6.QtGui import QGuiApplication

_HINTS = {
    "x-kde-passwordManagerHint": b"secret",
    "ExcludeClipboardContentFromMonitorProcessing": b"1",
    'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"': b"1",
    "org.nspasteboard.ConcealedType": b"1",
}


def private_mime_data(text: str) -> QMimeData:
    data = QMimeData()
    data.setText(text)
    for kind, value in _HINTS.items():
        data.setData(kind, QByteArray(value))
    return data


def forget_copied() -> None:
    """Take back what was copied here and is still on the clipboard, before the program ends.

    It was private; and Qt would destroy the data after the interpreter that made it, and crash.
    """
    clipboard = QGuiApplication.clipboard()
    if _is_ours(clipboard.mimeData()):
        clipboard.clear()


def _is_ours(data: QMimeData | None) -> bool:
    """Told by all hints together: some platforms never say that they own the clipboard.

    An empty clipboard may have no data at all.
    """
    return data is not None and all(data.hasFormat(kind) for kind in _HINTS)


def copy_text(text: str) -> None:
    QGuiApplication.clipboard().setMimeData(private_mime_data(text))
