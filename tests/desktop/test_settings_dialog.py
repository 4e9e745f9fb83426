from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from desktop.country_box import CountryBox
from desktop.settings_dialog import SettingsDialog
from desktop.theme import Appearance
from theragen_core.settings import Settings

COUNTRIES = (("XA", "First country"), ("XB", "Second country"))
CHOSEN = Settings(
    consent=1,
    model="/models/some-7b.gguf",
    template="llama2",
    temperature=0.7,
    max_tokens=256,
    country="XB",
    theme="dark",
    text_size=120,
    show_stats=True,
    trigger_warnings=False,
)


def open_dialog(qtbot: QtBot, settings: Settings) -> SettingsDialog:
    dialog = SettingsDialog(settings, COUNTRIES)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


@pytest.mark.parametrize("settings", [Settings(), CHOSEN, replace(CHOSEN, temperature=0.0)])
def test_what_was_chosen_is_kept_as_it_was(qtbot: QtBot, settings: Settings) -> None:
    dialog = open_dialog(qtbot, settings)
    with qtbot.waitSignal(dialog.applied) as signal:
        dialog.save.click()
    assert signal.args == [settings]


def test_choices_come_back_as_settings(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, Settings())
    dialog.set_model("/models/some-7b.gguf")
    dialog.template.setCurrentIndex(1)
    dialog.temperature.setValue(0.7)
    dialog.tokens.setValue(256)
    dialog.country.setCurrentIndex(2)
    dialog.theme.setCurrentIndex(2)
    dialog.text_size.setValue(120)
    dialog.stats.setChecked(True)
    dialog.warnings.setChecked(False)
    assert dialog.settings() == replace(CHOSEN, consent=0)


def test_automatic_is_one_step_below_what_can_be_chosen(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, CHOSEN)
    dialog.temperature.setValue(dialog.temperature.minimum())
    dialog.tokens.setValue(dialog.tokens.minimum())
    assert dialog.temperature.text() == "Automatic"
    assert dialog.tokens.text() == "Automatic"
    assert dialog.settings().temperature == Settings().temperature
    assert dialog.settings().max_tokens == Settings().max_tokens


def test_the_starter_is_one_press_away(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, CHOSEN)
    assert dialog.model_name.text() == "some-7b.gguf"
    dialog.use_starter.click()
    assert dialog.settings().model == ""
    assert "Starter" in dialog.model_name.text()


def test_the_look_is_shown_at_once_and_cancel_takes_it_back(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, CHOSEN)
    themes: list[str] = []
    sizes: list[int] = []
    dialog.theme_previewed.connect(themes.append)
    dialog.text_size_previewed.connect(sizes.append)
    dialog.theme.setCurrentIndex(1)
    dialog.text_size.setValue(150)
    with qtbot.assertNotEmitted(dialog.applied):
        dialog.cancel.click()
    assert themes == ["light", "dark"]
    assert sizes == [150, 120]


def test_a_word_before_hard_things_is_the_default_and_can_be_switched_off(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, Settings())
    assert dialog.warnings.isChecked()
    assert dialog.warnings.text() == "Tell me before a reply speaks of hard things"
    with qtbot.waitSignal(dialog.applied) as signal:
        dialog.warnings.setChecked(False)
        dialog.save.click()
    assert signal.args == [replace(Settings(), trigger_warnings=False)]


@pytest.mark.parametrize("percent", [100, 200])
def test_every_line_can_be_read_at_any_text_size(
    qtbot: QtBot, appearance: Appearance, percent: int
) -> None:
    dialog = open_dialog(qtbot, Settings())
    appearance.set_text_size(percent)
    qtbot.wait(50)  # until every part has its new font
    (scroll,) = dialog.findChildren(QScrollArea)
    assert dialog._form.width() <= scroll.viewport().width()
    for label in dialog._form.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width()), label.text()
    assert dialog.tokens.height() >= dialog.template.sizeHint().height()


def test_models_are_shown_after_what_was_edited_is_saved(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, Settings())
    dialog.tokens.setValue(128)
    told: list[object] = []
    dialog.applied.connect(told.append)
    dialog.models_requested.connect(lambda: told.append("models"))
    dialog.models.click()
    assert told == [replace(Settings(), max_tokens=128), "models"]
    assert not dialog.isVisible()


def test_the_country_is_chosen_from_its_opened_list_alone(qtbot: QtBot) -> None:
    dialog = open_dialog(qtbot, CHOSEN)
    assert isinstance(dialog.country, CountryBox)
    QTest.keyClick(dialog.country, Qt.Key.Key_PageUp)
    assert dialog.country.currentData() == "XB"
