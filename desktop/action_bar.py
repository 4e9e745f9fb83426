"""What can be done with one message, as a small row of buttons that floats beside it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from desktop.parts import tool_button
from theragen_core.resources import text


@dataclass(frozen=True, slots=True)
class Offer:
    """Which actions a message has. Variants are counted from 0."""

    edit: bool = False
    regenerate: bool = False
    chosen: int = 0
    count: int = 1


class ActionBar(QFrame):
    """Named buttons; they say what was asked for, not for which message."""

    copy_requested = Signal()
    edit_requested = Signal()
    regenerate_requested = Signal()
    previous_requested = Signal()
    next_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("actions")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.copy = tool_button("window.copy", "window.copy_message")
        self.edit = tool_button("window.edit", "window.edit_message")
        self.regenerate = tool_button("window.try_again", "window.try_again_message")
        self.previous = tool_button("window.previous_variant_sign", "window.previous_variant")
        self.position = QLabel()
        self.next = tool_button("window.next_variant_sign", "window.next_variant")
        for part in (
            self.copy, self.edit, self.regenerate, self.previous, self.position, self.next
        ):  # fmt: skip
            row.addWidget(part)
        self.copy.clicked.connect(self.copy_requested)
        self.edit.clicked.connect(self.edit_requested)
        self.regenerate.clicked.connect(self.regenerate_requested)
        self.previous.clicked.connect(self.previous_requested)
        self.next.clicked.connect(self.next_requested)
        self.hide()

    def offer(self, offer: Offer) -> None:
        self.edit.setVisible(offer.edit)
        self.regenerate.setVisible(offer.regenerate)
        several = offer.count > 1
        for part in (self.previous, self.position, self.next):
            part.setVisible(several)
        self.previous.setEnabled(offer.chosen > 0)
        self.next.setEnabled(offer.chosen < offer.count - 1)
        position = text("window.variant", number=offer.chosen + 1, count=offer.count)
        self.position.setText(position)
        self.adjustSize()
