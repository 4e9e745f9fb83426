from __future__ import annotations

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.announce import announce


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
