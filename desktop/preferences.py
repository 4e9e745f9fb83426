"""What a person chose, from the settings file to what it changes, and back.

Knows the file, the dialog, the look of the window and the session's options. What a changed model
means is told by a signal.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QLocale, QObject, Signal

from desktop.help_panel import HelpLine, HelpView
from desktop.main_window import MainWindow
from desktop.theme import TEXT_STEP, Appearance, ThemeChoice
from theragen_core import directory, settings
from theragen_core.errors import SettingsError, UserError
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LocalModel, SamplingOptions, TemplateChoice
from theragen_core.resources import fault_text, text
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
        self._window.country_changed.connect(self._on_country)
        self._window.help_opened.connect(self._on_help_opened)
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

    @property
    def country(self) -> str | None:
        """As chosen, else as the system's locale says."""
        return self.settings.country or directory.country_from_locale(QLocale.system().name())

    @property
    def sampling(self) -> SamplingOptions:
        now = self.settings
        return SamplingOptions(
            temperature=now.temperature if now.temperature >= 0 else None,
            max_tokens=now.max_tokens or None,
        )

    def model(self) -> LocalModel:
        """The chosen model, else the starter. One that is not there is told when it is loaded."""
        if self.settings.model:
            return LocalModel(Path(self.settings.model), _template(self.settings.template))
        try:
            return LocalModel(starter_path())
        except UserError:
            return LocalModel(Path("starter.gguf"))

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

        dialog = SettingsDialog(self.settings, directory.countries(), self._window)
        dialog.applied.connect(self._set)
        dialog.theme_previewed.connect(self._on_theme_previewed)
        dialog.text_size_previewed.connect(self._appearance.set_text_size)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_theme_previewed(self, choice: str) -> None:
        self._appearance.choose(_theme(choice))

    def _on_theme(self) -> None:
        chosen = next(c for c, a in self._window.actions_.themes.items() if a.isChecked())
        self._change(theme=chosen.value)

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

    def _on_country(self, country: str) -> None:
        self._change(country=country)
        self.show_help()

    def _on_help_opened(self) -> None:
        self.show_help()

    def show_help(self) -> None:
        """Fill the help panel for the country in force."""
        self._window.set_help(help_view(self.country))


def help_view(country: str | None) -> HelpView:
    """What the help panel shows for a country."""
    found = directory.help_for(country)
    return HelpView(
        country=found.country,
        countries=directory.countries(),
        emergency=tuple((text(f"help.{entry.label}"), entry.number) for entry in found.emergency),
        lines=tuple(
            HelpLine(line.name, line.number, line.hours) for line in found.lines if line.number
        ),
        grounding=text("help.grounding").replace("*", ""),
        finder=found.finder_url,
    )


def _theme(choice: str) -> ThemeChoice:
    return ThemeChoice(choice) if choice in list(ThemeChoice) else ThemeChoice.SYSTEM


def _template(choice: str) -> TemplateChoice:
    known = choice in list(TemplateChoice)
    return TemplateChoice(choice) if known else TemplateChoice.FROM_FILE
