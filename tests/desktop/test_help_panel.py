from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop.help_panel import FINDER, CopyButton, HelpLine, HelpPanel, HelpView, LinkButton

# Numbers of no country.
VIEW = HelpView(
    country="XB",
    countries=(("XA", "First country"), ("XB", "Second country")),
    emergency=(("Ambulance", "000 1"), ("Police", "0002")),
    lines=(
        HelpLine("A listening line", "+00 (12) 34", "Day and night"),
        HelpLine("A line to write to", "00 56", "Text the word HELLO", by_text=True),
    ),
    grounding="Name five things that you see.",
)


@pytest.fixture
def panel(qtbot: QtBot) -> HelpPanel:
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.set_help(VIEW)
    panel.show()
    return panel


def page(panel: HelpPanel) -> QWidget:
    shown = panel._scroll.widget()
    assert shown is not None
    return shown


def words(panel: HelpPanel) -> str:
    return "\n".join(label.text() for label in page(panel).findChildren(QLabel))


def test_shows_numbers_lines_and_the_exercise(panel: HelpPanel) -> None:
    shown = words(panel)
    assert shown.index("Ambulance") < shown.index("Police") < shown.index("A listening line")
    for part in ("000 1", "0002", "+00 (12) 34", "Day and night", "Name five things"):
        assert part in shown
    assert panel._country.currentText() == "Second country"


def test_links_are_told_and_not_opened(panel: HelpPanel, qtbot: QtBot) -> None:
    told: list[str] = []
    panel.link_activated.connect(told.append)
    for link in page(panel).findChildren(LinkButton):
        link.click()
    assert told == ["tel:0001", "tel:0002", "tel:+001234", "sms:0056", FINDER]


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
    (finder,) = page(panel).findChildren(LinkButton)
    with qtbot.waitSignal(panel.link_activated) as signal:
        finder.click()
    assert signal.args == [FINDER]
