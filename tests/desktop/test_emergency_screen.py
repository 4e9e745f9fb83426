from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop.emergency_screen import HOLD_MS, EmergencyScreen
from desktop.help_view import HelpLine, HelpNumber, HelpView
from desktop.theme import Appearance
from theragen_core.directory import FINDER_URL, Method

CHAT = "https://chat.example/"
VIEW = HelpView(
    emergency=(HelpNumber("Ambulance", "000 1"), HelpNumber("Police", "0002")),
    lines=(
        HelpLine("A listening line", "00 34", "Day and night", (Method.CALL, Method.TEXT)),
        HelpLine("A chat", methods=(Method.CHAT,), page=CHAT),
    ),
)
UNSURE = HelpView(
    emergency=(HelpNumber("Emergency", "0005", True), HelpNumber("Emergency", "0006", True))
)


@pytest.fixture
def screen(qtbot: QtBot, appearance: Appearance) -> EmergencyScreen:
    screen = EmergencyScreen()
    qtbot.addWidget(screen)
    screen.set_help(VIEW)
    screen.resize(700, 640)
    with qtbot.waitActive(screen):
        screen.show()
    screen.setFocus()
    return screen


def words(screen: EmergencyScreen) -> str:
    return "\n".join(label.text() for label in screen.findChildren(QLabel))


def test_numbers_come_first_then_what_to_do_then_people_to_talk_to(screen: EmergencyScreen) -> None:
    shown = words(screen)
    order = ["000 1", "0002", "Be with someone", "Put distance between you", "A listening line"]
    order.append("One slow breath")
    places = [shown.index(part) for part in order]
    assert places == sorted(places)
    assert "Day and night" in shown
    assert "I am an AI" in shown


def test_no_blame_and_no_promise(screen: EmergencyScreen) -> None:
    shown = words(screen).lower()
    for part in ("you must", "should have", "promise", "will be fine", "therapy", "!"):
        assert part not in shown


def test_links_are_told_and_not_opened(screen: EmergencyScreen, qtbot: QtBot) -> None:
    told: list[str] = []
    screen.link_activated.connect(told.append)
    qtbot.wait(HOLD_MS + 50)
    for link in screen.links():
        link.click()
    assert told == ["tel:0001", "tel:0002", "tel:0034", "sms:0034", CHAT, FINDER_URL]


def test_a_key_that_was_meant_for_the_composer_calls_nobody(
    screen: EmergencyScreen, qtbot: QtBot
) -> None:
    screen.hide()
    screen.show()
    with qtbot.assertNotEmitted(screen.link_activated):
        QTest.keyClick(screen.links()[0], Qt.Key.Key_Return)
        QTest.keyClick(screen.links()[0], Qt.Key.Key_Space)
    qtbot.wait(HOLD_MS + 50)
    with qtbot.waitSignal(screen.link_activated) as signal:
        QTest.keyClick(screen.links()[0], Qt.Key.Key_Return)
    assert signal.args == ["tel:0001"]


def test_tab_goes_from_the_first_number_to_the_way_back(screen: EmergencyScreen) -> None:
    screen.set_help(UNSURE)
    screen.set_help(VIEW)  # made anew
    order = [*screen.buttons(), screen.back, screen.correct]
    assert [button.text() for button in order[1:4]] == ["Call", "Choose your country", "Call"]
    screen.setFocus()
    for before in order:
        assert before.hasFocus(), before.text()
        assert before.accessibleName()
        QTest.keyClick(before, Qt.Key.Key_Tab)
    assert order[0].hasFocus()


def test_a_new_view_takes_the_focus_along(screen: EmergencyScreen) -> None:
    assert screen.links()[0].hasFocus()
    screen.set_help(UNSURE)
    assert screen.links()[0].hasFocus()
    assert screen.links()[0].accessibleName() == "Call Emergency, 0005"


def test_esc_and_the_button_lead_back(screen: EmergencyScreen, qtbot: QtBot) -> None:
    with qtbot.waitSignal(screen.closed):
        QTest.keyClick(screen.links()[0], Qt.Key.Key_Escape)
    with qtbot.waitSignal(screen.closed):
        QTest.keyClick(screen.back, Qt.Key.Key_Return)
    with qtbot.waitSignal(screen.corrected):
        screen.correct.click()


