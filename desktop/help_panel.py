"""Numbers and people to turn to, beside the conversation. Needs no model and no network.

Nothing is dialled or opened by itself: a press on a link is told, and that is all.
"""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.checked import checked_words
from desktop.country_box import CountryBox
from desktop.escape_key import EscapeKey
from desktop.flow_layout import FlowLayout
from desktop.help_parts import LinkButton, NumberCard
from desktop.help_view import HelpLine, HelpNumber, HelpView
from desktop.parts import ScrollArea, button, heading, paragraph
from theragen_core.resources import text, wordings


class HelpPanel(QFrame):
    link_activated = Signal(str)
    country_changed = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("help")
        self.setAccessibleName(text("window.help_title"))
        self._view = HelpView()
        self._country = CountryBox()
        self._country.setPlaceholderText(text("window.help_choose_country"))
        self._country.activated.connect(self._on_country)
        self._scroll = ScrollArea()
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 8, 0, 8)
        column.addLayout(self._make_top())
        column.addWidget(self._scroll, 1)
        self._show()
        EscapeKey(self).pressed.connect(self.closed)

    def _make_top(self) -> QVBoxLayout:
        self._close = button("window.help_close", link=True)
        self._close.setAccessibleName(text("window.help_close_name"))
        self._close.clicked.connect(self.closed)
        top = QVBoxLayout()
        top.setContentsMargins(0, 0, 14, 0)
        row = QHBoxLayout()
        row.addWidget(heading(text("window.help_title")), 1)
        row.addWidget(self._close)
        top.addLayout(row)
        top.addWidget(self._make_label())
        top.addWidget(self._country)
        return top

    def _make_label(self) -> QLabel:
        label = QLabel(text("window.help_country"))
        label.setBuddy(self._country)  # all that names a combo box for readers on Linux
        return label

    def choose_country(self) -> None:
        """The focus goes to the box with the countries."""
        self._country.setFocus()

    def set_help(self, view: HelpView) -> None:
        if view == self._view:
            return
        self._view = view
        page, focused = self._scroll.widget(), QApplication.focusWidget()
        had_focus = page is not None and focused is not None and page.isAncestorOf(focused)
        self._show()
        if had_focus:
            self.setFocus()

    def _show(self) -> None:
        self._show_countries()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 14, 0)
        self._add_emergency(column)
        self._add_lines(column)
        self._add_exercises(column)
        _add_plan(column)
        _add_sources(column, self._view.sources)
        column.addStretch(1)
        self._scroll.setWidget(page)
        self.setFocusProxy(next(iter(page.findChildren(LinkButton)), self._close))

    def _show_countries(self) -> None:
        self._country.clear()
        for code, name in self._view.countries:
            self._country.addItem(name, code)
        self._country.setCurrentIndex(self._country.findData(self._view.country))

    def _add_emergency(self, column: QVBoxLayout) -> None:
        column.addWidget(heading(text("window.help_emergency"), 3))
        if not self._view.emergency:
            column.addWidget(paragraph(text("window.help_no_numbers")))
        for entry in self._view.emergency:
            self._add_card(column, _emergency_card(entry))
        if any(entry.unsure for entry in self._view.emergency[1:]):
            column.addWidget(paragraph(text("window.help_unsure"), muted=True))
        if self._view.emergency:
            column.addWidget(paragraph(text("window.help_phone"), muted=True))

    def _add_lines(self, column: QVBoxLayout) -> None:
        column.addWidget(heading(text("window.help_lines"), 3))
        if not self._view.country:
            column.addWidget(paragraph(text("window.help_no_country")))
        elif not self._view.lines:
            column.addWidget(paragraph(text("window.help_no_lines")))
        for line in self._view.lines:
            self._add_card(column, _line_card(line))
        finder = LinkButton(self._view.finder_link())
        finder.activated.connect(self.link_activated)
        row = FlowLayout()  # as wide as its words
        row.addWidget(finder)
        column.addLayout(row)

    def _add_card(self, column: QVBoxLayout, card: NumberCard) -> None:
        card.link_activated.connect(self.link_activated)
        column.addWidget(card)

    def _add_exercises(self, column: QVBoxLayout) -> None:
        if self._view.exercises:
            column.addWidget(heading(text("window.help_grounding"), 3))
        for title, words in self._view.exercises:
            column.addWidget(heading(title, 4))
            column.addWidget(paragraph(words))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What is not on the page leaves the keys that scroll to it."""
        self._scroll.keyPressEvent(event)

    def _on_country(self, index: int) -> None:
        self.country_changed.emit(self._country.itemData(index))


def _emergency_card(entry: HelpNumber) -> NumberCard:
    card = NumberCard(entry.label, [_checked(entry.checked_at)])
    card.add_number(entry.number, entry.links(), copied=True)
    return card


def _line_card(line: HelpLine) -> NumberCard:
    card = NumberCard(line.name, [line.note, _checked(line.checked_at)])
    card.add_number(line.number, line.links() + line.page_links(), copied=bool(line.number))
    return card


def _checked(day: date | None) -> str:
    return checked_words(day) if day else ""


def _add_plan(column: QVBoxLayout) -> None:
    column.addWidget(heading(text("window.help_plan"), 3))
    column.addWidget(paragraph(text("window.help_plan_words")))
    for number, words in enumerate(wordings("window.help_plan"), start=1):
        step = text("window.help_plan_step", number=number, words=words)
        column.addWidget(paragraph(step))


def _add_sources(column: QVBoxLayout, sources: tuple[str, ...]) -> None:
    if sources:
        column.addWidget(heading(text("window.help_sources"), 3))
        column.addWidget(paragraph(text("window.help_sources_words"), muted=True))
    for source in sources:
        column.addWidget(paragraph(source, muted=True))
