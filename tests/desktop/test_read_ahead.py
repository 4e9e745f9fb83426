"""Reading ahead with children that only keep what they are told."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop import read_ahead
from desktop.engine_client import EngineClient
from desktop.guard_client import GuardClient
from desktop.read_ahead import ReadAhead, ReadAheadChoice, chosen
from theragen_core import hardware
from theragen_core.conversation import Message, Role
from theragen_core.protocol import NO_TURN, Assess, Cancel, Command, EchoModel, Load, Prefill
from theragen_core.session import Ask, Outcomes

SAID = (Message(Role.USER, "One."), Message(Role.ASSISTANT, "Two."))


class Told(EngineClient):
    """A client of a child that does nothing; what it was told is kept."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-c", "import sys; sys.stdin.read()"])
        self.commands: list[Command] = []

    def send(self, command: Command) -> None:
        self.commands.append(command)
        super().send(command)


class Writer:
    """A person with a draft."""

    def __init__(self) -> None:
        self.draft = ""
        self.engine, self.guard = Told(), Told()
        self.ahead = ReadAhead(self.wanted, self.engine, GuardClient(self.guard))
        for client in (self.engine, self.guard):
            client.start(Load(EchoModel()))
            client.commands.clear()

    def wanted(self, whole: bool) -> Outcomes:
        said = (*SAID, Message(Role.USER, self.draft)) if self.draft else SAID
        asked = (Ask(Prefill(said)),)
        return (*asked, Ask(Assess(NO_TURN, said))) if whole else asked

    def writes(self, draft: str) -> list[Command]:
        """What the engine is told of it."""
        self.engine.commands.clear()
        self.draft = draft
        self.ahead.follow()
        QTest.qWait(20)
        return list(self.engine.commands)


@pytest.fixture
def writer(qtbot: QtBot) -> Iterator[Writer]:
    writer = Writer()
    yield writer
    writer.engine.stop()
    writer.guard.stop()


def prefill(draft: str) -> Prefill:
    return Prefill((*SAID, Message(Role.USER, draft)))


def test_what_goes_on_is_read_on_and_nothing_is_asked_twice(writer: Writer) -> None:
    assert writer.writes("I feel") == [prefill("I feel")]
    assert writer.writes("I feel so") == [prefill("I feel so")]
    assert writer.writes("I feel so") == []


def test_what_no_longer_holds_is_cancelled_at_once(writer: Writer) -> None:
    writer.writes("I feel so")
    assert writer.writes("I am so") == [Cancel(NO_TURN), prefill("I am so")]
    assert writer.writes("") == [Cancel(NO_TURN), Prefill(SAID)]


def test_a_change_of_the_conversation_is_read_without_a_draft(writer: Writer) -> None:
    writer.ahead.start_anew()
    QTest.qWait(20)
    assert writer.engine.commands == [Prefill(SAID)]


def test_the_guard_reads_in_a_pause(
    writer: Writer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.writes("I feel")
    assert writer.guard.commands == []
    qtbot.waitUntil(lambda: len(writer.guard.commands) == 1, timeout=20 * read_ahead.PAUSE_MS)
    assert isinstance(writer.guard.commands[0], Assess)


def test_a_person_may_not_want_it(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    on_battery = True
    monkeypatch.setattr(hardware, "on_battery", lambda: on_battery)
    writer.ahead.choice = ReadAheadChoice.NEVER
    assert writer.writes("I feel") == []
    writer.ahead.choice = ReadAheadChoice.PLUGGED_IN
    assert writer.writes("I feel so") == []
    on_battery = False
    assert writer.writes("I feel so bad") == [prefill("I feel so bad")]


def test_an_edited_settings_file_may_say_anything() -> None:
    assert chosen("never") is ReadAheadChoice.NEVER
    assert chosen("sometimes") is ReadAheadChoice.ALWAYS
