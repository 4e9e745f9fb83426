"""The card above the composer that stays once a conversation became heavy: people to turn to.

Calm, in sight, and in nobody's way; what stands on it needs no model. Opens nothing by itself.
"""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.announce import announce
from desktop.flow_layout import FlowLayout, WrappingButton
from desktop.help_parts import LinkButton
from desktop.help_view import HelpView, Link
from desktop.parts import ScrollArea, paragraph, tool_button
from theragen_core.resources import text

SPACING = 6
ANY_HEIGHT = 10_000


class HelpCard(QFrame):
    """Says why it is there: that things sound hard, that rules run alone, or both."""

    link_activated = Signal(str)
    help_requested = Signal()
    corrected = Signal()  # "that is not what I meant"
    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setAccessibleName(text("window.card_name"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view: HelpView | None = None
        self._concerned = self._rules_alone = self._told = False
        self._room = ANY_HEIGHT
        self._words = paragraph("")
        self._short = paragraph(text("help.card_title"))
        self._numbers = paragraph("")
        self._calls: list[LinkButton] = []
        self.more = WrappingButton(text("window.card_help"))
        self.correct = WrappingButton(text("window.not_meant"))
        self.close_button = tool_button("window.card_close", "window.card_close_name")
        self.close_button.setObjectName("close")
        self._flow = FlowLayout()
        self._content = QWidget()
        self._scroll = ScrollArea()
        self._build()
        self.more.clicked.connect(self.help_requested)
        self.correct.clicked.connect(self.corrected)
        self.close_button.clicked.connect(self._on_close)
        self.correct.hide()
        self.set_help(HelpView())

    def _build(self) -> None:
        column = QVBoxLayout()
        column.setSpacing(SPACING)
        for label in (self._words, self._short, self._numbers):
            column.addWidget(label)
        column.addLayout(self._flow)
        row = QHBoxLayout(self._content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addLayout(column, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._content.installEventFilter(self)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._content)
        for part in (self._content, self._scroll.viewport()):
            part.setAutoFillBackground(False)  # the card's own colour
        frame = QVBoxLayout(self)
        frame.setContentsMargins(12, 8, 8, 10)
        frame.addWidget(self._scroll)

    # What stands there -------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """All that it says, as a screen reader tells it."""
        return f"{self._words.text()}\n{self._numbers.text()}"

    @property
    def concerned(self) -> bool:
        return self._concerned

    def set_concerned(self, concerned: bool) -> None:
        """Whether the conversation is why the card is there."""
        self._concerned = concerned
        self._show_words()

    def set_rules_alone(self, alone: bool) -> None:
        """Whether only plain statements are noticed, which the card then says."""
        self._rules_alone = alone
        self._show_words()

    def set_correctable(self, correctable: bool) -> None:
        """Whether a person may say that they were misunderstood."""
        self.correct.setVisible(correctable)

    def set_help(self, view: HelpView) -> None:
        if view == self._view:
            return
        self._view = view
        self._show_words()
        self._show_links(view)

    def links(self) -> list[LinkButton]:
        """All that can be called, written to or opened."""
        return list(self._calls)

    def _show_words(self) -> None:
        alone = text("window.card_rules_alone") if self._rules_alone else ""
        concern = text("help.card_concern") if self._concerned or not alone else ""
        self._words.setText("\n".join(part for part in (concern, alone) if part))
        self._numbers.setText(_numbers(self._view or HelpView()))

    def _show_links(self, view: HelpView) -> None:
        while self._flow.takeAt(0) is not None:
            pass
        for old in self._calls:
            old.hide()
            old.deleteLater()
        self._calls = [self._make_link(link) for link in _links(view)]
        buttons: list[QPushButton] = [*self._calls, self.more, self.correct]
        for made in buttons:
            self._flow.addWidget(made)
        for before, after in pairwise([*buttons, self.close_button]):
            QWidget.setTabOrder(before, after)

    def _make_link(self, link: Link) -> LinkButton:
        made = LinkButton(link)
        made.setParent(self._content)
        made.show()
        made.activated.connect(self.link_activated)
        return made

    # Room --------------------------------------------------------------------------------------

    def set_room(self, height: int) -> None:
        """So tall it may be at most. Where that is little it says less, and in the end scrolls."""
        self._room = height
        self._fit()

    def _fit(self) -> None:
        width = self._content.width() - self.close_button.sizeHint().width() - SPACING
        buttons = self._flow.heightForWidth(width)
        height = buttons
        said: tuple[QLabel, ...] = ()
        for labels in ((self._words, self._numbers), (self._short,)):
            wanted = buttons + sum(label.heightForWidth(width) + SPACING for label in labels)
            if wanted <= self._room:
                height, said = wanted, labels
                break
        for label in (self._words, self._numbers, self._short):
            label.setVisible(label in said)
        height = max(height, self.close_button.sizeHint().height())
        self._scroll.setFixedHeight(min(height, self._room))

    # Events ------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        elif event.type() == QEvent.Type.Resize:
            # Not while the area is still giving its content a size: it would keep the old height.
            QTimer.singleShot(0, self, self._fit)
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._told:
            self._told = True
            announce(self, self.words)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self.isHidden():  # itself, not the window around it
            self._told = False

    def _on_close(self) -> None:
        self.hide()
        self.dismissed.emit()


def _links(view: HelpView) -> tuple[Link, ...]:
    """For the first emergency number and the first line, else the way to find one."""
    calls = tuple(link for entry in view.foremost for link in entry.links(with_number=True))
    lines = view.lines[0].links(with_number=True) if view.lines else (view.finder_link(),)
    return calls + lines


def _numbers(view: HelpView) -> str:
    """For example "Ambulance: 000 1 · A listening line: 000 2 (A country)"."""
    if not view.foremost:
        return text("window.help_no_numbers")
    numbers = text("window.card_or").join(entry.number for entry in view.foremost)
    entries = [(view.foremost[0].label, numbers)]
    entries += [(line.name, line.number) for line in view.lines[:1] if line.number]
    said = " · ".join(text("window.card_entry", label=a, numbers=b) for a, b in entries)
    if not view.country_name:
        return said
    return text("window.card_entries_of", entries=said, country=view.country_name)
