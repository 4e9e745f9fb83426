from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop.country_box import CountryBox
from desktop.emergency_screen import HOLD_MS, EmergencyScreen
from desktop.help_card import HelpCard
from desktop.help_panel import HelpPanel
from desktop.help_parts import LinkButton
from desktop.help_view import HelpLine, HelpNumber, HelpView
from desktop.main_window import MainWindow
from desktop.onboarding import Onboarding
from desktop.settings_dialog import SettingsDialog
from desktop.theme import Appearance
from theragen_core.conversation import MessageId, Role
from theragen_core.settings import Settings

CONTROLS = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QTextEdit, QPlainTextEdit)
HELP = HelpView(
    "XA", (("XA", "A country"),), (HelpNumber("Ambulance", "0001"),), (HelpLine("A", "0002"),)
)


@pytest.fixture
def window(qtbot: QtBot, appearance: Appearance) -> MainWindow:
    window = MainWindow(appearance.theme)
    qtbot.addWidget(window)
    window.set_help(HELP)
    with qtbot.waitActive(window):
        window.show()
    window.show_conversation()
    return window


def talk(window: MainWindow) -> None:
    for number, role in ((1, Role.USER), (2, Role.ASSISTANT)):
        window.chat.add_message(MessageId(number), role)
        window.chat.append_text(MessageId(number), "Some words about the week.")
        window.chat.finish_message(MessageId(number))


def focused(window: MainWindow) -> QWidget | None:
    widget = QApplication.focusWidget()
    return widget if widget is not None and window.isAncestorOf(widget) else None


def press(qtbot: QtBot, window: MainWindow, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    target = focused(window) or window
    QTest.keyClick(target, combination.key(), combination.keyboardModifiers())


def test_opens_on_the_composer(qtbot: QtBot, window: MainWindow) -> None:
    assert focused(window) is window.composer.edit
    assert window.chat.isHidden() or not window.chat.isVisible()
    talk(window)
    assert window.chat.isVisible()
    window.clear()
    assert not window.chat.isVisible()


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("Ctrl+N", "new"),
        ("Ctrl+Shift+Del", "forget"),
        ("Ctrl+Shift+C", "copy_all"),
        ("Ctrl+R", "try_again"),
        ("Esc", "stop"),
        ("F5", "restart"),
        ("Ctrl+,", "settings"),
        ("Ctrl++", "larger"),
        ("Ctrl+-", "smaller"),
        ("Ctrl+0", "normal_size"),
    ],
)
def test_keys_reach_their_actions(qtbot: QtBot, window: MainWindow, keys: str, name: str) -> None:
    action = getattr(window.actions_, name)
    action.setEnabled(True)
    with qtbot.waitSignal(action.triggered, timeout=1000):
        press(qtbot, window, keys)


def test_no_two_actions_share_a_key(window: MainWindow) -> None:
    keys = [key.toString() for action in window.actions() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))


def test_stop_is_offered_while_a_reply_is_written(qtbot: QtBot, window: MainWindow) -> None:
    assert not window.actions_.stop.isEnabled()
    window.set_generating(True)
    with qtbot.waitSignal(window.actions_.stop.triggered):
        window.composer.send.click()
    window.set_generating(False)
    assert not window.actions_.stop.isEnabled()


