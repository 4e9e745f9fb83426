from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QFont, QTextDocument
from PySide6.QtWidgets import QApplication

from desktop.markdown_blocks import CHUNK_LIMIT
from desktop.transcript_document import GAP, Look, Part, TranscriptDocument, part
from theragen_core.conversation import MessageId

ONE, TWO, THREE = MessageId(1), MessageId(2), MessageId(3)


@pytest.fixture
def document(qapp: QApplication) -> QTextDocument:
    return QTextDocument()


@pytest.fixture
def transcript(document: QTextDocument) -> TranscriptDocument:
    return make(document)


def make(document: QTextDocument) -> TranscriptDocument:
    transcript = TranscriptDocument(document, QColor("gray"))
    transcript.set_width(400)
    return transcript


def say(transcript: TranscriptDocument, *texts: str) -> None:
    """The person and the model in turn, each message whole."""
    for number, words in enumerate(texts):
        person = number % 2 == 0
        transcript.add(Look.PERSON if person else Look.MODEL, MessageId(number + 1))
        if person:
            transcript.set_text(number, words)
        else:
            transcript.append(words)
            transcript.finish("")


def texts(transcript: TranscriptDocument) -> list[str]:
    return [transcript.plain_text(index) for index in range(len(transcript))]


def test_messages_stand_in_their_order(transcript: TranscriptDocument) -> None:
    say(transcript, "Hello.", "Hello, what is on your mind?", "Work.\n\nA lot of it.")
    assert texts(transcript) == ["Hello.", "Hello, what is on your mind?", "Work.\n\nA lot of it."]
    assert transcript.index(TWO) == 1
    with pytest.raises(KeyError):
        transcript.index(MessageId(9))


def test_a_reply_is_plain_while_it_grows_and_rich_once_complete(
    transcript: TranscriptDocument, document: QTextDocument
) -> None:
    transcript.add(Look.MODEL, ONE)
    for letter in "Some **bold** words":
        transcript.append(letter)
    assert transcript.plain_text(0) == "Some **bold** words"
    transcript.append(".\n\nAnd ")
    assert transcript.plain_text(0) == "Some bold words.\nAnd "
    weights = [
        spot.format.fontWeight() for spot in document.firstBlock().textFormats() if spot.length
    ]
    assert QFont.Weight.Bold in weights


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="ab* \n`-1.#>", max_size=200), st.integers(1, 17))
def test_a_streamed_reply_reads_as_one_that_came_whole(
    qapp: QApplication, words: str, size: int
) -> None:
    streamed, whole = make(QTextDocument()), make(QTextDocument())
    for transcript in (streamed, whole):
        transcript.add(Look.MODEL, ONE)
    for at in range(0, len(words), size):
        streamed.append(words[at : at + size])
    streamed.finish("")
    whole.set_text(0, words)
    assert streamed.plain_text(0) == whole.plain_text(0)


def test_no_paragraph_grows_without_bound(
    transcript: TranscriptDocument, document: QTextDocument
) -> None:
    transcript.add(Look.MODEL, ONE)
    for _ in range(3_000):
        transcript.append("a word ")
        assert document.lastBlock().length() <= CHUNK_LIMIT + 8
    transcript.finish("")
    assert transcript.plain_text(0).count("word") == 3_000


def test_words_of_the_person_are_never_markdown(transcript: TranscriptDocument) -> None:
    say(transcript, "*all* of <b>this</b>\n# stays")
    assert transcript.plain_text(0) == "*all* of <b>this</b>\n# stays"


def test_text_may_change_in_the_middle(transcript: TranscriptDocument) -> None:
    say(transcript, "One.", "Two.", "Three.", "Four.")
    transcript.set_text(1, "Another reply.\n\nIn two paragraphs.")
    assert texts(transcript) == [
        "One.", "Another reply.\nIn two paragraphs.", "Three.", "Four."
    ]  # fmt: skip
    transcript.set_text(1, "")
    assert texts(transcript) == ["One.", "", "Three.", "Four."]


def test_a_message_that_was_emptied_grows_again(transcript: TranscriptDocument) -> None:
    say(transcript, "One.", "Two.")
    transcript.set_text(1, "")
    transcript.append("Anew")
    transcript.append(" and on")
    transcript.finish("2 s")
    assert texts(transcript) == ["One.", "Anew and on"]


