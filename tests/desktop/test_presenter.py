"""What the presenter has read aloud. All else that it does is tested with a real host, in e2e."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.engine_client import EngineClient
from desktop.guard_client import GuardClient
from desktop.main_window import MainWindow
from desktop.presenter import Presenter
from desktop.theme import Theme
from theragen_core.protocol import LocalModel
from theragen_core.resources import text
from theragen_core.session import ChatSession, ShowWarning, TurnEnded

NO_HOST = ("no-such-program",)  # never started


class Window(MainWindow):
    """Keeps what it is given to announce."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.said: list[str] = []

    def say(self, words: str) -> None:
        self.said.append(words)


@pytest.fixture
def window(qtbot: QtBot, theme: Theme) -> Window:
    window = Window(theme)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def session() -> ChatSession:
    return ChatSession()


@pytest.fixture
def presenter(window: Window, session: ChatSession) -> Iterator[Presenter]:
    engine, guard = EngineClient(NO_HOST), GuardClient(EngineClient(NO_HOST))
    made = Presenter(window, session, engine, guard, LocalModel(Path("none.gguf")))
    for part in (engine, guard):
        part.setParent(made)
    yield made
    made.deleteLater()


def test_a_warning_is_shown_and_said(window: Window, presenter: Presenter) -> None:
    presenter._apply((ShowWarning("help.heavy"),))
    assert window.said == [text("help.heavy")]
    assert text("help.heavy") in window.chat.toPlainText()


def test_a_notice_is_shown_and_said(window: Window, presenter: Presenter) -> None:
    presenter.show_notice("Settings cannot be saved.")
    assert window.said == ["Settings cannot be saved."]
    assert window.fault == "Settings cannot be saved."


def test_a_reply_is_said_once_it_is_complete(
    window: Window, presenter: Presenter, session: ChatSession
) -> None:
    presenter.submit("I want to kill myself")  # which needs no model
    presenter._finish_showing()
    reply = list(session.conversation)[-1].text
    assert window.said == [reply]
    presenter._apply((TurnEnded(None),))
    presenter._finish_showing()
    assert window.said == [reply]
