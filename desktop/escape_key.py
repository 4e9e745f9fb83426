"""Esc on a surface that it closes: there it is kept from the window's actions."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget


class EscapeKey(QObject):
    """Belongs to `surface`, and hears the key on everything that stands on it."""

    pressed = Signal()

    def __init__(self, surface: QWidget) -> None:
        super().__init__(surface)
        surface.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Escape:
            return super().eventFilter(watched, event)
        event.accept()  # a ShortcutOverride that is accepted comes back as a KeyPress
        if event.type() is QEvent.Type.KeyPress:
            self.pressed.emit()
        return True
