from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from desktop.settings_dialog import SettingsDialog
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
