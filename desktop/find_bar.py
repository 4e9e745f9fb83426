"""A line to search the conversation with. What is searched for stays in this line only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QWidget

from desktop.parts import tool_button
from theragen_core.resources import text


class FindEdit(QLineEdit):
    """Keeps Esc to itself: here it closes the search, and stops no reply."""

    escaped = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_escape(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_escape(event):
            self.escaped.emit()
        else:
            super().keyPressEvent(event)


class FindBar(QFrame):
    searched = Signal(str, bool)  # the words, and whether backwards
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._edit = FindEdit()
        self._edit.setPlaceholderText(text("window.find"))
        self._edit.setAccessibleName(text("window.find"))
        self._edit.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        )
        self._count = QLabel()
        previous = tool_button("window.find_previous")
        following = tool_button("window.find_next")
        close = tool_button("window.close", "window.close_find")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 6)
        for part in (self._edit, self._count, previous, following, close):
            row.addWidget(part)
        self._edit.returnPressed.connect(self._on_next)
        self._edit.escaped.connect(self._on_close)
        previous.clicked.connect(self._on_previous)
        following.clicked.connect(self._on_next)
        close.clicked.connect(self._on_close)

    def open(self) -> None:
        self.show()
        self._edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._edit.selectAll()

    def clear(self) -> None:
        """Forget what was searched for."""
        self._edit.setText("")  # drops the undo stack too
        self._count.clear()

    def set_count(self, count: int) -> None:
        self._count.setText(text("window.find_count", count=count))

    def _on_next(self) -> None:
        self.searched.emit(self._edit.text(), False)

    def _on_previous(self) -> None:
        self.searched.emit(self._edit.text(), True)

    def _on_close(self) -> None:
        self.clear()
        self.hide()
        self.closed.emit()


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
