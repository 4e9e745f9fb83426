from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.chat_view import ChatView
from desktop.theme import Theme, load_theme
from theragen_core.conversation import MessageId, Role

ONE, TWO, THREE = MessageId(1), MessageId(2), MessageId(3)


@pytest.fixture
def chat(qtbot: QtBot, theme: Theme) -> ChatView:
    chat = ChatView(theme)
    qtbot.addWidget(chat)
    chat.resize(600, 400)
    chat.show()
    return chat


def say(chat: ChatView, message: MessageId, role: Role, words: str) -> None:
    chat.add_message(message, role)
    chat.append_text(message, words)
    chat.finish_message(message)


def talk(chat: ChatView, turns: int) -> None:
    for number in range(1, 2 * turns, 2):
        say(chat, MessageId(number), Role.USER, f"Message {number} about the week.")
        say(chat, MessageId(number + 1), Role.ASSISTANT, f"Reply {number + 1}, in a few words.")


def buttons(chat: ChatView) -> list[str]:
    bar = chat._bar
    parts = (bar.copy, bar.edit, bar.regenerate, bar.previous, bar.next)
    return [part.accessibleName() for part in parts if part.isVisible()]


def pixel(chat: ChatView, point: QPoint) -> QColor:
    return chat.viewport().grab().toImage().pixelColor(point)


def hover(qtbot: QtBot, chat: ChatView, message: MessageId) -> None:
    bubble = chat._bubble(chat._transcript.index(message))
    QTest.mouseMove(chat.viewport(), bubble.center().toPoint())


def test_says_whether_there_is_anything_to_see(qtbot: QtBot, chat: ChatView) -> None:
    with qtbot.waitSignal(chat.filled) as signal:
        say(chat, ONE, Role.USER, "Hello.")
    assert signal.args == [True]
    with qtbot.waitSignal(chat.filled) as signal:
        chat.clear()
    assert signal.args == [False]
    assert chat.toPlainText() == ""


def test_bubbles_have_the_colours_of_who_speaks(chat: ChatView, theme: Theme) -> None:
    say(chat, ONE, Role.USER, "Hello.")
    say(chat, TWO, Role.ASSISTANT, "Hello, and welcome.")
    chat.add_message(THREE, Role.ASSISTANT, written=True)
    chat.append_text(THREE, "You deserve help from a person.")
    for index, colour in enumerate((theme.person, theme.model, theme.written)):
        corner = chat._bubble(index).bottomRight().toPoint() - QPoint(12, 4)
        assert pixel(chat, corner) == colour
    dark = load_theme("dark")
    chat.set_theme(dark)
    corner = chat._bubble(1).bottomRight().toPoint() - QPoint(12, 4)
    assert pixel(chat, corner) == dark.model


