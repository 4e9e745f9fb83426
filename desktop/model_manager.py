"""The models, as a page: those on this computer first, then those that can be had.

Shows what it is given and tells what was asked for. Doing it is the affair of model_desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.announce import announce
from desktop.flow_layout import FlowLayout
from desktop.model_card import ModelCard, progress_bar, show_part
from desktop.parts import ScrollArea, button, heading, paragraph
from theragen_core.model_list import ListedModel, State
from theragen_core.resources import text

WIDTH, LINES = 76, 42  # in characters and lines of text
_HERE = (State.PRESENT, State.MISSING)


class ModelManager(QDialog):
    asked = Signal(str, str)  # an action of a card, and the id of its model
    add_requested = Signal()
    folder_requested = Signal()
    stop_requested = Signal()  # adding a file

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[str, ModelCard] = {}
        self._active = ""
        self.setWindowTitle(text("manager.title"))
        self._make_foot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 16)
        column.setSpacing(8)
        column.addWidget(self._make_page(), 1)
        column.addLayout(self._foot)
        self.resize(self._comfortable())

    # Building ----------------------------------------------------------------------------------

    def _make_page(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(20, 18, 20, 8)
        column.setSpacing(8)
        column.addWidget(paragraph(text("manager.intro")))
        self._here, self._more = QVBoxLayout(), QVBoxLayout()
        for title, cards in (("yours", self._here), ("more", self._more)):
            column.addWidget(heading(text(f"manager.{title}"), 3))
            cards.setSpacing(8)
            column.addLayout(cards)
        column.addWidget(heading(text("manager.folder"), 3))
        column.addWidget(self.folder)
        column.addWidget(self.change, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self._scroll = ScrollArea()
        self._scroll.setAccessibleName(text("manager.title"))  # keys scroll it
        self._scroll.setWidget(page)
        return self._scroll

    def _make_foot(self) -> None:
        self.news = paragraph("")
        self.news.hide()
        self.bar = progress_bar(text("manager.add"))
        self.bar.hide()
        self.folder = paragraph("", muted=True)
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.add = button("manager.add")
        self.add.setAccessibleName(text("manager.add_name"))
        self.add.clicked.connect(self.add_requested)
        self.change = button("manager.folder_change")
        self.change.setAccessibleName(text("manager.folder_change_name"))
        self.change.clicked.connect(self.folder_requested)
        self.stop = button("manager.cancel")
        self.stop.clicked.connect(self.stop_requested)
        self.stop.hide()
        self.shut = button("manager.close")
        self.shut.clicked.connect(self.accept)
        row = FlowLayout()
        for made in (self.add, self.stop, self.shut):
            row.addWidget(made)
        self._foot = QVBoxLayout()
        self._foot.setContentsMargins(20, 0, 20, 0)
        self._foot.setSpacing(8)
        self._foot.addWidget(self.news)
        self._foot.addWidget(self.bar)
        self._foot.addLayout(row)

    def _comfortable(self) -> QSize:
        """Room for some cards in any size of text, where the screen has it."""
        metrics = self.fontMetrics()
        wanted = QSize(WIDTH * metrics.averageCharWidth(), LINES * metrics.lineSpacing())
        return wanted.boundedTo(self.screen().availableSize() * 0.9)

    # What is shown -----------------------------------------------------------------------------

    def show_models(self, models: Sequence[ListedModel], used: str, active: str) -> None:
        """All models; `used` and `active` are ids, or empty."""
        self._active = active
        for gone in set(self.cards) - {model.id for model in models}:
            self.cards.pop(gone).deleteLater()
        for model in models:
            card = self.cards.get(model.id) or self._make_card(model)
            column = self._here if model.state in _HERE else self._more
            column.addWidget(card)
            if model.id != active:
                card.show_model(model, model.id == used, bool(active))
        self._show_busy(bool(active))
        self._order_keys(models)

    def show_folder(self, path: str, unchecked: int) -> None:
        """Where models are kept, and how many files are there that nobody added."""
        words = path
        if unchecked:
            words += "\n" + text("manager.folder_unchecked", count=unchecked)
        self.folder.setText(words)

    def show_progress(self, words: str, done: int, total: int, pausable: bool) -> None:
        """Of the active model, or of a file that is being added."""
        if card := self.cards.get(self._active):
            card.show_progress(words, done, total, pausable)
        else:
            self.bar.show()
            self.stop.show()
            show_part(self.bar, done, total)
            self._set_news(words)

    def tell(self, words: str) -> None:
        """Something to know, also for those who do not see it."""
        self._set_news(words)
        announce(self, words)

    def _set_news(self, words: str) -> None:
        self.news.setText(words)
        self.news.setVisible(bool(words))

    def _order_keys(self, models: Sequence[ListedModel]) -> None:
        """Tab goes as the eye does, also after a card has moved up."""
        here = [model.id for model in models if model.state in _HERE]
        more = [model.id for model in models if model.state not in _HERE]
        row = [made for name in here + more for made in self.cards[name].buttons.values()]
        for one, other in pairwise((*row, self.change, self.add, self.stop, self.shut)):
            self.setTabOrder(one, other)

    def _show_busy(self, busy: bool) -> None:
        self.add.setEnabled(not busy)
        self.change.setEnabled(not busy)
        if not busy:
            self.bar.hide()
            self.stop.hide()

    def _make_card(self, model: ListedModel) -> ModelCard:
        card = self.cards[model.id] = ModelCard(model)
        card.asked.connect(self.asked)
        return card
