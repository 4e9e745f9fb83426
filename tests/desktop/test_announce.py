from __future__ import annotations

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.announce import announce


def test_what_is_not_in_sight_says_nothing(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(QAccessible, "updateAccessibility", said.append)
    label = QLabel()
    qtbot.addWidget(label)
    announce(label, "A whole reply.")
    assert said == []
    label.show()
    announce(label, "A whole reply.")
    assert len(said) == 1


@pytest.mark.parametrize("active", [False, True])
def test_is_quiet_without_a_reader_and_works_with_one(qtbot: QtBot, active: bool) -> None:
    label = QLabel()
    qtbot.addWidget(label)
    label.show()
    was = QAccessible.isActive()
    QAccessible.setActive(active)
    announce(label, "A whole reply.")
    announce(label, "")
    QAccessible.setActive(was)
