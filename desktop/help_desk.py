"""Which help is offered: the country in force, and what the help panel shows for it."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QObject, QUrl
from PySide6.QtGui import QDesktopServices

from desktop.help_panel import HelpLine, HelpView
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from theragen_core import directory
from theragen_core.resources import text


class HelpDesk(QObject):
    """Fills the help panel when it opens and when the country changes."""

    def __init__(
        self, window: MainWindow, preferences: Preferences, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._preferences = preferences
        window.help_opened.connect(self.fill)
        window.country_changed.connect(preferences.choose_country)
        window.link_activated.connect(self._on_link_activated)
        preferences.changed.connect(self.fill)
        if window.actions_.help.isChecked():  # opened before this was there
            self.fill()

    @property
    def country(self) -> str | None:
        """As chosen, else as the system's locale says; no network is asked."""
        chosen = self._preferences.settings.country
        return chosen or directory.country_from_locale(QLocale.system().name())

    def fill(self) -> None:
        self._window.set_help(help_view(self.country))

    def _on_link_activated(self, url: str) -> None:
        # Only links of the directory come here; the system opens them, outside this program.
        QDesktopServices.openUrl(QUrl(url))


def help_view(country: str | None) -> HelpView:
    """What the help panel shows for a country."""
    found = directory.help_for(country)
    return HelpView(
        country=found.country,
        countries=directory.countries(),
        emergency=tuple((text(f"help.{entry.label}"), entry.number) for entry in found.emergency),
        lines=tuple(_shown(line) for line in found.lines if line.number),
        grounding=text("help.grounding").replace("*", ""),
        finder=found.finder_url,
    )


def _shown(line: directory.HelpLine) -> HelpLine:
    """Chats have no number; they are found on the page that the panel links to."""
    by_text = directory.Method.CALL not in line.methods
    notes = [line.hours, text("window.help_text_keyword", keyword=line.keyword)]
    note = " · ".join(part for part in notes[: 2 if line.keyword else 1] if part)
    return HelpLine(line.name, line.number, note, by_text)
