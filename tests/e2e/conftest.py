"""The whole application in this process, with a real host beside it and the real starter model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.app import Application
from desktop.arguments import Arguments
from desktop.clipboard import forget_copied
from desktop.settings_dialog import SettingsDialog
from theragen_core.conversation import Role
from theragen_core.settings import CONSENT_VERSION, Settings, save

CONSENTED = Settings(consent=CONSENT_VERSION, country="GB")
REPLY_MS = 60_000


class Person:
    """Does what a person does, and sees what they see."""

    def __init__(self, qtbot: QtBot, application: Application) -> None:
        self.app = application
        self.window = application.window
        self._qtbot = qtbot

    def types(self, words: str) -> None:
        QTest.keyClicks(self.window.composer.edit, words)

    def presses(self, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None) -> None:
        QTest.keyClick(self.window.composer.edit, key, modifiers or Qt.KeyboardModifier.NoModifier)

    def sends(self, words: str) -> None:
        self.types(words)
        self.presses(Qt.Key.Key_Return)

    def waits_until(self, condition: Callable[[], bool], timeout_ms: int = REPLY_MS) -> None:
        self._qtbot.waitUntil(condition, timeout=timeout_ms)

    def waits_for_reply(self) -> str:
        """The newest reply, once it is complete and shown."""
        self.waits_until(lambda: not self.is_generating())
        return self.replies()[-1]

    def waits_for_first_words(self) -> None:
        count = len(self.replies())
        self.waits_until(lambda: len(self.replies()) > count or bool(self.replies()[-1:]))

    def asks(self, words: str) -> str:
        self.sends(words)
        return self.waits_for_reply()

    def is_generating(self) -> bool:
        return self.window.actions_.stop.isEnabled()

    def transcript(self) -> str:
        return self.window.chat.toPlainText()

    def replies(self) -> list[str]:
        return [e.text for e in self.app.session.conversation if e.role is Role.ASSISTANT]

    def fault(self) -> str:
        """The banner's words; empty when it is hidden."""
        return self.window.fault

    def dialog(self) -> SettingsDialog:
        return next(w for w in QApplication.topLevelWidgets() if isinstance(w, SettingsDialog))


MakePerson = Callable[..., Person]


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "settings.json"


@pytest.fixture
def make_person(qtbot: QtBot, qapp: QApplication, settings_path: Path) -> Iterator[MakePerson]:
    made: list[Application] = []

    def make(settings: Settings | None = CONSENTED, model: Path | None = None) -> Person:
        if settings is not None:
            save(settings, settings_path)
        application = Application(qapp, Arguments(model), settings_path)
        made.append(application)
        qtbot.addWidget(application.window)
        application.show()
        with qtbot.waitExposed(application.window):
            pass
        return Person(qtbot, application)

    yield make
    forget_copied()
    for application in made:
        application.engine.stop()
        application.guard.stop()
        if application.models is not None:
            application.models.end()
        application.deleteLater()


@pytest.fixture
def person(make_person: MakePerson) -> Person:
    """Someone who has agreed to the first page before."""
    return make_person()
