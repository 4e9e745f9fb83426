from __future__ import annotations

from datetime import date

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop.help_panel import HelpPanel
from desktop.help_parts import CopyButton, LinkButton
from desktop.help_view import HelpLine, HelpNumber, HelpView
from desktop.theme import Appearance
from theragen_core.directory import FINDER_URL, Method

PAGE, CHAT = "https://line.example/", "https://chat.example/"
BOTH = (Method.CALL, Method.TEXT)

# Numbers of no country.
VIEW = HelpView(
    country="XB",
    countries=(("XA", "First country"), ("XB", "Second country")),
    emergency=(
        HelpNumber("Ambulance", "000 1", checked_at=date(2020, 2, 29)),
        HelpNumber("Police", "0002"),
    ),
    lines=(
        HelpLine("A listening line", "+00 (12) 34", "Day and night", BOTH, PAGE, date(2021, 6, 2)),
        HelpLine("A line to write to", "00 56", "Text the word HELLO", (Method.TEXT,)),
        HelpLine("A chat", methods=(Method.CHAT,), page=CHAT),
    ),
    exercises=(("Slow breathing", "Breathe out slowly."), ("5-4-3", "Name five things.")),
    sources=("a list of 2020", "another list"),
)


@pytest.fixture
def panel(qtbot: QtBot) -> HelpPanel:
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.set_help(VIEW)
    with qtbot.waitActive(panel):
        panel.show()
    return panel


def page(panel: HelpPanel) -> QWidget:
    shown = panel._scroll.widget()
    assert shown is not None
    return shown


def words(panel: HelpPanel) -> str:
    return "\n".join(label.text() for label in page(panel).findChildren(QLabel))


def test_shows_numbers_lines_and_exercises(panel: HelpPanel) -> None:
    shown = words(panel)
    assert shown.index("Ambulance") < shown.index("Police") < shown.index("A listening line")
    for part in ("000 1", "0002", "+00 (12) 34", "Day and night", "A chat"):
        assert part in shown
    for part in ("Slow breathing", "Breathe out slowly.", "5-4-3", "Name five things."):
        assert part in shown
    assert panel._country.currentText() == "Second country"


def test_links_are_told_and_not_opened(panel: HelpPanel, qtbot: QtBot) -> None:
    told: list[str] = []
    panel.link_activated.connect(told.append)
    for link in page(panel).findChildren(LinkButton):
        link.click()
    lines = ["tel:+001234", "sms:+001234", PAGE, "sms:0056", CHAT]
    assert told == ["tel:0001", "tel:0002", *lines, FINDER_URL]


def test_tells_when_each_number_was_checked_and_where_it_is_from(panel: HelpPanel) -> None:
    shown = words(panel)
    assert "Checked on 29 February 2020, " in shown
    assert "Checked on 2 June 2021, " in shown
    assert shown.count("Checked on") == 2  # for the others it is not known
    assert shown.index("public lists") < shown.index("a list of 2020") < shown.index("another list")
    panel.set_help(HelpView())
    assert "public lists" not in words(panel)


def test_a_safety_plan_is_there_in_every_country(panel: HelpPanel) -> None:
    for view in (VIEW, HelpView()):
        panel.set_help(view)
        shown = words(panel)
        steps = [shown.index(f"\n{number}. ") for number in range(1, 8)]
        assert steps == sorted(steps)
        assert "out of my reach" in shown


def test_where_it_is_not_known_who_answers_the_panel_says_so(panel: HelpPanel) -> None:
    assert "not known" not in words(panel)
    unsure = HelpNumber("Emergency", "0005", unsure=True)
    panel.set_help(HelpView(emergency=(unsure,)))
    assert "not known" not in words(panel)  # there is no other to try
    panel.set_help(HelpView(emergency=(unsure, unsure)))
    assert "not known" in words(panel)


def test_nothing_is_cut_off_in_a_narrow_window_with_large_text(
    panel: HelpPanel, appearance: Appearance, qtbot: QtBot
) -> None:
    appearance.set_text_size(200)
    panel.resize(360, 640)
    qtbot.wait(50)  # until every part has its new font
    assert page(panel).width() <= panel._scroll.viewport().width()
    for link in page(panel).findChildren(LinkButton):
        assert link.height() >= link.heightForWidth(link.width()), link.accessibleName()


def test_a_number_can_be_copied(panel: HelpPanel) -> None:
    page(panel).findChildren(CopyButton)[2].click()
    assert QGuiApplication.clipboard().text() == "+00 (12) 34"
    QGuiApplication.clipboard().clear()


def test_another_country_is_told(panel: HelpPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.country_changed) as signal:
        panel._country.activated.emit(0)
    assert signal.args == ["XA"]


def test_an_unknown_country_still_leads_to_people(panel: HelpPanel, qtbot: QtBot) -> None:
    panel.set_help(HelpView())
    shown = words(panel)
    assert "Call the emergency number of your country." in shown
    assert "000 1" not in shown
    assert "please choose yours above" in shown
    assert "No line for your country" not in shown
    (finder,) = page(panel).findChildren(LinkButton)
    with qtbot.waitSignal(panel.link_activated) as signal:
        finder.click()
    assert signal.args == [FINDER_URL]


def test_the_country_is_asked_for_where_none_is_known(panel: HelpPanel) -> None:
    panel.set_help(HelpView(countries=VIEW.countries))
    assert panel._country.currentIndex() == -1
    assert panel._country.placeholderText() == "Choose your country …"
    panel.set_help(HelpView("XA", VIEW.countries))
    assert "No line for your country" in words(panel)  # it is known, and has none
    assert "please choose yours above" not in words(panel)


def test_panel_and_countries_have_names_for_screen_readers(panel: HelpPanel) -> None:
    label = next(part for part in panel.findChildren(QLabel) if part.buddy() is panel._country)
    assert label.text() == "Country"
    assert label.isVisible()
    box = QAccessible.queryAccessibleInterface(panel._country)
    assert [other.text(QAccessible.Text.Name) for other, _ in box.relations()] == ["Country"]
    assert panel.accessibleName() == "Help"


def first_link(panel: HelpPanel) -> LinkButton:
    return page(panel).findChildren(LinkButton)[0]


def test_the_focus_starts_at_the_first_link_and_stays_there(panel: HelpPanel) -> None:
    panel.setFocus()
    assert first_link(panel).hasFocus()
    panel.set_help(HelpView(emergency=(HelpNumber("Fire brigade", "0009"),)))
    assert first_link(panel).accessibleName() == "Call Fire brigade, 0009"
    assert first_link(panel).hasFocus()


def test_who_chooses_a_country_stays_at_the_box(panel: HelpPanel) -> None:
    panel.choose_country()
    panel.set_help(HelpView("XA", VIEW.countries))
    assert panel._country.hasFocus()


def test_keys_scroll_the_page_from_everywhere(panel: HelpPanel) -> None:
    panel.resize(400, 300)
    QTest.qWait(50)
    bar = panel._scroll.verticalScrollBar()
    for place in (first_link(panel), panel._country, panel._close):
        bar.setValue(0)
        QTest.keyClick(place, Qt.Key.Key_PageDown)
        assert bar.value() > 0
        QTest.keyClick(place, Qt.Key.Key_PageUp)
        assert bar.value() == 0
    assert panel._country.currentText() == "Second country"


def test_esc_closes_the_panel(panel: HelpPanel, qtbot: QtBot) -> None:
    for place in (first_link(panel), panel._country, panel._close):
        with qtbot.waitSignal(panel.closed):
            QTest.keyClick(place, Qt.Key.Key_Escape)
