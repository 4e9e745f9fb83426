"""Numbers and people to turn to, beside the conversation. Needs no model and no network.

Nothing is dialled or opened by itself: a press on a link is told, and that is all.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.clipboard import copy_text
from desktop.parts import button, heading, paragraph
from theragen_core.resources import text

FINDER = "https://findahelpline.com"


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A line that is called or, with `by_text`, written to; `note` says when, and what to write."""

    name: str
    number: str
    note: str = ""
    by_text: bool = False


@dataclass(frozen=True, slots=True)
class HelpView:
    """What the panel shows. Codes of countries are ISO 3166; "" stands for none known."""

    country: str = ""
    countries: tuple[tuple[str, str], ...] = ()  # (code, name)
    emergency: tuple[tuple[str, str], ...] = ()  # (label, number)
    lines: tuple[HelpLine, ...] = ()
    grounding: str = ""
    finder: str = FINDER


class HelpPanel(QFrame):
    link_activated = Signal(str)
    country_changed = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("help")
        self._view = HelpView()
        self._country = QComboBox()
        self._country.setAccessibleName(text("window.help_country"))
        self._country.activated.connect(self._on_country)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 8, 0, 8)
        column.addLayout(self._make_top())
        column.addWidget(self._scroll, 1)
        self._show()

    def _make_top(self) -> QVBoxLayout:
        close = button("window.help_close", link=True)
        close.setAccessibleName(text("window.help_close_name"))
        close.clicked.connect(self.closed)
        top = QVBoxLayout()
        top.setContentsMargins(0, 0, 14, 0)
        row = QHBoxLayout()
        row.addWidget(heading(text("window.help_title")), 1)
        row.addWidget(close)
        top.addLayout(row)
        top.addWidget(self._country)
        return top

    def set_help(self, view: HelpView) -> None:
        if view != self._view:
            self._view = view
            self._show()

    def _show(self) -> None:
        self._show_countries()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 14, 0)
        self._add_emergency(column)
        self._add_lines(column)
        finder = text("window.help_finder"), text("window.help_finder_name")
        column.addWidget(self._link(self._view.finder, *finder))
        if self._view.grounding:
            column.addWidget(heading(text("window.help_grounding"), 3))
            column.addWidget(paragraph(self._view.grounding))
        column.addStretch(1)
        self._scroll.setWidget(page)

    def _show_countries(self) -> None:
        self._country.clear()
        for code, name in self._view.countries:
            self._country.addItem(name, code)
        self._country.setCurrentIndex(self._country.findData(self._view.country))

    def _add_emergency(self, column: QVBoxLayout) -> None:
        column.addWidget(heading(text("window.help_emergency"), 3))
        if not self._view.emergency:
            column.addWidget(paragraph(text("window.help_no_numbers")))
        for label, number in self._view.emergency:
            column.addWidget(self._number_card(label, number))

    def _add_lines(self, column: QVBoxLayout) -> None:
        column.addWidget(heading(text("window.help_lines"), 3))
        if not self._view.lines:
            column.addWidget(paragraph(text("window.help_no_lines")))
        for line in self._view.lines:
            column.addWidget(self._number_card(line.name, line.number, line.note, line.by_text))

    def _number_card(
        self, label: str, number: str, note: str = "", by_text: bool = False
    ) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(paragraph(label))
        row = QHBoxLayout()
        row.addWidget(_large_number(number), 1)
        act = "help_text" if by_text else "help_call"
        name = text(f"window.{act}_name", label=label, number=number)
        url = ("sms:" if by_text else "tel:") + _dialled(number)
        row.addWidget(self._link(url, text(f"window.{act}"), name))
        row.addWidget(CopyButton(number))
        column.addLayout(row)
        if note:
            column.addWidget(paragraph(note, muted=True))
        return card

    def _link(self, url: str, words: str, name: str) -> LinkButton:
        link = LinkButton(url, words, name)
        link.activated.connect(self.link_activated)
        return link

    def _on_country(self, index: int) -> None:
        self.country_changed.emit(self._country.itemData(index))


class LinkButton(QPushButton):
    """Tells its address when pressed."""

    activated = Signal(str)

    def __init__(self, url: str, words: str, name: str) -> None:
        super().__init__(words)
        self._url = url
        self.setAccessibleName(name)
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        self.activated.emit(self._url)


class CopyButton(QPushButton):
    """Copies one number."""

    def __init__(self, number: str) -> None:
        super().__init__(text("window.help_copy"))
        self._number = number
        self.setAccessibleName(text("window.help_copy_name", number=number))
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        copy_text(self._number)


def _dialled(number: str) -> str:
    return "".join(sign for sign in number if sign in "+*#0123456789")


def _large_number(number: str) -> QLabel:
    label = heading(number)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
