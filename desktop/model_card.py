"""One model in the model manager: what it is, how it stands, and what can be done with it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.flow_layout import FlowLayout
from desktop.parts import button, heading, paragraph
from theragen_core import catalog
from theragen_core.model_list import ListedModel, State
from theragen_core.resources import text

STARTER = "starter"  # the id of the model that cannot be removed

ACTIONS = ("use", "download", "resume", "pause", "cancel", "remove", "page")
_OF_STATE = {
    State.PRESENT: {"use", "remove"},
    State.MISSING: {"remove"},
    State.PARTIAL: {"resume", "cancel"},
    State.ABSENT: {"download"},
    State.LINK: set[str](),
}
_STEPS = 1000


def gigabytes(size: int) -> str:
    """A size in bytes, as hubs write it."""
    return text("manager.gigabytes", size=size / 1e9)


def progress_bar(name: str) -> QProgressBar:
    bar = QProgressBar()
    bar.setRange(0, _STEPS)
    bar.setTextVisible(False)
    bar.setAccessibleName(text("manager.progress_name", name=name))
    return bar


def show_part(bar: QProgressBar, done: int, total: int) -> None:
    bar.setValue(_STEPS * done // max(1, total))


class ModelCard(QFrame):
    """Its buttons are there from the beginning; those that make sense are shown."""

    asked = Signal(str, str)  # one of ACTIONS, and the id of the model

    def __init__(self, model: ListedModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(model.name)
        self._facts = paragraph("", muted=True)
        self.state = paragraph("")
        self.bar = progress_bar(model.name)
        self.buttons = {action: self._make_button(action, model) for action in ACTIONS}
        row = FlowLayout()
        for made in self.buttons.values():
            row.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 12)
        column.setSpacing(6)
        column.addWidget(heading(model.name, 4))
        if model.note:
            column.addWidget(paragraph(model.note, muted=True))
        for part in (self._facts, self.state, self.bar):
            column.addWidget(part)
        column.addLayout(row)

    def show_model(self, model: ListedModel, used: bool, busy: bool) -> None:
        """How it stands while nothing is done with it; `busy`: something is done with another."""
        self._facts.setText(_facts(model))
        self._show_state(_state(model, used))
        self.bar.setVisible(model.state is State.PARTIAL)
        show_part(self.bar, model.fetched, model.size)
        shown = set(_OF_STATE[model.state])
        if used:
            shown -= {"use", "remove"}
        if model.id == STARTER:
            shown.discard("remove")
        if model.page:
            shown.add("page")
        self._show_buttons(shown, enabled=not busy)

    def show_progress(self, words: str, done: int, total: int, pausable: bool) -> None:
        """How far the job is that is done with it."""
        self._show_state(words)
        self.bar.show()
        show_part(self.bar, done, total)
        self._show_buttons({"pause", "cancel"} if pausable else set(), enabled=True)

    def _show_state(self, words: str) -> None:
        self.state.setText(words)
        self.state.setVisible(bool(words))

    def _show_buttons(self, shown: set[str], enabled: bool) -> None:
        focused = next((a for a, made in self.buttons.items() if made.hasFocus()), "")
        for action, made in self.buttons.items():
            made.setVisible(action in shown)
            made.setEnabled(enabled or action in ("use", "page"))
        if focused and focused not in shown:  # the keyboard stays on this card
            ready = (made for action, made in self.buttons.items() if action in shown)
            next((made for made in ready if made.isEnabled()), self).setFocus()

    def _make_button(self, action: str, model: ListedModel) -> QPushButton:
        made = button(f"manager.{action}", primary=action == "use", link=action == "page")
        size = gigabytes(model.size)
        made.setAccessibleName(text(f"manager.{action}_name", name=model.name, size=size))
        made.clicked.connect(partial(self._on_clicked, action, model.id))
        made.hide()
        return made

    def _on_clicked(self, action: str, model_id: str) -> None:
        self.asked.emit(action, model_id)


def _facts(model: ListedModel) -> str:
    size = gigabytes(model.size)
    licensed = "facts" if model.licence else "facts_without_licence"
    lines = [text(f"manager.{licensed}", size=size, licence=model.licence)]
    need = gigabytes(catalog.memory_needed(model.size))
    lines.append(text("manager.fits" if model.fits else "manager.too_large", size=need))
    if not model.owned:
        lines.append(text("manager.where", path=model.path))
    return "\n".join(lines)


def _state(model: ListedModel, used: bool) -> str:
    if used:
        return text("manager.in_use")
    if model.state is State.PARTIAL:
        done, total = gigabytes(model.fetched), gigabytes(model.size)
        return text("manager.partial", done=done, total=total)
    words = {State.MISSING: "manager.missing", State.LINK: "manager.link"}
    return text(words[model.state]) if model.state in words else ""
