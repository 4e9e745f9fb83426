"""Which help is offered: the country in force, and what is shown of the directory for it."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QObject, QUrl
from PySide6.QtGui import QDesktopServices

from desktop.help_view import HelpLine, HelpNumber, HelpView
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from theragen_core import directory
from theragen_core.resources import text


class HelpDesk(QObject):
    """Fills every place where help is shown: when one opens, and when the country changes."""

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
        if window.shows_help:  # opened before this was there
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
    """What is shown of the directory for a country."""
    found = directory.help_for(country)
    return HelpView(
        country=found.country,
        countries=directory.countries(),
        emergency=tuple(_number(entry) for entry in found.emergency),
        lines=tuple(_line(line) for line in found.lines),
        exercises=(_exercise("help.breathing"), _exercise("help.grounding")),
        sources=_sources(found),
        finder=found.finder_url,
    )


def _number(entry: directory.EmergencyNumber) -> HelpNumber:
    unsure = entry.label is directory.Service.EMERGENCY
    return HelpNumber(text(f"help.{entry.label}"), entry.number, unsure, entry.checked_at)


def _line(line: directory.HelpLine) -> HelpLine:
    notes = [line.hours]
    if line.keyword:
        notes.append(text("window.help_text_keyword", keyword=line.keyword))
    note = " · ".join(part for part in notes if part)
    return HelpLine(
        line.name, line.number, note, line.methods, line.url, line.verified_at, line.keyword
    )


def _exercise(key: str) -> tuple[str, str]:
    """Title and words of a text that is written for replies, as Markdown."""
    title, _, words = text(key).replace("**", "").partition("\n\n")
    return title, words.replace("\n- ", "\n• ")


def _sources(found: directory.CrisisResources) -> tuple[str, ...]:
    named = [entry.source for entry in found.emergency] + [line.source for line in found.lines]
    return tuple(dict.fromkeys(part for source in named for part in source.split(" + ")))
