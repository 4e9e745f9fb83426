"""Parts of every place where help is shown: links, a number to copy, a card with both.

Nothing is dialled or opened by itself: a press on a link is told, and that is all.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from desktop.clipboard import copy_text
from desktop.flow_layout import FlowLayout, WrappingButton
from desktop.help_view import Link
from desktop.parts import heading, paragraph
from theragen_core.resources import text

BETWEEN_NUMBERS = 24


class LinkButton(WrappingButton):
    """Tells its address when pressed, by Enter too."""

    activated = Signal(str)

    def __init__(self, link: Link) -> None:
        super().__init__(link.words)
        self._url = link.url
        self.setAccessibleName(link.name)
        self.setAutoDefault(True)
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        self.activated.emit(self._url)


class CopyButton(WrappingButton):
    """Copies one number."""

    def __init__(self, number: str) -> None:
        super().__init__(text("window.help_copy"))
        self._number = number
        self.setAccessibleName(text("window.help_copy_name", number=number))
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        copy_text(self._number)


class NumberCard(QFrame):
    """Who answers, the number in large type, and what can be done with it."""

    link_activated = Signal(str)

    def __init__(self, label: str, notes: Iterable[str] = (), level: int = 2) -> None:
        """`level` is that of a heading as large as the number."""
        super().__init__()
        self._level = level
        self.setObjectName("card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.addWidget(paragraph(label))
        self._flow = FlowLayout()
        self._flow.setSpacing(BETWEEN_NUMBERS)
        self._column.addLayout(self._flow)
        for note in notes:
            if note:
                self._column.addWidget(paragraph(note, muted=True))

    def add_number(self, number: str, links: Iterable[Link], copied: bool = False) -> None:
        """One more number with its links; a chat has links alone."""
        together = FlowLayout()
        if number:
            together.addWidget(_large_number(number, self._level))
        for link in links:
            together.addWidget(self._link(link))
        if copied:
            together.addWidget(CopyButton(number))
        self._flow.add_flow(together)

    def first_rows(self) -> QRect:
        """Who answers, the first number and its links; the rest of the card is below."""
        first = self._flow.itemAt(0)
        bottom = first.geometry().bottom() if first is not None else 0
        return QRect(0, 0, self.width(), bottom + self._column.contentsMargins().bottom())

    def _link(self, link: Link) -> LinkButton:
        made = LinkButton(link)
        made.activated.connect(self.link_activated)
        return made


def _large_number(number: str, level: int) -> QLabel:
    label = heading(number, level)
    label.setWordWrap(False)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
