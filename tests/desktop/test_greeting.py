"""The welcome can be read whole in any window."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop.greeting import Greeting


@pytest.mark.parametrize("size", [(900, 600), (400, 300), (400, 120)])
def test_no_words_are_cut_off(qtbot: QtBot, size: tuple[int, int]) -> None:
    greeting = Greeting()
    qtbot.addWidget(greeting)
    greeting.setStyleSheet("* { font-size: 26pt; }")
    greeting.set_model_note("You are talking with a small model. It often misunderstands.")
    greeting.resize(*size)
    with qtbot.waitExposed(greeting):
        greeting.show()

    for words in greeting.findChildren(QLabel) + greeting.findChildren(QPushButton):
        assert words.height() >= words.heightForWidth(words.width()), type(words)
        assert words.width() <= size[0]


def test_the_way_to_other_models_is_there_with_the_note(qtbot: QtBot) -> None:
    greeting = Greeting()
    qtbot.addWidget(greeting)
    (link,) = greeting.findChildren(QPushButton)
    assert link.isHidden()
    greeting.set_model_note("A note.")
    with qtbot.waitSignal(greeting.model_requested):
        link.click()
