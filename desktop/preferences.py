"""What a person chose, from the settings file to the look of the window, and back.

Knows the file, the dialog and the look. What a changed model or country means is told by a signal.
Needed before the window is shown, so it imports little.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.main_window import MainWindow
from desktop.theme import TEXT_STEP, Appearance, ThemeChoice
from theragen_core import settings
from theragen_core.errors import SettingsError
from theragen_core.resources import fault_text
from theragen_core.settings import CONSENT_VERSION, Settings


class Preferences(QObject):
    """The settings in force. A change is applied, then saved; what cannot be saved still holds."""

    changed = Signal(Settings, Settings)  # before, now
    complained = Signal(str)  # settings that cannot be read or saved

    def __init__(
        self, path: Path, window: MainWindow, appearance: Appearance, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.settings = Settings()
        self.settings_path = path
        self._window = window
        self._appearance = appearance
        self._save_failed = False
        self._connect()

    def _connect(self) -> None:
        actions = self._window.actions_
        actions.settings.triggered.connect(self._on_settings)
        actions.larger.triggered.connect(self._on_larger)
        actions.smaller.triggered.connect(self._on_smaller)
        actions.normal_size.triggered.connect(self._on_normal_size)
        actions.stats.triggered.connect(self._on_stats)
        for action in actions.themes.values():
            action.triggered.connect(self._on_theme)
        self._appearance.changed.connect(self._window.set_theme)

    def load(self) -> str:
        """Take the file's choices up; a sentence when it could not be read, else empty."""
        try:
            self.settings, complaint = settings.load(self.settings_path), ""
        except SettingsError as error:
            complaint = fault_text(error.fault, error.details)
        self._apply()
        return complaint

    def consent(self) -> None:
        """The person agreed to the present wording of the first page."""
        self._change(consent=CONSENT_VERSION)

    def choose_country(self, country: str) -> None:
        """Take up the country that was chosen in the help panel."""
        self._change(country=country)

    def choose_cloud(self, use: bool, name: str, deployment: bool) -> None:
        """Take up what was chosen on the page about Replicate."""
        self._change(use_replicate=use, hosted=name, deployment=deployment)

    def choose_model(self, path: str, template: str) -> None:
        """Take up a model of the model manager; an empty path is the starter model."""
        self._change(model=path, template=template)

    def choose_model_folder(self, path: str) -> None:
        """Take up the folder that models are kept in."""
        self._change(model_folder=path)

    def choose_theme(self, theme: str) -> None:
        self._change(theme=theme)

    def _change(self, **changes: object) -> None:
        self._set(replace(self.settings, **changes))  # type: ignore[arg-type]  # checked by replace

    def _set(self, now: Settings) -> None:
        before, self.settings = self.settings, now
        self._apply()
        self.changed.emit(before, now)
        try:
            settings.save(now, self.settings_path)
        except SettingsError as error:
            if not self._save_failed:  # once is enough
                self.complained.emit(fault_text(error.fault, error.details))
            self._save_failed = True

    def _apply(self) -> None:
        theme = _theme(self.settings.theme)
        self._appearance.choose(theme)
        self._appearance.set_text_size(self.settings.text_size)
        self._window.actions_.themes[theme].setChecked(True)
        self._window.actions_.stats.setChecked(self.settings.show_stats)

    # What a person does ------------------------------------------------------------------------

    def _on_settings(self) -> None:
        # Imported when it is first wanted: the window's start does not wait for a dialog.
        from desktop.settings_dialog import SettingsDialog
        from theragen_core import directory

        dialog = SettingsDialog(self.settings, directory.countries(), self._window)
        dialog.applied.connect(self._set)
        dialog.cloud_requested.connect(self._window.actions_.replicate.trigger)
        dialog.models_requested.connect(self._window.actions_.models.trigger)
        dialog.theme_previewed.connect(self._on_theme_previewed)
        dialog.text_size_previewed.connect(self._appearance.set_text_size)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_theme_previewed(self, choice: str) -> None:
        self._appearance.choose(_theme(choice))

    def _on_theme(self) -> None:
        chosen = next(c for c, a in self._window.actions_.themes.items() if a.isChecked())
        self.choose_theme(chosen.value)

    def _on_larger(self) -> None:
        self._resize_text(self.settings.text_size + TEXT_STEP)

    def _on_smaller(self) -> None:
        self._resize_text(self.settings.text_size - TEXT_STEP)

    def _on_normal_size(self) -> None:
        self._resize_text(100)

    def _resize_text(self, percent: int) -> None:
        self._appearance.set_text_size(percent)  # which knows the limits
        self._change(text_size=self._appearance.text_size)

    def _on_stats(self) -> None:
        self._change(show_stats=self._window.actions_.stats.isChecked())


def _theme(choice: str) -> ThemeChoice:
    return ThemeChoice(choice) if choice in list(ThemeChoice) else ThemeChoice.SYSTEM
