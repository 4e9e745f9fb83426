"""Small parts that several surfaces are made of: headings, paragraphs, buttons with a name."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QToolButton, QWidget

from theragen_core.resources import text


def heading(words: str, level: int = 2) -> QLabel:
    """A heading in the size that its level has relative to the text around it."""
    label = QLabel(f"<h{level}>{escape(words)}</h{level}>")
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    return label


def paragraph(words: str, muted: bool = False) -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if muted:
        label.setObjectName("muted")
    return label


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where room is short; its text stays whole."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect()
        right = Qt.TextElideMode.ElideRight
        words = self.fontMetrics().elidedText(self.text(), right, room.width())
        self.style().drawItemText(
            painter, room, self.alignment(), self.palette(), self.isEnabled(), words,
            self.foregroundRole(),
        )  # fmt: skip


class ScrollArea(QScrollArea):
    """For content that may be taller than its place, and is never wider; without a frame."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


def button(text_id: str, primary: bool = False, link: bool = False) -> QPushButton:
    """A button that says the text with this id; screen readers hear the same."""
    made = QPushButton(text(text_id))
    made.setAccessibleName(text(text_id))
    made.setProperty("primary", primary)
    made.setProperty("link", link)
    made.setAutoDefault(False)
    return made


def tool_button(text_id: str, name_id: str = "", parent: QWidget | None = None) -> QToolButton:
    """A small button; `name_id` is the text for screen readers where the label is a mere sign."""
    made = QToolButton(parent)
    made.setText(text(text_id))
    made.setAccessibleName(text(name_id or text_id))
    made.setToolTip(text(name_id) if name_id else "")
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made
