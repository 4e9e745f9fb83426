"""A box to choose a country in, which is never chosen by accident: only from the opened list.

The wheel and the keys that scroll pass through to the page around it.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from theragen_core.resources import text

LEAST_CHARACTERS = 12  # the longest names would be wider than a narrow window

_OPENING = (
    *(Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_F4),
    *(Qt.Key.Key_Return, Qt.Key.Key_Enter),
)
_COMMANDS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class CountryBox(QComboBox):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(text("window.help_country"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(LEAST_CHARACTERS)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """While the list is closed; an open one hears them itself."""
        if event.key() in _OPENING:
            self.showPopup()
        elif letter := _letter(event):
            self.showPopup()
            self.view().keyboardSearch(letter)
        else:
            event.ignore()


def _letter(event: QKeyEvent) -> str:
    """What a key writes; nothing where it is part of a command."""
    written = event.text()
    return written if written.isprintable() and not event.modifiers() & _COMMANDS else ""
