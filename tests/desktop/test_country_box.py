from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.country_box import CountryBox

COUNTRIES = ("Albania", "Belgium", "Brazil", "Canada")
KEY = Qt.Key

# The offscreen platform has no window manager to tell of a list that opens.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (raise|grabbing the keyboard)")


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    page = QWidget()
    qtbot.addWidget(page)
    return page


@pytest.fixture
def box(qtbot: QtBot, page: QWidget) -> CountryBox:
    box = CountryBox()
    box.addItems(COUNTRIES)
    box.setCurrentIndex(1)
    QVBoxLayout(page).addWidget(box)
    with qtbot.waitActive(page):
        page.show()
    box.setFocus()
    return box


def wheel(box: CountryBox) -> QWheelEvent:
    middle = QPointF(box.rect().center())
    return QWheelEvent(
        middle,
        box.mapToGlobal(middle),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


def test_the_wheel_is_left_to_the_page(box: CountryBox) -> None:
    event = wheel(box)
    box.wheelEvent(event)
    assert not event.isAccepted()
    assert box.currentText() == "Belgium"


@pytest.mark.parametrize("key", [KEY.Key_PageUp, KEY.Key_PageDown, KEY.Key_Home, KEY.Key_End])
def test_keys_that_scroll_are_left_to_the_page(box: CountryBox, key: Qt.Key) -> None:
    QTest.keyClick(box, key)
    assert box.currentText() == "Belgium"
    assert not box.view().isVisible()


@pytest.mark.parametrize("key", [KEY.Key_Up, KEY.Key_Down, KEY.Key_Space, KEY.Key_Return])
def test_other_keys_open_the_list_and_choose_nothing(box: CountryBox, key: Qt.Key) -> None:
    QTest.keyClick(box, key)
    assert box.view().isVisible()
    assert box.currentText() == "Belgium"


def test_letters_search_in_the_list_until_one_is_chosen(box: CountryBox, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(box.activated):
        QTest.keyClicks(box, "b")
        QTest.keyClicks(box.view(), "ra")
    assert box.view().currentIndex().data() == "Brazil"
    assert box.currentText() == "Belgium"
    with qtbot.waitSignal(box.activated):
        QTest.keyClick(box.view(), KEY.Key_Return)
    assert box.currentText() == "Brazil"
    assert not box.view().isVisible()


def test_an_opened_list_works_as_usual(box: CountryBox) -> None:
    box.showPopup()
    for key in (KEY.Key_End, KEY.Key_Up, KEY.Key_Return):
        QTest.keyClick(box.view(), key)
    assert box.currentText() == "Brazil"
    box.showPopup()
    QTest.keyClick(box.view(), KEY.Key_Down)
    QTest.keyClick(box.view(), KEY.Key_Escape)
    assert box.currentText() == "Brazil"


def test_keys_of_commands_open_nothing(box: CountryBox) -> None:
    QTest.keyClick(box, KEY.Key_C, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(box, KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    assert not box.view().isVisible()
    assert box.currentText() == "Belgium"


def test_a_long_name_makes_no_wide_box(box: CountryBox) -> None:
    before = box.minimumSizeHint().width()
    box.addItem("A country with a name that is longer than others by far")
    assert box.minimumSizeHint().width() == before
