"""The first page: what this is and is not, in plain words, before the first message."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.flow_layout import WrappingButton, WrappingCheckBox
from desktop.parts import ScrollArea, button, heading, paragraph
from theragen_core.resources import text

WIDEST = 680


class Onboarding(ScrollArea):
    accepted = Signal()
    declined = Signal()
    help_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.age = WrappingCheckBox(text("window.consent_age"))
        self.begin = WrappingButton(text("window.consent_begin"))
        self.begin.setProperty("primary", True)
        self.begin.setEnabled(False)
        self.help = button("window.consent_help")
        self.quit = button("window.consent_quit", link=True)
        self.setWidget(self._make_page())
        self.setFocusProxy(self.age)
        self.age.toggled.connect(self.begin.setEnabled)
        self.begin.clicked.connect(self.accepted)
        self.help.clicked.connect(self.help_requested)
        self.quit.clicked.connect(self.declined)

    def _make_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(16, 16, 16, 16)
        column = QVBoxLayout()
        column.setSpacing(6)
        middle = QWidget()
        middle.setMaximumWidth(WIDEST)
        middle.setLayout(column)
        row.addWidget(middle)
        column.addStretch(1)
        column.addWidget(heading(text("window.consent_title"), 1))
        for subject in ("ai", "not", "words"):
            column.addWidget(_card(subject))
        column.addSpacing(6)
        column.addWidget(self.age)
        column.addSpacing(6)
        column.addWidget(self.begin)
        column.addWidget(self.help)
        column.addWidget(self.quit)
        column.addStretch(1)
        return page


def _card(subject: str) -> QFrame:
    card = QFrame()
    card.setObjectName("card")
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 10, 16, 12)
    column.addWidget(heading(text(f"window.consent_{subject}_title"), 3))
    column.addWidget(paragraph(text(f"window.consent_{subject}")))
    return card
