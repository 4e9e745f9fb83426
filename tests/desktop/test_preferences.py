from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from desktop.settings_dialog import SettingsDialog
from desktop.theme import Appearance, ThemeChoice
from theragen_core.settings import Settings, load, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "settings.json"


@pytest.fixture
def window(qtbot: QtBot, appearance: Appearance) -> MainWindow:
    window = MainWindow(appearance.theme)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def preferences(path: Path, window: MainWindow, appearance: Appearance) -> Preferences:
    return Preferences(path, window, appearance, window)


def test_what_was_saved_is_in_force_after_loading(
    preferences: Preferences, path: Path, window: MainWindow, appearance: Appearance
) -> None:
    chosen = Settings(theme="dark", text_size=150, show_stats=True)
    save(chosen, path)
    assert preferences.load() == ""
    assert preferences.settings == chosen
    assert appearance.theme.dark
    assert appearance.text_size == 150
    assert window.actions_.themes[ThemeChoice.DARK].isChecked()
    assert window.actions_.stats.isChecked()


def test_unreadable_settings_are_told_and_the_defaults_hold(
    preferences: Preferences, path: Path
) -> None:
    path.parent.mkdir()
    path.write_text("{broken")
    assert "could not be read" in preferences.load()
    assert preferences.settings == Settings()


def test_an_unknown_theme_is_the_systems(preferences: Preferences, path: Path) -> None:
    save(Settings(theme="plaid"), path)
    assert preferences.load() == ""


def test_a_change_is_applied_told_and_saved(
    preferences: Preferences, path: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(preferences.changed) as signal:
        preferences.choose_country("GB")
    assert signal.args == [Settings(), Settings(country="GB")]
    assert load(path).country == "GB"


def test_consent_is_kept(preferences: Preferences, path: Path) -> None:
    assert not preferences.settings.consented
    preferences.consent()
    assert load(path).consented


def test_menus_change_the_look_and_are_kept(
    preferences: Preferences, path: Path, window: MainWindow, appearance: Appearance
) -> None:
    window.actions_.themes[ThemeChoice.DARK].trigger()
    window.actions_.larger.trigger()
    window.actions_.stats.trigger()
    assert appearance.theme.dark
    assert window.font().pointSizeF() > 10.5
    assert load(path) == Settings(theme="dark", text_size=110, show_stats=True)
    window.actions_.normal_size.trigger()
    window.actions_.smaller.trigger()
    assert load(path).text_size == 90


def test_text_grows_and_shrinks_within_limits(preferences: Preferences, window: MainWindow) -> None:
    for _ in range(20):
        window.actions_.larger.trigger()
    assert preferences.settings.text_size == 200
    for _ in range(20):
        window.actions_.smaller.trigger()
    assert preferences.settings.text_size == 80


def test_what_cannot_be_saved_still_holds_and_is_told_once(
    preferences: Preferences, path: Path, window: MainWindow
) -> None:
    path.parent.write_text("a file in the way")
    told: list[str] = []
    preferences.complained.connect(told.append)
    window.actions_.larger.trigger()
    window.actions_.larger.trigger()
    assert preferences.settings.text_size == 120
    assert len(told) == 1
    assert str(path) in told[0]


def open_dialog(window: MainWindow) -> SettingsDialog:
    window.actions_.settings.trigger()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, SettingsDialog)
    return dialog


def test_the_dialog_previews_and_cancel_takes_it_back(
    preferences: Preferences, path: Path, window: MainWindow, appearance: Appearance
) -> None:
    preferences.choose_country("GB")
    dialog = open_dialog(window)
    dialog.theme.setCurrentIndex(2)
    dialog.text_size.setValue(150)
    assert (appearance.theme.dark, appearance.text_size) == (True, 150)
    dialog.cancel.click()
    assert (appearance.theme.dark, appearance.text_size) == (False, 100)
    assert load(path) == Settings(country="GB")


def test_the_dialog_saves(preferences: Preferences, path: Path, window: MainWindow) -> None:
    dialog = open_dialog(window)
    dialog.tokens.setValue(256)
    dialog.save.click()
    assert preferences.settings.max_tokens == load(path).max_tokens == 256
