"""The page for a moment of danger: who can come, what to do until then, and the way back.

Stands by itself: no model, no engine, no network. Plain words, no alarm; opens nothing by itself.
"""

from __future__ import annotations

from itertools import groupby, pairwise

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.announce import announce
from desktop.escape_key import EscapeKey
from desktop.flow_layout import FlowLayout, WrappingButton
from desktop.help_parts import LinkButton, NumberCard
from desktop.help_view import HelpView
from desktop.parts import ScrollArea, heading, paragraph
from theragen_core.resources import text

WIDEST = 680
BEFORE_SECTION = 6
HOLD_MS = 700  # so long a key that was meant for the composer presses no link


class EmergencyScreen(QWidget):
    link_activated = Signal(str)
    country_requested = Signal()  # the numbers of another country
    closed = Signal()  # back to the conversation
    corrected = Signal()  # "that is not what I meant"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(text("window.emergency_title"))
        self._view: HelpView | None = None
        self._told = False
        self._since_shown = QElapsedTimer()
        self._scroll = ScrollArea()
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.back = WrappingButton(text("window.emergency_back"))
        self.back.setProperty("primary", True)
        self.back.setAutoDefault(True)
        self.correct = WrappingButton(text("window.not_meant"))
        self.correct.setProperty("link", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._scroll, 1)
        column.addWidget(_centred(self._make_foot()))
        self.back.clicked.connect(self.closed)
        self.correct.clicked.connect(self.corrected)
        EscapeKey(self).pressed.connect(self.closed)
        self.set_help(HelpView())

    def _make_foot(self) -> QVBoxLayout:
        """The way back stays in sight, however long the page is."""
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 8, 16, 12)
        buttons = FlowLayout()
        buttons.addWidget(self.back)
        buttons.addWidget(self.correct)
        foot.addLayout(buttons)
        return foot

    # What stands there -------------------------------------------------------------------------

    def set_help(self, view: HelpView) -> None:
        if view == self._view:
            return
        self._view = view
        focused = QApplication.focusWidget()
        had_focus = focused is not None and self.isAncestorOf(focused)
        self._scroll.setWidget(_centred(self._make_page(view)))
        buttons = self.buttons()
        self.setFocusProxy(buttons[0])
        for before, after in pairwise([*buttons, self.back, self.correct]):
            QWidget.setTabOrder(before, after)
        if had_focus:
            self.setFocus()
        QTimer.singleShot(0, self, self._show_first)  # once the page has its layout

    def links(self) -> list[LinkButton]:
        """All that can be called, written to or opened, from the top."""
        return [button for button in self.buttons() if isinstance(button, LinkButton)]

    def buttons(self) -> list[QPushButton]:
        """The links, and the way to another country, from the top."""
        page = self._scroll.widget()
        return page.findChildren(QPushButton) if page is not None else []

    def _make_page(self, view: HelpView) -> QVBoxLayout:
        page = QVBoxLayout()
        page.setContentsMargins(16, 16, 16, 8)
        page.setSpacing(8)
        page.addWidget(heading(text("window.emergency_title")))  # the number below is larger
        self._add_emergency(page, view)
        self._add_country(page, view)
        page.addWidget(paragraph(text("window.emergency_words")))
        for subject in ("with", "distance"):
            _add_section(page, f"window.emergency_{subject}")
        self._add_lines(page, view)
        _add_section(page, "window.emergency_breath")
        page.addWidget(paragraph(text("window.emergency_kept"), muted=True))
        page.addStretch(1)
        return page

    def _add_emergency(self, page: QVBoxLayout, view: HelpView) -> None:
        """Numbers of which it is not known who answers stand together, to be tried in turn."""
        if not view.emergency:
            page.addWidget(paragraph(text("window.emergency_none")))
        for label, group in groupby(view.emergency, key=lambda entry: entry.label):
            entries = list(group)
            unsure = len(entries) > 1 and entries[0].unsure
            card = NumberCard(label, [text("window.help_unsure")] if unsure else [], level=1)
            for entry in entries:
                card.add_number(entry.number, entry.links())
            self._add_card(page, card)
        if view.emergency:
            page.addWidget(paragraph(text("window.help_phone"), muted=True))

    def _add_country(self, page: QVBoxLayout, view: HelpView) -> None:
        """Numbers are of use where they are answered, so it is said where that is."""
        known = view.country_name
        if known:
            page.addWidget(paragraph(text("window.emergency_country", country=known), muted=True))
        key = "emergency_other_country" if known else "emergency_choose_country"
        other = WrappingButton(text(f"window.{key}"))
        other.setAutoDefault(True)
        other.clicked.connect(self._on_country)
        _add_as_wide_as_its_words(page, other)

    def _add_lines(self, page: QVBoxLayout, view: HelpView) -> None:
        page.addSpacing(BEFORE_SECTION)
        page.addWidget(heading(text("window.emergency_lines"), 3))
        for line in view.lines:
            card = NumberCard(line.name, [line.note])
            card.add_number(line.number, line.links())
            self._add_card(page, card)
        finder = LinkButton(view.finder_link())
        finder.activated.connect(self._on_link)
        _add_as_wide_as_its_words(page, finder)

    def _add_card(self, page: QVBoxLayout, card: NumberCard) -> None:
        card.link_activated.connect(self._on_link)
        page.addWidget(card)

    # Events ------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._since_shown.start()
        if not self._told:
            self._told = True
            self._scroll.verticalScrollBar().setValue(0)
            QTimer.singleShot(0, self, self._show_first)
            announce(self, self._said())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self.isHidden():  # itself, not the window around it
            self._told = False

    def _show_first(self) -> None:
        """Where room is short the title gives way to the first number and its button."""
        page = self._scroll.widget()
        if page is None or self._view is None or not self._view.emergency:
            return
        card = page.findChild(NumberCard)
        rows = card.first_rows()
        middle = card.mapTo(page, rows.center())
        self._scroll.ensureVisible(0, middle.y(), 0, rows.height() // 2 + 1)

    def _on_link(self, url: str) -> None:
        if self._on_purpose():
            self.link_activated.emit(url)

    def _on_country(self) -> None:
        if self._on_purpose():
            self.country_requested.emit()

    def _on_purpose(self) -> bool:
        """Whether there was time to see what is pressed."""
        return self._since_shown.elapsed() >= HOLD_MS

    def _said(self) -> str:
        view = self._view or HelpView()
        numbers = (f"{entry.label}, {entry.number}." for entry in view.foremost)
        title, words = text("window.emergency_title"), text("window.emergency_words")
        return " ".join([f"{title}.", *numbers, words])


def _add_section(page: QVBoxLayout, key: str) -> None:
    page.addSpacing(BEFORE_SECTION)
    page.addWidget(heading(text(key), 3))
    page.addWidget(paragraph(text(f"{key}_words")))


def _add_as_wide_as_its_words(page: QVBoxLayout, made: QPushButton) -> None:
    row = FlowLayout()
    row.addWidget(made)
    page.addLayout(row)


def _centred(column: QVBoxLayout) -> QWidget:
    """The column in the middle of whatever width there is, and never too wide to read."""
    middle = QWidget()
    middle.setMaximumWidth(WIDEST)
    middle.setLayout(column)
    page = QWidget()
    row = QHBoxLayout(page)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(middle)
    return page