def test_follows_the_end_only_for_those_who_are_there(chat: ChatView) -> None:
    bar = chat.verticalScrollBar()
    talk(chat, 20)
    assert bar.value() == bar.maximum() > 0
    bar.setValue(bar.maximum() // 2)
    before = bar.value()
    say(chat, MessageId(41), Role.ASSISTANT, "More words. " * 50)
    assert bar.value() == before
    bar.setValue(before + 5)
    assert chat._jump.isVisible()
    chat._jump.click()
    assert bar.value() == bar.maximum()
    assert not chat._jump.isVisible()


def test_who_writes_is_taken_to_the_end(chat: ChatView) -> None:
    talk(chat, 20)
    chat.verticalScrollBar().setValue(0)
    say(chat, MessageId(41), Role.USER, "One more thing.")
    assert chat.verticalScrollBar().value() == chat.verticalScrollBar().maximum()


def test_a_selection_above_survives_a_reply_below(chat: ChatView) -> None:
    talk(chat, 3)
    assert chat.find_text("Message 3") == 1
    chat.add_message(MessageId(9), Role.ASSISTANT)
    chat.append_text(MessageId(9), "Something **new**.\n\nAnd more")
    assert chat.textCursor().selectedText() == "Message 3"


def test_hovering_offers_what_the_message_allows(qtbot: QtBot, chat: ChatView) -> None:
    talk(chat, 2)
    hover(qtbot, chat, MessageId(3))
    assert buttons(chat) == ["Copy this message", "Edit this message"]
    hover(qtbot, chat, MessageId(2))
    assert buttons(chat) == ["Copy this message"]
    hover(qtbot, chat, MessageId(4))
    assert buttons(chat) == ["Copy this message", "Ask for another reply"]
    chat.set_variants(MessageId(4), 1, 2)
    assert buttons(chat)[2:] == ["Earlier reply", "Later reply"]
    assert chat._bar.position.text() == "2 of 2"
    assert not chat._bar.next.isEnabled()


def test_actions_name_their_message(qtbot: QtBot, chat: ChatView) -> None:
    talk(chat, 2)
    chat.set_variants(MessageId(4), 1, 3)
    hover(qtbot, chat, MessageId(3))
    with qtbot.waitSignal(chat.edit_requested) as signal:
        chat._bar.edit.click()
    assert signal.args == [3]
    hover(qtbot, chat, MessageId(4))
    with qtbot.waitSignal(chat.copy_requested) as signal:
        chat._bar.copy.click()
    assert signal.args == [4]
    with qtbot.waitSignal(chat.regenerate_requested) as signal:
        chat._bar.regenerate.click()
    assert signal.args == [4]
    for button, wanted in ((chat._bar.previous, 0), (chat._bar.next, 2)):
        with qtbot.waitSignal(chat.variant_requested) as signal:
            button.click()
        assert signal.args == [4, wanted]


def test_messages_and_their_actions_are_reached_by_keyboard(qtbot: QtBot, chat: ChatView) -> None:
    talk(chat, 10)
    for _ in range(3):
        chat.move_current(-1)
    assert chat._current == 18
    assert "Copy this message" in buttons(chat)
    assert chat.textCursor().block().text() == "Reply 18, in a few words."
    for _ in range(40):
        chat.move_current(-1)
    assert chat._current == 1
    assert chat.verticalScrollBar().value() < chat.verticalScrollBar().maximum() // 4
    chat._bar.copy.setFocus()
    assert chat._bar.isVisible()
    with qtbot.waitSignal(chat.copy_requested):
        QTest.keyClick(chat._bar.copy, Qt.Key.Key_Space)


def test_the_context_menu_offers_the_same(qtbot: QtBot, chat: ChatView) -> None:
    talk(chat, 1)
    hover(qtbot, chat, ONE)
    entries = [action.text() for action in chat._context_menu().actions()]
    assert entries == ["Copy this message", "Edit this message"]
    chat.find_text("Message")
    assert chat._context_menu().actions()[0].text() == "Copy selection"


def test_a_removed_message_is_forgotten(qtbot: QtBot, chat: ChatView) -> None:
    talk(chat, 2)
    hover(qtbot, chat, MessageId(4))
    chat.remove_from(THREE)
    assert not chat._bar.isVisible()
    assert "Reply 4" not in chat.toPlainText()
    assert chat.plain_text(TWO) == "Reply 2, in a few words."


def test_a_notice_below_a_reply_goes_when_the_reply_goes_on(chat: ChatView) -> None:
    talk(chat, 1)
    chat.add_notice("The reply is not complete.")
    chat.set_text(TWO, "")
    chat.append_text(TWO, "Another reply.")
    chat.finish_message(TWO)
    assert "not complete" not in chat.toPlainText()
    assert chat.plain_text(TWO) == "Another reply."


def test_finding_goes_round_in_both_directions(chat: ChatView) -> None:
    talk(chat, 3)
    found = []
    for backwards in (False, False, False, False, True):
        assert chat.find_text("message", backwards) == 3
        found.append(chat.textCursor().block().text().split()[1])
    assert found == ["1", "3", "5", "1", "5"]
    assert chat.find_text("nowhere") == 0
    assert chat.find_text("") == 0
    assert not chat.textCursor().hasSelection()


def test_nothing_is_loaded_and_nothing_can_be_opened(chat: ChatView) -> None:
    page = "<img src='file:///etc/hostname'> ![x](file:///etc/hostname) [y](http://example.org)"
    say(chat, ONE, Role.ASSISTANT, page)
    chat.grab()
    assert chat.toPlainText() == page
    assert "<img" not in chat.toHtml().replace("&lt;", "")
    assert "href=" not in chat.toHtml().replace("&quot;", "")
    assert chat.loadResource(2, QUrl("file:///etc/hostname")) is None


def test_a_copied_selection_is_plain_text_that_managers_may_not_keep(chat: ChatView) -> None:
    say(chat, ONE, Role.ASSISTANT, "Some **bold** words.")
    chat.find_text("bold")
    chat.copy()
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "bold"
    assert not data.hasHtml()
    assert bytes(data.data("x-kde-passwordManagerHint").data()) == b"secret"
    QGuiApplication.clipboard().clear()


def test_there_is_no_way_back_to_what_was_cleared(chat: ChatView) -> None:
    talk(chat, 2)
    chat.clear()
    chat.undo()
    assert chat.toPlainText() == ""


def test_ten_thousand_pieces_under_three_hundred_messages(chat: ChatView) -> None:
    """The paragraph that grows stays short, so that each piece lays out little."""
    talk(chat, 150)
    reply = MessageId(999)
    chat.add_message(reply, Role.ASSISTANT)
    longest = 0
    for number in range(10_000):
        chat.append_text(reply, "word. " if number % 9 == 8 else "word ")
        longest = max(longest, chat.document().lastBlock().length())
    chat.finish_message(reply)
    assert chat.plain_text(reply).count("word") == 10_000
    assert longest < 3_000
    assert chat.verticalScrollBar().value() == chat.verticalScrollBar().maximum()
