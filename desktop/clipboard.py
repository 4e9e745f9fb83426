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
    # Not ownsClipboard(), which some platforms never answer: all these hints together are ours.
    if all(clipboard.mimeData().hasFormat(kind) for kind in _HINTS):
        clipboard.clear()


def copy_text(text: str) -> None:
    QGuiApplication.clipboard().setMimeData(private_mime_data(text))