def test_numbers_of_which_it_is_not_known_who_answers_are_to_be_tried_in_turn(
    screen: EmergencyScreen,
) -> None:
    assert "not known" not in words(screen)
    screen.set_help(UNSURE)
    assert "not known here which service" in words(screen)
    assert [link.accessibleName() for link in screen.links()][:2] == [
        "Call Emergency, 0005",
        "Call Emergency, 0006",
    ]


def test_an_unknown_country_still_leads_to_people(screen: EmergencyScreen) -> None:
    screen.set_help(HelpView())
    assert "emergency number of your country" in words(screen)
    assert [link.accessibleName() for link in screen.links()] == [
        "Open findahelpline.com in your browser"
    ]


def test_is_announced_once_with_the_number(
    screen: EmergencyScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("desktop.emergency_screen.announce", lambda _, words: said.append(words))
    screen.hide()
    screen.show()
    assert len(said) == 1
    assert said[0].index("Ambulance, 000 1") < said[0].index("I am an AI")


def test_says_which_country_the_numbers_are_of_and_leads_to_another(
    screen: EmergencyScreen, qtbot: QtBot
) -> None:
    assert "Country: " not in words(screen)  # it is not known
    screen.set_help(replace(VIEW, country="XA", countries=(("XA", "A country"),)))
    shown = words(screen)
    assert shown.index("0002") < shown.index("Country: A country")
    assert shown.index("A country") < shown.index("I am an AI")
    (other,) = [button for button in screen.buttons() if button.text() == "Another country"]
    with qtbot.assertNotEmitted(screen.country_requested):
        QTest.keyClick(other, Qt.Key.Key_Return)  # it may have been meant for the composer
    qtbot.wait(HOLD_MS + 50)
    with qtbot.waitSignal(screen.country_requested):
        QTest.keyClick(other, Qt.Key.Key_Return)


def test_without_a_country_the_first_thing_is_to_choose_one(
    screen: EmergencyScreen, qtbot: QtBot
) -> None:
    screen.set_help(HelpView())
    (choose,) = [b for b in screen.buttons() if b.text() == "Choose your country"]
    assert choose.hasFocus()
    qtbot.wait(HOLD_MS + 50)
    with qtbot.waitSignal(screen.country_requested):
        choose.click()


def test_esc_is_kept_from_the_actions_of_the_window(screen: EmergencyScreen, qtbot: QtBot) -> None:
    stop = QAction(screen)
    stop.setShortcut(Qt.Key.Key_Escape)
    screen.addAction(stop)
    with qtbot.assertNotEmitted(stop.triggered), qtbot.waitSignal(screen.closed):
        QTest.keyClick(screen.back, Qt.Key.Key_Escape)


@pytest.mark.parametrize("view", [VIEW, UNSURE])
def test_the_first_number_is_in_sight_in_the_smallest_window(
    screen: EmergencyScreen, appearance: Appearance, qtbot: QtBot, view: HelpView
) -> None:
    appearance.set_text_size(200)
    screen.resize(360, 380)  # what a menu leaves of the window
    screen.hide()
    screen.set_help(view)
    screen._scroll.verticalScrollBar().setValue(10_000)
    screen.show()
    qtbot.wait(50)
    assert _whole(screen)
    screen.set_help(replace(view, country="XA", countries=(("XA", "A country"),)))
    qtbot.wait(50)
    assert _whole(screen)


def _whole(screen: EmergencyScreen) -> bool:
    """Whether nothing of the first number and its button is out of sight."""
    number = next(label for label in screen.findChildren(QLabel) if "000" in label.text())
    parts = (number, screen.links()[0])
    return all(part.visibleRegion().boundingRect() == part.rect() for part in parts)


@pytest.mark.parametrize("view", [VIEW, UNSURE, HelpView()])
def test_nothing_is_cut_off_in_a_narrow_window_with_large_text(
    screen: EmergencyScreen, appearance: Appearance, qtbot: QtBot, view: HelpView
) -> None:
    appearance.set_text_size(200)
    screen.set_help(view)
    screen.resize(360, 640)
    qtbot.wait(50)  # until every part has its new font
    page, port = screen._scroll.widget(), screen._scroll.viewport()
    assert page is not None
    assert page.width() <= port.width()
    parts: list[QLabel | QPushButton] = [*screen.buttons(), screen.back, screen.correct]
    for part in [*parts, *page.findChildren(QLabel)]:
        assert part.height() >= part.heightForWidth(part.width()), part.text()
        assert part.mapTo(screen, part.rect().topRight()).x() < screen.width(), part.text()
    if view.emergency:
        assert screen.links()[0].visibleRegion().boundingRect() == screen.links()[0].rect()