def test_esc_cancels_an_edit_or_a_search_before_it_stops_anything(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.composer.begin_editing("an earlier message")
    with qtbot.waitSignal(window.composer.editing_cancelled):
        press(qtbot, window, "Esc")
    window.set_generating(True)
    press(qtbot, window, "Ctrl+F")
    with qtbot.assertNotEmitted(window.actions_.stop.triggered):
        press(qtbot, window, "Esc")
    assert focused(window) is window.composer.edit


def test_help_needs_no_consent_and_no_model(qtbot: QtBot, window: MainWindow) -> None:
    window.ask_consent()
    with qtbot.waitSignal(window.help_opened):
        press(qtbot, window, "F1")
    panel = window._help_panel
    assert panel is not None
    assert panel.isVisible()
    press(qtbot, window, "F1")
    assert not panel.isVisible()


def test_in_a_narrow_window_help_takes_the_whole_width(window: MainWindow) -> None:
    window.open_help()
    assert window._front.isVisible()
    window.resize(480, 700)
    assert not window._front.isVisible()
    window.actions_.help.setChecked(False)
    assert window._front.isVisible()


def test_consent_stands_before_the_conversation(qtbot: QtBot, window: MainWindow) -> None:
    window.ask_consent()
    page = window.findChild(Onboarding)
    assert page is not None
    assert not window.composer.isVisible()
    assert focused(window) is page.age
    page.age.setChecked(True)
    with qtbot.waitSignal(window.accepted):
        page.begin.click()
    window.show_conversation()
    assert focused(window) is window.composer.edit


def test_one_key_hides_everything_and_brings_it_back(qtbot: QtBot, window: MainWindow) -> None:
    talk(window)
    press(qtbot, window, "F9")
    assert not window.chat.isVisible()
    assert not window.menuBar().isVisible()
    assert "TheraGen" not in window.windowTitle()
    press(qtbot, window, "F9")
    assert window.chat.isVisible()
    assert focused(window) is window.composer.edit


def test_a_fault_comes_with_its_remedy(qtbot: QtBot, window: MainWindow) -> None:
    window.show_fault("The model stopped.", window.actions_.restart)
    with qtbot.waitSignal(window.actions_.restart.triggered):
        window._banner_button.click()
    window.show_fault("Settings cannot be saved.")
    assert not window._banner_button.isVisible()
    window.clear_fault()
    assert not window._banner.isVisible()


def test_a_fault_and_its_remedies_can_be_read_in_a_narrow_window_with_large_text(
    qtbot: QtBot, window: MainWindow, appearance: Appearance
) -> None:
    actions = window.actions_
    window.show_fault("The model stopped.", actions.restart, actions.use_local)
    appearance.set_text_size(150)
    window.resize(400, 680)
    window.show_fault("The model stopped while it was loaded.", actions.restart, actions.settings)
    qtbot.wait(50)  # until every part has its new font
    words = window._banner_text
    assert words.height() >= words.heightForWidth(words.width())
    for button in (window._banner_button, window._banner_other):
        assert button.width() >= button.sizeHint().width()
        assert len(button.actions()) == 1
    window.resize(1200, 680)
    qtbot.wait(50)
    assert window._banner_button.geometry().left() > words.geometry().right()


def test_clear_leaves_no_word_anywhere(qtbot: QtBot, window: MainWindow) -> None:
    talk(window)
    QTest.keyClicks(window.composer.edit, "week draft")
    press(qtbot, window, "Ctrl+F")
    assert window._find_bar is not None
    QTest.keyClicks(window._find_bar._edit, "week")
    window.clear()
    held = [box.text() for box in window.findChildren(QLineEdit)]
    held += [box.toPlainText() for box in window.findChildren(QPlainTextEdit)]
    held += [box.toPlainText() for box in window.findChildren(QTextEdit)]
    assert not any("week" in text for text in held)


def test_messages_are_reached_by_keyboard(qtbot: QtBot, window: MainWindow) -> None:
    talk(window)
    press(qtbot, window, "Alt+Up")
    assert focused(window) is window.chat
    press(qtbot, window, "Tab")
    assert focused(window) is window.chat._bar.copy
    window.composer.setFocus()
    assert not window.chat._bar.isVisible()


def card(window: MainWindow) -> HelpCard:
    (found,) = window.findChildren(HelpCard)
    return found


def screen(window: MainWindow) -> EmergencyScreen:
    (found,) = window.findChildren(EmergencyScreen)
    return found


def test_help_is_made_when_it_is_first_needed(window: MainWindow) -> None:
    assert not window.shows_help
    window.hide_help_card()
    window.set_card_correctable(False)
    window.set_rules_alone(False)
    window.close_emergency()
    window.clear()
    for kind in (HelpCard, EmergencyScreen, HelpPanel):
        assert window.findChildren(kind) == []


def test_the_card_stands_above_the_composer_and_stays(qtbot: QtBot, window: MainWindow) -> None:
    press(qtbot, window, "Ctrl+F")
    with qtbot.waitSignal(window.help_opened):
        window.show_help_card()
    assert window.shows_help
    shown = card(window)
    assert window._find_bar is not None
    tops = [part.mapTo(window, part.rect().topLeft()).y() for part in _foot(window)]
    assert tops == sorted(tops)
    window.composer.setFocus()
    talk(window)
    assert shown.isVisible()
    window.show_help_card()
    assert window.findChildren(HelpCard) == [shown]


def _foot(window: MainWindow) -> list[QWidget]:
    assert window._find_bar is not None
    return [window._find_bar, card(window), window.composer]


def test_the_card_tells_what_was_pressed(qtbot: QtBot, window: MainWindow) -> None:
    window.show_help_card()
    window.set_card_correctable(True)
    with qtbot.waitSignal(window.link_activated) as signal:
        card(window).links()[0].click()
    assert signal.args == ["tel:0001"]
    with qtbot.waitSignal(window.corrected):
        card(window).correct.click()
    card(window).more.click()
    assert window.actions_.help.isChecked()
    with qtbot.waitSignal(window.card_dismissed):
        card(window).close_button.click()
    assert not card(window).isVisible()
    assert focused(window) is window.composer.edit


def test_hiding_the_card_is_no_dismissal(qtbot: QtBot, window: MainWindow) -> None:
    window.show_help_card()
    with qtbot.assertNotEmitted(window.card_dismissed):
        window.hide_help_card()
    assert not card(window).isVisible()
    assert not window.shows_help


def test_while_rules_run_alone_the_card_is_there_from_the_start(window: MainWindow) -> None:
    window.set_rules_alone(True)
    assert card(window).isVisible()
    assert "plain statements" in card(window).words
    assert "very hard" not in card(window).words
    card(window).close_button.click()
    window.set_rules_alone(True)
    assert not card(window).isVisible()  # it was dismissed, and nothing has changed
    window.clear()
    assert card(window).isVisible()  # of another conversation
    window.set_rules_alone(False)
    assert not card(window).isVisible()


def test_the_card_outlives_the_time_in_which_rules_ran_alone(window: MainWindow) -> None:
    window.set_rules_alone(True)
    window.show_help_card()
    window.set_rules_alone(False)
    assert card(window).isVisible()
    assert "plain statements" not in card(window).words


def test_a_narrow_window_with_large_text_leaves_room_to_write(
    window: MainWindow, appearance: Appearance, qtbot: QtBot
) -> None:
    talk(window)
    window.show_help_card()
    window.set_card_correctable(True)
    appearance.set_text_size(200)
    window.resize(360, 640)
    qtbot.wait(50)  # until every part has its new font
    assert card(window).height() < window.height() / 2
    assert window.chat.height() > 100
    assert window.composer.edit.visibleRegion().boundingRect() == window.composer.edit.rect()


def test_danger_brings_the_page_with_numbers_up(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.help_opened):
        window.show_emergency()
    assert screen(window).isVisible()
    assert not window.composer.isVisible()
    assert focused(window) is screen(window).links()[0]
    assert window.shows_help
    screen(window).back.click()
    assert not screen(window).isVisible()
    assert not window.shows_help
    assert focused(window) is window.composer.edit


def test_esc_leads_back_and_stops_nothing(qtbot: QtBot, window: MainWindow) -> None:
    window.set_generating(True)
    window.show_emergency()
    with qtbot.assertNotEmitted(window.actions_.stop.triggered):
        press(qtbot, window, "Esc")
    assert focused(window) is window.composer.edit


def test_esc_closes_the_help_panel_and_stops_nothing(qtbot: QtBot, window: MainWindow) -> None:
    window.set_generating(True)
    press(qtbot, window, "F1")
    with qtbot.assertNotEmitted(window.actions_.stop.triggered):
        press(qtbot, window, "Esc")
    assert not window.actions_.help.isChecked()
    with qtbot.waitSignal(window.actions_.stop.triggered):
        press(qtbot, window, "Esc")


def test_help_opens_on_its_first_link(qtbot: QtBot, window: MainWindow) -> None:
    press(qtbot, window, "F1")
    link = focused(window)
    assert isinstance(link, LinkButton)
    assert link.accessibleName() == "Call Ambulance, 0001"
    window.set_help(HelpView(emergency=(HelpNumber("Fire brigade", "0009"),)))
    link = focused(window)
    assert link is not None
    assert link.accessibleName() == "Call Fire brigade, 0009"


@pytest.mark.parametrize("width", [400, 1200])
def test_from_the_page_another_country_is_chosen_in_the_panel(
    qtbot: QtBot, window: MainWindow, width: int
) -> None:
    window.resize(width, 640)
    window.show_emergency()
    for _ in range(2):  # the second time the panel may be open already
        screen(window).country_requested.emit()
        assert isinstance(focused(window), CountryBox)
        assert screen(window).isVisible() == (width > 400)
        if width == 400:
            press(qtbot, window, "Esc")
            assert focused(window) is screen(window).links()[0]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is announced, by whatever part of the window."""
    told: list[str] = []
    for module in ("main_window", "help_card", "emergency_screen"):
        monkeypatch.setattr(f"desktop.{module}.announce", lambda _, words: told.append(words))
    return told


def test_while_hidden_nothing_is_said_and_then_the_latest(
    qtbot: QtBot, window: MainWindow, said: list[str]
) -> None:
    window.say("A reply.")
    assert said == ["A reply."]
    press(qtbot, window, "F9")
    window.say("A second reply.")
    window.say("A third reply.")
    window.show_emergency()
    assert said == ["A reply."]
    press(qtbot, window, "F9")
    assert "Ambulance, 0001" in said[1]
    assert said[2:] == ["A third reply."]
    press(qtbot, window, "F9")
    press(qtbot, window, "F9")
    assert said[2:3] == ["A third reply."]
    assert said.count("A third reply.") == 1


def test_what_is_forgotten_is_not_said_later(
    qtbot: QtBot, window: MainWindow, said: list[str]
) -> None:
    press(qtbot, window, "F9")
    window.say("A reply.")
    window.clear()
    press(qtbot, window, "F9")
    assert "A reply." not in said


def test_on_the_page_help_and_hiding_work_as_ever(qtbot: QtBot, window: MainWindow) -> None:
    window.show_emergency()
    press(qtbot, window, "F1")
    assert window._help_panel is not None
    assert window._help_panel.isVisible()
    press(qtbot, window, "F1")
    assert focused(window) is screen(window).links()[0]
    press(qtbot, window, "F9")
    assert not screen(window).isVisible()
    press(qtbot, window, "F9")
    assert screen(window).isVisible()
    assert focused(window) is screen(window).links()[0]


def test_the_page_is_in_sight_even_where_the_panel_filled_the_window(window: MainWindow) -> None:
    window.resize(400, 640)
    window.open_help()
    window.show_emergency()
    assert screen(window).isVisible()
    assert focused(window) is screen(window).links()[0]


def test_while_hidden_the_page_stays_hidden(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.hide.setChecked(True)
    window.show_emergency()
    window.show_help_card()
    assert not screen(window).isVisible()
    press(qtbot, window, "F9")
    assert screen(window).isVisible()


def test_a_misunderstanding_leads_back_to_writing(qtbot: QtBot, window: MainWindow) -> None:
    window.show_emergency()
    with qtbot.waitSignal(window.corrected):
        screen(window).correct.click()
    assert focused(window) is window.composer.edit


def test_the_page_tells_what_was_pressed(qtbot: QtBot, window: MainWindow) -> None:
    window.show_emergency()
    qtbot.wait(HOLD_MS + 50)
    with qtbot.waitSignal(window.link_activated) as signal:
        screen(window).links()[0].click()
    assert signal.args == ["tel:0001"]


def test_what_is_offered_follows_the_country_everywhere(window: MainWindow) -> None:
    window.show_help_card()
    window.show_emergency()
    window.open_help()
    window.set_help(HelpView(emergency=(HelpNumber("Fire brigade", "0009"),)))
    for kind in (HelpCard, EmergencyScreen, HelpPanel):
        (surface,) = window.findChildren(kind)
        shown = " ".join(label.text() for label in surface.findChildren(QLabel))
        assert "0009" in shown
        assert "0001" not in shown


def test_a_new_conversation_begins_without_card_and_page(window: MainWindow) -> None:
    window.show_help_card()
    window.set_card_correctable(True)
    window.show_emergency()
    window.clear()
    assert window.composer.isVisible()
    assert not card(window).isVisible()
    window.set_rules_alone(True)
    assert "very hard" not in card(window).words
    assert not card(window).correct.isVisible()


def surfaces(qtbot: QtBot, window: MainWindow) -> list[QWidget]:
    """Every surface, each with all that it can show."""
    talk(window)
    window.chat.set_variants(MessageId(2), 0, 2)
    window.actions_.find.trigger()
    window.open_help()
    window.show_help_card()
    window.set_card_correctable(True)
    window.show_emergency()
    window.close_emergency()
    window.show_fault("The model stopped.", window.actions_.restart)
    window.composer.begin_editing("words")
    window.actions_.hide.setChecked(True)
    window.actions_.hide.setChecked(False)
    window.ask_consent()
    dialog = SettingsDialog(Settings(), (("XA", "A country"),))
    qtbot.addWidget(dialog)
    return [window, dialog]


def controls(root: QWidget) -> list[QWidget]:
    """What a person can act upon; the parts of which Qt makes a control are not their own."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox)
        and not widget.objectName().startswith("qt_")
    ]