def test_removing_takes_all_that_follows(
    transcript: TranscriptDocument, document: QTextDocument
) -> None:
    say(transcript, "One.", "Two.", "Three.", "Four.")
    transcript.remove_from(2)
    assert texts(transcript) == ["One.", "Two."]
    assert "Three" not in document.toPlainText()
    transcript.add(Look.PERSON, MessageId(7), "Five.")
    assert texts(transcript) == ["One.", "Two.", "Five."]


def test_a_notice_stands_before_a_message(
    transcript: TranscriptDocument, document: QTextDocument
) -> None:
    say(transcript, "One.", "Two.", "Three.")
    transcript.insert_notice("A line.", 0)
    transcript.insert_notice("Another line.", 3)
    assert texts(transcript) == ["A line.", "One.", "Two.", "Another line.", "Three."]
    assert [section.look for section in transcript][3] is Look.NOTICE
    assert part(transcript.first_block(4)) is Part.TEXT
    assert transcript.first_block(4).blockFormat().topMargin() == GAP


def test_there_is_one_trim_line_and_it_moves(transcript: TranscriptDocument) -> None:
    say(transcript, "One.", "Two.", "Three.")
    transcript.set_trim_line("Not seen.", TWO)
    transcript.set_trim_line("Not seen.", THREE)
    assert texts(transcript) == ["One.", "Two.", "Not seen.", "Three."]
    transcript.remove_from(3)
    transcript.set_trim_line("Not seen.", ONE)
    assert texts(transcript) == ["Not seen.", "One.", "Two."]
    transcript.set_trim_line("", None)
    assert texts(transcript) == ["One.", "Two."]


def test_a_line_above_does_not_disturb_a_reply_under_way(transcript: TranscriptDocument) -> None:
    say(transcript, "One.")
    transcript.add(Look.MODEL, TWO)
    transcript.append("Under")
    transcript.set_trim_line("Not seen.", ONE)
    transcript.append(" way.\n\nNext")
    assert texts(transcript) == ["Not seen.", "One.", "Under way.\nNext"]


def test_the_footer_is_not_part_of_the_message(
    transcript: TranscriptDocument, document: QTextDocument
) -> None:
    transcript.add(Look.MODEL, ONE)
    transcript.append("A reply.")
    transcript.finish("2.0 s, 11 tokens a second")
    assert transcript.plain_text(0) == "A reply."
    assert document.lastBlock().text().startswith("2.0 s")


def test_short_messages_of_the_person_stand_at_the_right(transcript: TranscriptDocument) -> None:
    say(transcript, "Hi.", "Hello.", "A message that is longer than the page is wide. " * 4)
    short, long = (transcript.first_block(index).blockFormat().leftMargin() for index in (0, 2))
    assert short > 300
    assert long < 100
    transcript.set_width(800)
    assert transcript.first_block(0).blockFormat().leftMargin() > 700


def test_clear_leaves_nothing(transcript: TranscriptDocument, document: QTextDocument) -> None:
    say(transcript, "One.", "Two.")
    transcript.clear()
    assert len(transcript) == 0
    assert document.toPlainText() == ""
    assert not document.isUndoAvailable()
    say(transcript, "New.")
    assert texts(transcript) == ["New."]


@pytest.mark.parametrize("sign", ["\0", "\ufdd0", "\ufdd1", "\ufffc", "\ud800", "\u2029", "\r"])
def test_marks_of_the_document_itself_are_harmless(
    transcript: TranscriptDocument, sign: str
) -> None:
    say(transcript, f"a{sign}b", f"c{sign}d\n\ne", "last")
    assert len(transcript) == 3
    assert transcript.plain_text(2) == "last"
    assert transcript.plain_text(0) in ("a\ufffdb", "a?b", "a\nb")
    assert transcript.plain_text(1)[-1] == "e"


@pytest.mark.parametrize("sign", ["\0", "\ufdd0", "\ufdd1", "\ufffc"])
def test_what_cannot_be_shown_is_marked(transcript: TranscriptDocument, sign: str) -> None:
    say(transcript, f"a{sign}b")
    assert transcript.plain_text(0) == "a\ufffdb"
