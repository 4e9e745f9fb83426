from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.emergency_screen import EmergencyScreen
from desktop.help_card import HelpCard
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


def shows(
    window: MainWindow,
    number: str,
    surface: type[HelpPanel] | type[HelpCard] | type[EmergencyScreen] = HelpPanel,
) -> bool:
    (found,) = window.findChildren(surface)
    return any(number in label.text() for label in found.findChildren(QLabel))


@pytest.mark.parametrize(("country", "number"), [("GB", "116 123"), ("US", "988"), ("FR", "3114")])
def test_lines_of_a_country(country: str, number: str) -> None:
    view = help_view(country)
    assert view.country == country
    assert view.country_name == dict(directory.countries())[country]
    assert number in [line.number for line in view.lines]
    assert view.emergency
    assert view.finder == FINDER


def test_every_country_has_labelled_numbers_that_can_be_dialled() -> None:
    for code, _ in directory.countries():
        view = help_view(code)
        assert view.emergency, code
        assert all(entry.label and entry.number for entry in view.emergency), code
        assert all(line.name and line.links() for line in view.lines), code
        assert all(entry.checked_at for entry in view.emergency), code
        assert all(line.checked_at for line in view.lines), code
        assert view.sources, code


def test_a_line_can_be_reached_in_every_way_that_the_directory_knows() -> None:
    lifeline = help_view("US").lines[0]
    assert [link.url for link in lifeline.links()] == ["tel:988", "sms:988"]
    assert [link.url for link in lifeline.page_links()] == [lifeline.page]
    (chat,) = [line for line in help_view("BR").lines if not line.number]
    assert [link.url for link in chat.links()] == [chat.page]
    assert chat.page.startswith("https://")
    (texted,) = [line for line in help_view("GB").lines if "SHOUT" in line.note]
    assert [link.url for link in texted.links()] == ["sms:85258?body=SHOUT"]


def test_the_dates_and_sources_are_those_of_the_directory() -> None:
    found, view = directory.help_for("GB"), help_view("GB")
    assert [line.checked_at for line in view.lines] == [line.verified_at for line in found.lines]
    assert view.emergency[0].checked_at == found.emergency[0].checked_at
    assert len(view.sources) == len(set(view.sources))
    assert all(source in " + ".join(view.sources) for source in found.emergency[0].source.split())
    assert not any(" + " in source for source in view.sources)


def test_a_number_whose_service_is_not_known_is_never_offered_alone() -> None:
    assert [entry.number for entry in help_view("AE").foremost] == ["998", "112", "999", "997"]
    assert len(help_view("GB").foremost) == 1
    for code, _ in directory.countries():
        first = directory.help_for(code).emergency[0]
        view = help_view(code)
        if first.label is not directory.Service.EMERGENCY:
            assert len(view.foremost) == 1, code
        else:
            assert all(entry in view.foremost for entry in view.emergency if entry.unsure), code


@pytest.mark.parametrize("country", [None, "", "ZZ"])
def test_an_unknown_country_shows_no_number_and_the_finder(country: str | None) -> None:
    view = help_view(country)
    assert (view.country, view.emergency, view.lines) == ("", (), ())
    assert view.finder == FINDER
    assert len(view.countries) > 200


def test_exercises_are_plain_text_with_a_title() -> None:
    exercises = dict(help_view(None).exercises)
    assert list(exercises) == ["Slow breathing", "5-4-3-2-1"]
    assert "• 5 things you can see" in exercises["5-4-3-2-1"]
    assert exercises["Slow breathing"].startswith("Breathe in gently")
    assert not any("*" in words for words in exercises.values())


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


@pytest.mark.parametrize("early", [True, False])
def test_card_and_emergency_screen_are_filled_too(
    window: MainWindow, preferences: Preferences, early: bool
) -> None:
    preferences.choose_country("GB")
    desk = None if early else HelpDesk(window, preferences)
    window.show_help_card()
    desk = desk or HelpDesk(window, preferences)
    assert shows(window, "116 123", HelpCard)
    window.show_emergency()
    assert shows(window, "116 123", EmergencyScreen)
    window.country_changed.emit("FR")
    assert shows(window, "3114", HelpCard)
    assert shows(window, "3114", EmergencyScreen)
    desk.deleteLater()