def name(widget: QWidget) -> str:
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def test_every_control_has_a_name(qtbot: QtBot, window: MainWindow) -> None:
    roots = surfaces(qtbot, window)
    found = [control for root in roots for control in controls(root)]
    assert len(found) > 40
    assert [control for control in found if not name(control).strip()] == []


def test_every_control_can_be_reached_by_keyboard(qtbot: QtBot, window: MainWindow) -> None:
    roots = surfaces(qtbot, window)
    found = [control for root in roots for control in controls(root)]
    missed = [control for control in found if not control.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert missed == []


@pytest.mark.parametrize("step", [QWidget.nextInFocusChain, QWidget.previousInFocusChain])
def test_tab_goes_round_without_end(window: MainWindow, step: Callable[[QWidget], QWidget]) -> None:
    talk(window)
    start: QWidget = window.composer.edit
    widget, seen = step(start), {start}
    while widget is not start:
        assert widget not in seen
        seen.add(widget)
        widget = step(widget)
    assert {window.chat, window.composer.send} <= seen


def test_all_of_the_card_is_in_sight_after_the_window_became_wide(
    qtbot: QtBot, window: MainWindow
) -> None:
    services, line = HelpNumber("Emergency services", "0001"), HelpLine("A listening line", "00 02")
    window.set_help(HelpView("XA", (("XA", "A country"),), (services,), (line,)))
    window.show_help_card()
    (area,) = card(window).findChildren(QScrollArea)
    for width in (330, 820):
        window.resize(width, 640)
        qtbot.wait(100)
        content = area.widget()
        assert content is not None
        assert content.height() == area.height()
