from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from desktop.help_card import HelpCard
from desktop.help_view import HelpLine, HelpNumber, HelpView
from theragen_core.directory import FINDER_URL, Method

BOTH = (Method.CALL, Method.TEXT)
VIEW = HelpView(
    emergency=(HelpNumber("Ambulance", "000 1"), HelpNumber("Police", "0002")),
    lines=(HelpLine("A listening line", "00 34", methods=BOTH), HelpLine("Another", "0056")),
)
UNSURE = HelpView(
    emergency=(HelpNumber("Emergency", "0005", True), HelpNumber("Emergency", "0006", True))
)


@pytest.fixture
def card(qtbot: QtBot) -> HelpCard:
    card = HelpCard()
    qtbot.addWidget(card)
    card.resize(600, 120)
    card.set_help(VIEW)
    card.set_concerned(True)
    card.show()
    return card


def words(card: HelpCard) -> str:
    return "\n".join(label.text() for label in card.findChildren(QLabel) if label.isVisible())


def test_tells_of_people_with_the_first_number_and_line(card: HelpCard) -> None:
    assert "There are people you can talk to" in words(card)
    assert "Ambulance: 000 1 · A listening line: 00 34" in words(card)
    assert "Police" not in words(card)
    assert "plain statements" not in words(card)


def test_says_which_country_the_numbers_are_of(card: HelpCard) -> None:
    assert "(" not in words(card)  # it is not known
    card.set_help(replace(VIEW, country="XA", countries=(("XA", "A country"),)))
    assert "Ambulance: 000 1 · A listening line: 00 34 (A country)" in words(card)
    card.set_help(HelpView("XA", (("XA", "A country"),)))
    assert "A country" not in words(card)  # no number is there


def test_links_are_told_and_not_opened(card: HelpCard) -> None:
    told: list[str] = []
    card.link_activated.connect(told.append)
    for link in card.links():
        link.click()
    assert told == ["tel:0001", "tel:0034", "sms:0034"]


def test_where_it_is_not_known_who_answers_all_numbers_are_there(card: HelpCard) -> None:
    card.set_help(UNSURE)
    assert "Emergency: 0005 or 0006" in words(card)
    assert [link.text() for link in card.links()][:2] == ["Call 0005", "Call 0006"]


def test_an_unknown_country_still_leads_to_people(card: HelpCard, qtbot: QtBot) -> None:
    card.set_help(HelpView())
    assert "Call the emergency number of your country." in words(card)
    (finder,) = card.links()
    with qtbot.waitSignal(card.link_activated) as signal:
        finder.click()
    assert signal.args == [FINDER_URL]


def test_buttons_tell_what_was_asked_for(card: HelpCard, qtbot: QtBot) -> None:
    card.set_correctable(True)
    with qtbot.waitSignal(card.help_requested):
        card.more.click()
    with qtbot.waitSignal(card.corrected):
        card.correct.click()
    assert card.isVisible()
    with qtbot.waitSignal(card.dismissed):
        card.close_button.click()
    assert not card.isVisible()


def test_a_misunderstanding_can_be_put_right_only_where_there_may_be_one(card: HelpCard) -> None:
    assert not card.correct.isVisible()
    card.set_correctable(True)
    assert card.correct.isVisible()
    card.set_correctable(False)
    assert not card.correct.isVisible()


def test_says_when_rules_run_alone(card: HelpCard) -> None:
    card.set_rules_alone(True)
    assert "only plain statements of danger" in words(card)
    assert "things are very hard" in words(card)
    card.set_concerned(False)
    assert "things are very hard" not in words(card)
    card.set_rules_alone(False)
    assert "plain statements" not in words(card)


def test_is_announced_once_whenever_it_comes_up(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("desktop.help_card.announce", lambda widget, words: said.append(words))
    window = QWidget()
    qtbot.addWidget(window)
    card = HelpCard(window)
    card.set_help(VIEW)
    card.show()
    assert said == []  # the window is not in sight yet
    window.show()
    window.hide()
    window.show()
    assert len(said) == 1
    assert "people you can talk to" in said[0]
    assert "000 1" in said[0]
    card.hide()
    card.show()
    assert len(said) == 2


def test_every_control_is_named_and_reached_in_the_order_of_sight(
    card: HelpCard, qtbot: QtBot
) -> None:
    card.set_correctable(True)
    card.set_help(UNSURE)
    card.set_help(VIEW)  # made anew
    with qtbot.waitActive(card):
        card.activateWindow()
    order = [*card.links(), card.more, card.correct, card.close_button]
    order[0].setFocus()
    for before, after in pairwise(order):
        assert before.hasFocus(), before.text()
        QTest.keyClick(before, Qt.Key.Key_Tab)
        assert after.hasFocus(), after.text()
    assert order[0].accessibleName() == "Call Ambulance, 000 1"
    assert all(control.accessibleName() for control in order)
    assert card.accessibleName()


def test_says_less_where_there_is_little_room_and_loses_no_button(card: HelpCard) -> None:
    whole = card.sizeHint().height()
    card.set_correctable(True)
    card.set_room(whole - 30)
    assert "People you can talk to" in words(card)
    assert "things are very hard" not in words(card)
    card.set_room(20)
    assert words(card) == ""
    (scroll,) = card.findChildren(QScrollArea)
    assert scroll.height() == 20
    card.set_room(1000)
    assert "things are very hard" in words(card)
    assert "000 1" in words(card)


def test_the_same_view_leaves_the_focus_where_it_is(card: HelpCard, qtbot: QtBot) -> None:
    before = card.links()
    card.set_help(HelpView(emergency=VIEW.emergency, lines=VIEW.lines))
    assert card.links() == before
