from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.help_desk import HelpDesk, help_view
from desktop.help_panel import HelpPanel
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from desktop.theme import Appearance
from theragen_core import directory

FINDER = "https://findahelpline.com"


@pytest.fixture
def window(qtbot: QtBot, appearance: Appearance) -> MainWindow:
    window = MainWindow(appearance.theme)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def preferences(
    window: MainWindow, appearance: Appearance, tmp_path: Path
) -> Iterator[Preferences]:
    made = Preferences(tmp_path / "settings.json", window, appearance)
    yield made
    made.deleteLater()


def shows(window: MainWindow, number: str) -> bool:
    (panel,) = window.findChildren(HelpPanel)
    return any(number in label.text() for label in panel.findChildren(QLabel))


@pytest.mark.parametrize(("country", "number"), [("GB", "116 123"), ("US", "988"), ("FR", "3114")])
def test_lines_of_a_country(country: str, number: str) -> None:
    view = help_view(country)
    assert view.country == country
    assert number in [line.number for line in view.lines]
    assert view.emergency
    assert view.finder == FINDER


def test_every_country_has_labelled_numbers_that_can_be_dialled() -> None:
    for code, _ in directory.countries():
        view = help_view(code)
        assert view.emergency, code
        assert all(label and number for label, number in view.emergency), code
        assert all(line.name and line.number for line in view.lines), code


@pytest.mark.parametrize("country", [None, "", "ZZ"])
def test_an_unknown_country_shows_no_number_and_the_finder(country: str | None) -> None:
    view = help_view(country)
    assert (view.country, view.emergency, view.lines) == ("", (), ())
    assert view.finder == FINDER
    assert len(view.countries) > 200


def test_a_minute_to_arrive_is_plain_text() -> None:
    assert "things you can see" in help_view("GB").grounding
    assert "*" not in help_view("GB").grounding


def test_the_chosen_country_goes_before_the_locale(
    window: MainWindow, preferences: Preferences
) -> None:
    desk = HelpDesk(window, preferences)
    assert desk.country == directory.country_from_locale(QLocale.system().name())
    preferences.choose_country("DE")
    assert desk.country == "DE"


def test_help_follows_the_country(window: MainWindow, preferences: Preferences) -> None:
    desk = HelpDesk(window, preferences)
    window.open_help()
    window.country_changed.emit("GB")
    assert preferences.settings.country == "GB"
    assert shows(window, "116 123")
    window.country_changed.emit("FR")
    assert shows(window, "3114")
    assert not shows(window, "116 123")
    desk.deleteLater()


def test_help_that_was_open_before_the_desk_is_filled(
    window: MainWindow, preferences: Preferences
) -> None:
    window.open_help()
    preferences.choose_country("GB")
    desk = HelpDesk(window, preferences)
    assert shows(window, "116 123")
    desk.deleteLater()
