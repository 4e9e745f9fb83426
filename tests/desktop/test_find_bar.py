from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.find_bar import FindBar


@pytest.fixture
def bar(qtbot: QtBot) -> FindBar:
    bar = FindBar()
    qtbot.addWidget(bar)
    bar.open()
    return bar


def test_enter_searches(qtbot: QtBot, bar: FindBar) -> None:
    QTest.keyClicks(bar._edit, "sleep")
    with qtbot.waitSignal(bar.searched) as signal:
        QTest.keyClick(bar._edit, Qt.Key.Key_Return)
    assert signal.args == ["sleep", False]


def test_esc_closes_and_forgets(qtbot: QtBot, bar: FindBar) -> None:
    QTest.keyClicks(bar._edit, "sleep")
    bar.set_count(3)
    with qtbot.waitSignal(bar.closed):
        QTest.keyClick(bar._edit, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert bar._edit.text() == ""
    bar._edit.undo()
    assert bar._edit.text() == ""
