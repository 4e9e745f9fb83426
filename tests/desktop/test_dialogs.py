"""F1 and F9 in front of a dialog, as a person meets them: in the real window, by its keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QMessageBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.help_panel import HelpPanel
from desktop.main_window import MainWindow
from desktop.model_manager import ModelManager
from desktop.question import Question
from desktop.settings_dialog import SettingsDialog
from desktop.theme import Appearance
from theragen_core.settings import Settings

F1, F9 = Qt.Key.Key_F1, Qt.Key.Key_F9


@pytest.fixture
def window(qtbot: QtBot, appearance: Appearance) -> MainWindow:
    window = MainWindow(appearance.theme)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
    window.show_conversation()
    return window


def opened(qtbot: QtBot, dialog: QDialog) -> QDialog:
    """Open, and in front of the window."""
    dialog.open()
    qtbot.waitUntil(dialog.isActiveWindow)
    return dialog


def settings(window: MainWindow) -> QDialog:
    return SettingsDialog(Settings(), (("XA", "A country"),), window)


def question(window: QWidget) -> QDialog:
    return Question("Remove it?", "manager.remove", "manager.no", parent=window)


def message_box(window: MainWindow) -> QDialog:
    box = QMessageBox(window)
    box.setText("A question")
    return box


def manager(window: MainWindow) -> QDialog:
    return ModelManager(window)


def press(key: Qt.Key) -> None:
    window: QWidget | None = QApplication.activeWindow()
    assert window is not None
    focused: QWidget | None = window.focusWidget()
    QTest.keyClick(window if focused is None else focused, key)


def panel(window: MainWindow) -> HelpPanel:
    (found,) = window.findChildren(HelpPanel)
    return found


@pytest.fixture(params=[settings, question, message_box, manager])
def dialog(request: pytest.FixtureRequest, qtbot: QtBot, window: MainWindow) -> QDialog:
    """One of each kind, open."""
    return opened(qtbot, request.param(window))


def test_f9_hides_dialogs_too_and_brings_them_back(
    qtbot: QtBot, window: MainWindow, dialog: QDialog
) -> None:
    with qtbot.assertNotEmitted(dialog.finished):
        press(F9)
    assert window.actions_.hide.isChecked()
    assert not dialog.isVisible()
    qtbot.waitUntil(window.isActiveWindow)
    press(F9)
    assert dialog.isVisible()
    assert dialog.isModal()
    qtbot.waitUntil(dialog.isActiveWindow)


def test_f1_puts_dialogs_aside_until_help_is_closed(
    qtbot: QtBot, window: MainWindow, dialog: QDialog
) -> None:
    press(F1)
    assert not dialog.isVisible()
    assert panel(window).isVisible()
    qtbot.waitUntil(window.isActiveWindow)
    focus = QApplication.focusWidget()
    assert focus is not None
    assert panel(window).isAncestorOf(focus)
    press(F1)
    assert not panel(window).isVisible()
    assert dialog.isVisible()


def test_what_is_typed_in_a_dialog_stays(qtbot: QtBot, window: MainWindow) -> None:
    dialog = QDialog(window)
    line = QLineEdit()
    QVBoxLayout(dialog).addWidget(line)
    opened(qtbot, dialog)
    line.setFocus()
    QTest.keyClicks(line, "half a wo")
    for key in (F9, F1):
        press(key)
        qtbot.waitUntil(window.isActiveWindow)
        press(key)
        qtbot.waitUntil(line.hasFocus)
        assert line.text() == "half a wo"


def test_help_that_was_open_behind_a_dialog_comes_to_the_front(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.open_help()
    dialog = opened(qtbot, settings(window))
    press(F1)
    assert panel(window).isVisible()
    assert not dialog.isVisible()


def test_dialogs_that_stand_on_others_go_and_come_with_them(
    qtbot: QtBot, window: MainWindow
) -> None:
    page = opened(qtbot, manager(window))
    asked = opened(qtbot, question(page))
    press(F9)
    assert (page.isVisible(), asked.isVisible()) == (False, False)
    qtbot.waitUntil(window.isActiveWindow)
    press(F9)
    assert (page.isVisible(), asked.isVisible()) == (True, True)
    qtbot.waitUntil(asked.isActiveWindow)
    press(F1)
    assert (page.isVisible(), asked.isVisible()) == (False, False)


def test_hiding_while_help_is_open_brings_no_dialog_in_front_of_it(
    qtbot: QtBot, window: MainWindow
) -> None:
    dialog = opened(qtbot, settings(window))
    for key in (F1, F9, F9):
        press(key)
        qtbot.waitUntil(window.isActiveWindow)
    assert panel(window).isVisible()
    assert not dialog.isVisible()
    press(F9)
    press(F1)  # help is closed where nobody sees it
    assert not dialog.isVisible()
    press(F9)
    assert dialog.isVisible()


def test_a_dialog_that_is_gone_meanwhile_is_missed_by_nobody(
    qtbot: QtBot, window: MainWindow
) -> None:
    dialog = opened(qtbot, question(window))
    press(F9)
    dialog.reject()  # which deletes it
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert window.findChildren(QDialog) == []
    qtbot.waitUntil(window.isActiveWindow)
    press(F9)
    assert window.chat.window().isVisible()


def test_a_dialog_that_comes_up_while_hidden_waits(qtbot: QtBot, window: MainWindow) -> None:
    press(F9)
    dialog = question(window)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.isVisible())
    qtbot.waitUntil(window.isActiveWindow)
    press(F9)
    assert dialog.isVisible()


def test_the_page_for_danger_comes_in_front_of_a_dialog(qtbot: QtBot, window: MainWindow) -> None:
    dialog = opened(qtbot, settings(window))
    window.show_emergency()
    assert not dialog.isVisible()
    qtbot.waitUntil(window.isActiveWindow)
    for key in (F9, F9, F1, F1):
        press(key)
        assert not dialog.isVisible()
    window.close_emergency()
    assert dialog.isVisible()


def test_about_is_a_dialog_as_any_other(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.about.trigger()
    (about,) = window.findChildren(QMessageBox)
    assert about.isVisible()
    assert about.text().startswith("TheraGen")
    assert not about.iconPixmap().isNull()
    qtbot.waitUntil(about.isActiveWindow)
    press(F9)
    assert not about.isVisible()
