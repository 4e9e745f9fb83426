"""Where a person writes. Knows text and keys; what becomes of the text is not its affair."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.clipboard import private_mime_data
from desktop.parts import button, paragraph
from theragen_core.resources import text

MOST_LINES = 8
_SEND_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class MessageEdit(QPlainTextEdit):
    """A plain text box that grows with its text. Enter submits, Shift+Enter breaks the line."""

    submitted = Signal()
    escaped = Signal()
    focused = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setAccessibleName(text("window.composer"))
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData
            | Qt.InputMethodHint.ImhNoPredictiveText
            | Qt.InputMethodHint.ImhMultiLine
        )
        self.document().documentLayout().documentSizeChanged.connect(self._on_size_changed)
        self._grow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif event.key() not in _SEND_KEYS:
            super().keyPressEvent(event)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.textCursor().insertBlock()
            self.ensureCursorVisible()
        else:
            self.submitted.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._grow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._grow()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text only: no images, and no paths of files that were dragged here."""
        return source.hasText() and not source.hasUrls()

    def insertFromMimeData(self, source: QMimeData) -> None:
        if self.canInsertFromMimeData(source):
            self.insertPlainText(source.text())
            self.ensureCursorVisible()

    def createMimeDataFromSelection(self) -> QMimeData:
        return private_mime_data(self.textCursor().selection().toPlainText())

    def _on_size_changed(self) -> None:
        self._grow()

    def _grow(self) -> None:
        lines = min(MOST_LINES, max(1, int(self.document().size().height())))
        margins = self.contentsMargins().top() + self.contentsMargins().bottom()
        height = lines * self.fontMetrics().lineSpacing() + 2 * self.document().documentMargin()
        self.setFixedHeight(int(height) + margins + 2)
        self.setPlaceholderText(self._hint())

    def _hint(self) -> str:
        """What stands there while nothing does, on one line."""
        room = self.viewport().width() - 2 * int(self.document().documentMargin())
        hint = text("window.composer_hint")
        return self.fontMetrics().elidedText(hint, Qt.TextElideMode.ElideRight, room)


class Composer(QWidget):
    """The text box, its Send button, which is Stop while a reply is written, and a line above."""

    submitted = Signal(str)
    stop_requested = Signal()
    editing_cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._generating = False
        self._editing = False
        self._draft = ""  # what was being written when an earlier message was taken up
        self.edit = MessageEdit()
        self.send = button("window.send", primary=True)
        self._banner = self._make_banner()
        self._frame = self._make_frame()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._banner)
        column.addWidget(self._frame)
        self.setFocusProxy(self.edit)
        self.edit.submitted.connect(self._on_submitted)
        self.edit.escaped.connect(self._on_escaped)
        self.edit.focused.connect(self._on_focused)
        self.edit.textChanged.connect(self._show_state)
        self.send.clicked.connect(self._on_clicked)
        self._show_state()

    def _make_frame(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("composer")
        row = QHBoxLayout(frame)
        row.setContentsMargins(8, 6, 6, 6)
        row.addWidget(self.edit, 1)
        row.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        return frame

    def _make_banner(self) -> QFrame:
        banner = QFrame()
        banner.setObjectName("notice")
        row = QHBoxLayout(banner)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(paragraph(text("window.editing")), 1)
        cancel = button("window.cancel_editing", link=True)
        cancel.clicked.connect(self._on_escaped)
        row.addWidget(cancel)
        banner.hide()
        return banner

    @property
    def text(self) -> str:
        return self.edit.toPlainText()

    def set_generating(self, generating: bool) -> None:
        """While a reply is written the button stops it, and Enter keeps the draft."""
        self._generating = generating
        self._show_state()

    def begin_editing(self, words: str) -> None:
        """Take up an earlier message; the draft comes back when that is cancelled."""
        if not self._editing:
            self._draft = self.text
        self._set_editing(True)
        self._put(words)

    def take_back(self, words: str) -> None:
        """Text that was submitted and not sent returns, above what was written since."""
        self._put("\n".join(part for part in (words, self.text) if part))

    def clear(self) -> None:
        """Forget the draft, what was set aside, and the way back to them."""
        self._draft = ""
        self._set_editing(False)
        self.edit.setPlainText("")  # unlike a deletion, this drops the undo stack
        self._show_state()

    def _put(self, words: str) -> None:
        self.edit.setPlainText(words)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self.edit.setFocus()

    def _set_editing(self, editing: bool) -> None:
        self._editing = editing
        self._banner.setVisible(editing)

    def _show_state(self) -> None:
        key = "window.stop" if self._generating else "window.send"
        self.send.setText(text(key))
        self.send.setAccessibleName(text(key))
        self.send.setEnabled(self._generating or not self.edit.document().isEmpty())

    def _on_focused(self, focused: bool) -> None:
        self._frame.setProperty("active", focused)
        self._frame.style().polish(self._frame)

    def _on_clicked(self) -> None:
        if self._generating:
            self.stop_requested.emit()
        else:
            self._on_submitted()

    def _on_submitted(self) -> None:
        words = self.text
        if self._generating or not words.strip():
            return
        self.clear()
        self.submitted.emit(words)

    def _on_escaped(self) -> None:
        if not self._editing:
            return
        self._set_editing(False)
        self._put(self._draft)
        self._draft = ""
        self.editing_cancelled.emit()
