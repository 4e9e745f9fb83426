"""A question with a few answers, the last of which changes nothing."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget

from theragen_core.resources import text


class Question(QMessageBox):
    answered = Signal(str)  # the text id of the answer; none for the last one

    def __init__(self, words: str, *answers: str, parent: QWidget | None = None) -> None:
        """`answers` are text ids. The last one is what Esc means."""
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Question)
        self.setText(words)
        role = QMessageBox.ButtonRole
        self.choices = {
            answer: self.addButton(text(answer), role.RejectRole if last else role.ActionRole)
            for answer, last in zip(answers, [False] * (len(answers) - 1) + [True], strict=True)
        }
        self.setEscapeButton(self.choices[answers[-1]])
        self.buttonClicked.connect(self._on_clicked)
        self.finished.connect(self.deleteLater)

    def _on_clicked(self, clicked: QAbstractButton) -> None:
        answer = next(answer for answer, made in self.choices.items() if made is clicked)
        if clicked is not self.escapeButton():
            self.answered.emit(answer)
