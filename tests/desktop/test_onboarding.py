from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.onboarding import Onboarding
from desktop.theme import Appearance


@pytest.fixture
def page(qtbot: QtBot) -> Onboarding:
    page = Onboarding()
    qtbot.addWidget(page)
    page.show()
    return page


def test_begins_only_for_adults_or_beside_one(qtbot: QtBot, page: Onboarding) -> None:
    with qtbot.assertNotEmitted(page.accepted):
        page.begin.click()
    QTest.keyClick(page.age, Qt.Key.Key_Space)
    with qtbot.waitSignal(page.accepted):
        page.begin.click()
    page.age.setChecked(False)
    assert not page.begin.isEnabled()


def test_help_and_leaving_need_no_consent(qtbot: QtBot, page: Onboarding) -> None:
    with qtbot.waitSignal(page.help_requested):
        page.help.click()
    with qtbot.waitSignal(page.declined):
        page.quit.click()


def test_says_what_it_is_and_where_words_go(page: Onboarding) -> None:
    shown = " ".join(label.text() for label in page.findChildren(QLabel))
    for part in ("not a therapist", "emergency number", "stays in its memory", "mistakes"):
        assert part in shown


def test_nothing_is_cut_sideways_in_the_smallest_window(
    page: Onboarding, appearance: Appearance
) -> None:
    appearance.set_text_size(200)
    page.resize(360, 380)  # what a menu leaves of the window
    QTest.qWait(50)
    inner = page.widget()
    assert inner is not None
    assert inner.width() == page.viewport().width()
    assert page.begin.height() >= page.begin.heightForWidth(page.begin.width())
    assert page.begin.text() == "I understand,\nbegin"
    assert page.begin.accessibleName() == "I understand, begin"


def test_large_text_in_a_small_window_is_read_whole(page: Onboarding) -> None:
    page.setStyleSheet("* { font-size: 26pt; }")
    page.resize(420, 560)
    page.ensurePolished()
    QTest.qWait(50)
    inner = page.widget()
    assert inner is not None
    assert inner.width() == page.viewport().width()
    for part in (page.age, page.begin, page.help, page.quit, *page.findChildren(QLabel)):
        assert part.height() >= part.heightForWidth(part.width())
        assert part.width() >= part.minimumSizeHint().width()
    assert page.age.accessibleName() == page.age.text().replace("\n", " ")
