"""What stands where the first message will be: a welcome, and what to know of the model."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.flow_layout import WrappingButton
from desktop.parts import ScrollArea, heading, paragraph
from theragen_core.resources import text


class Greeting(QWidget):
    model_requested = Signal()  # a better one than this

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = paragraph(text("window.greeting_words"))
        self._note = paragraph("", muted=True)
        self._models = WrappingButton(text("window.greeting_models"))
        self._models.setProperty("link", True)
        self._models.clicked.connect(self.model_requested)
        scroll = ScrollArea()  # large text in a small window
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._make_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroll)
        self.set_model_note("")

    def _make_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(10)
        column.addStretch(2)
        title = heading(text("window.greeting"), 1)
        help_words = paragraph(text("window.greeting_help"), muted=True)
        for label in (title, self._words, help_words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addStretch(3)
        self._note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._note)
        column.addWidget(self._models, 0, Qt.AlignmentFlag.AlignHCenter)
        return page

    def set_cloud(self, on: bool) -> None:
        """Where what is written goes."""
        self._words.setText(text("cloud.greeting_words" if on else "window.greeting_words"))

    def set_model_note(self, note: str) -> None:
        """What a person should know of the model; empty when there is nothing to say."""
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._models.setVisible(bool(note))
