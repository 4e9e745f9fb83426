"""Conversations in the real window with the real starter model."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from tests.e2e.conftest import CONSENTED, MakePerson, Person
from tests.support.short_context import starter_with_context
from theragen_core.conversation import Role
from theragen_core.protocol import Finished, Prefilled
from theragen_core.settings import Settings, load

LONG = "Please tell me a very long story about the sea."


def test_consent_comes_first_and_is_asked_once(make_person: MakePerson) -> None:
    person = make_person(Settings())
    window = person.window
    page = window.consent_page
    assert page is not None
    assert page.isVisible()
    assert not window.composer.isVisible()
    assert not page.begin.isEnabled()
    QTest.mouseClick(page.help, Qt.MouseButton.LeftButton)  # help before any agreement
    assert window.actions_.help.isChecked()
    window.actions_.help.trigger()
    page.age.setFocus()
    QTest.keyClick(page.age, Qt.Key.Key_Space)
    assert page.begin.isEnabled()
    page.begin.setFocus()
    QTest.keyClick(page.begin, Qt.Key.Key_Space)
    assert window.composer.isVisible()
    assert window.focusWidget() is window.composer.edit
    assert make_person(settings=None).window.composer.isVisible()


def test_a_chat_of_three_turns(person: Person) -> None:
    for words in ("I had a long week at work.", "My manager changed again.", "Thank you."):
        assert person.asks(words).strip()
        assert words in person.transcript()
    assert [entry.role for entry in person.app.session.conversation] == [
        Role.USER,
        Role.ASSISTANT,
    ] * 3
    assert person.fault() == ""


def test_a_message_sent_while_the_model_loads_waits_its_turn(person: Person) -> None:
    person.sends("Good morning.")  # the host has not even started
    assert "Good morning." in person.transcript()
    assert person.waits_for_reply().strip()


def test_stop_keeps_what_was_shown(person: Person) -> None:
    person.sends(LONG)
    person.waits_for_first_words()
    person.presses(Qt.Key.Key_Escape)
    assert not person.is_generating()
    kept = person.replies()
    assert person.asks("Good morning.").strip()
    assert person.replies()[: len(kept)] == kept


def test_regenerate_keeps_the_earlier_reply_reachable(person: Person) -> None:
    first = person.asks("I feel lonely in the evenings.")
    person.window.actions_.try_again.trigger()
    person.waits_until(lambda: person.replies() != [first])
    second = person.waits_for_reply()
    assert second != first
    reply = list(person.app.session.conversation)[1]
    person.window.chat.variant_requested.emit(reply.id, 0)
    assert person.replies() == [first]
    assert first.split()[0] in person.transcript()
    assert second not in person.transcript()


def test_editing_an_earlier_message_replaces_what_follows(person: Person) -> None:
    person.asks("I feel lonely in the evenings.")
    person.asks("Mostly on Sundays.")
    question = next(iter(person.app.session.conversation))
    person.window.chat.edit_requested.emit(question.id)
    assert person.window.composer.text == "I feel lonely in the evenings."
    person.window.composer.edit.selectAll()
    person.asks("I feel lonely in the mornings.")
    assert "evenings" not in person.transcript()
    assert len(person.app.session.conversation) == 2


def test_a_cancelled_edit_changes_nothing(person: Person) -> None:
    person.asks("I feel lonely in the evenings.")
    person.types("a draft")
    question = next(iter(person.app.session.conversation))
    person.window.chat.edit_requested.emit(question.id)
    person.presses(Qt.Key.Key_Escape)
    assert person.window.composer.text == "a draft"
    person.presses(Qt.Key.Key_Return)
    person.waits_for_reply()
    assert len(person.app.session.conversation) == 4


def test_copy_all_and_find(person: Person) -> None:
    person.asks("I walked along the quiet harbour.")
    person.window.actions_.copy_all.trigger()
    copied = QGuiApplication.clipboard().text()
    assert "I walked along the quiet harbour." in copied
    assert person.replies()[0] in copied
    person.window.searched.emit("HARBOUR", False)
    assert person.window.chat.textCursor().selectedText().lower() == "harbour"


def test_a_message_too_long_for_the_model_comes_back(person: Person) -> None:
    words = "a quiet day " * 9000
    person.window.composer.edit.setPlainText(words)
    person.presses(Qt.Key.Key_Return)
    person.waits_until(lambda: bool(person.fault()))
    assert person.window.composer.text == words.strip()
    assert "not sent" in person.fault()
    assert len(person.app.session.conversation) == 0


def test_an_explicit_statement_shows_help_and_needs_no_model(
    make_person: MakePerson,
) -> None:
    person = make_person(Settings(consent=1, country="GB", model="/no/such/model.gguf"))
    assert "116 123" in person.asks("I want to kill myself.")
    assert person.window.shows_help
    assert "116 123" in person.transcript()


def test_forget_now_leaves_nothing_and_ends_the_process(person: Person) -> None:
    person.asks("I walked along the quiet harbour.")
    person.types("a draft about the harbour")
    old = psutil.Process(person.app.engine.process_id)
    person.window.actions_.forget.trigger()
    old.wait(3)
    assert person.transcript() == ""
    assert person.window.composer.text == ""
    assert not person.window.composer.edit.document().isUndoAvailable()
    assert len(person.app.session.conversation) == 0
    assert person.asks("Good morning.").strip()


def test_theme_switch_in_the_middle_of_a_reply(person: Person) -> None:
    person.sends(LONG)
    person.waits_for_first_words()
    light = person.window.palette().window().color().lightness()
    person.window.actions_.themes["dark"].trigger()  # type: ignore[index]
    assert person.window.palette().window().color().lightness() < light
    person.waits_for_reply()
    assert load(person.app.preferences.settings_path).theme == "dark"


# Faults ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_an_engine_killed_in_the_middle_of_an_answer(person: Person, how: signal.Signals) -> None:
    person.asks("I had a long week at work.")
    person.sends(LONG)
    person.waits_until(lambda: len(person.replies()) == 2)
    before = person.transcript()
    os.kill(person.app.engine.process_id, how)
    person.waits_until(lambda: "F5" in person.fault(), timeout_ms=1000)
    assert before in person.transcript() or person.replies()[1].strip()
    assert "I had a long week at work." in person.transcript()
    person.waits_until(lambda: not person.is_generating(), timeout_ms=1000)
    person.window.actions_.restart.trigger()
    assert person.fault() == ""
    assert person.asks("Good morning.").strip()


def test_sending_a_message_starts_a_dead_engine_again(person: Person) -> None:
    person.asks("Good morning.")
    os.kill(person.app.engine.process_id, signal.SIGKILL)
    person.waits_until(lambda: bool(person.fault()), timeout_ms=1000)
    assert person.asks("Are you still there?").strip()
    assert person.fault() == ""


def test_a_missing_model_names_a_remedy_and_the_settings_mend_it(
    make_person: MakePerson,
) -> None:
    person = make_person(Settings(consent=1, country="GB", model="/no/such/model.gguf"))
    person.waits_until(lambda: "Settings" in person.fault())
    person.sends("Good morning.")
    person.waits_until(lambda: not person.is_generating())
    assert "Good morning." in person.transcript()
    person.window.actions_.settings.trigger()
    dialog = person.dialog()
    QTest.mouseClick(dialog.use_starter, Qt.MouseButton.LeftButton)
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    person.window.actions_.try_again.trigger()
    assert person.waits_for_reply().strip()


def test_unreadable_settings_are_told_and_kept(make_person: MakePerson) -> None:
    person = make_person(CONSENTED)
    path = person.app.preferences.settings_path
    path.write_text("{broken")
    again = make_person(settings=None)
    again.waits_until(lambda: "settings" in again.fault())
    assert path.with_name("settings.json.bad").read_text() == "{broken"


def test_a_home_that_takes_no_files_is_told_once(make_person: MakePerson) -> None:
    person = make_person(CONSENTED)
    path = person.app.preferences.settings_path
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file in the way")
    person.window.actions_.larger.trigger()
    assert "cannot be saved" in person.fault()
    assert person.app.preferences.settings.text_size == 110
    assert person.asks("Good morning.").strip()


def test_closing_the_window_ends_the_host(person: Person) -> None:
    person.waits_until(lambda: person.app.engine.process_id > 0)
    host = psutil.Process(person.app.engine.process_id)
    person.window.close()
    host.wait(3)


def test_a_full_context_drops_whole_oldest_turns_and_says_so(
    make_person: MakePerson, tmp_path: Path
) -> None:
    person = make_person(model=starter_with_context(tmp_path, 1536))
    line = "The model no longer sees what stands above this line."
    sent = 0
    while line not in person.transcript():
        sent += 1
        assert sent < 12
        assert person.asks(f"Day {sent} was quiet. " + "We walked along the harbour. " * 30).strip()
    before, after = person.transcript().split(line)
    assert "Day 1 was quiet." in before
    assert f"Day {sent} was quiet." in after
    # The turn that follows keeps its place, and the line is not repeated.
    person.asks("And then?")
    assert person.transcript().count(line) == 1


def test_an_edit_that_is_too_long_loses_nothing(person: Person) -> None:
    reply = person.asks("I feel lonely in the evenings.")
    question = next(iter(person.app.session.conversation))
    person.window.chat.edit_requested.emit(question.id)
    person.window.composer.edit.setPlainText("a quiet day " * 9000)
    person.presses(Qt.Key.Key_Return)
    person.waits_until(lambda: bool(person.fault()))
    assert person.replies() == [reply]
    assert "I feel lonely in the evenings." in person.transcript()
    person.window.composer.edit.setPlainText("I feel lonely in the mornings.")
    person.presses(Qt.Key.Key_Return)
    person.waits_for_reply()
    assert len(person.app.session.conversation) == 2
    assert "evenings" not in person.transcript()


def test_what_is_typed_is_read_before_it_is_sent(person: Person) -> None:
    told: list[Prefilled | Finished] = []
    person.app.session.new_seed = lambda: 1  # replies that are not stopped before their end

    def keep(event: object) -> None:
        if isinstance(event, Prefilled | Finished):
            told.append(event)

    person.app.complete()
    person.app.engine.received.connect(keep)
    person.waits_until(lambda: person.app.presenter.model_loaded)
    person.types("I went for a walk by the river and thought of my old friend ")
    person.waits_until(lambda: sum(event.evaluated for event in told) > 12)
    for words in ("today", "Thank you."):
        person.asks(words)
        person.waits_until(lambda: isinstance(told[-1], Prefilled))  # the reply, as it was shown
    assert all(event.evaluated < 12 for event in told if isinstance(event, Finished))
    assert sum(isinstance(event, Finished) for event in told) == 2
