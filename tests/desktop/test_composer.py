from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.composer import MOST_LINES, Composer
from theragen_core.resources import text

HINTS = Qt.InputMethodHint


@pytest.fixture
def composer(qtbot: QtBot) -> Composer:
    composer = Composer()
    qtbot.addWidget(composer)
    composer.resize(500, 60)
    composer.show()
    composer.activateWindow()
    composer.setFocus()
    return composer


def test_enter_submits_and_forgets(qtbot: QtBot, composer: Composer) -> None:
    QTest.keyClicks(composer.edit, "Hello there")
    with qtbot.waitSignal(composer.submitted) as signal:
        QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    assert signal.args == ["Hello there"]
    assert composer.text == ""
    composer.edit.undo()
    assert composer.text == ""


def test_shift_enter_breaks_the_line(qtbot: QtBot, composer: Composer) -> None:
    QTest.keyClicks(composer.edit, "one")
    QTest.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(composer.edit, "two")
    assert composer.text == "one\ntwo"


def test_blank_text_is_not_submitted(qtbot: QtBot, composer: Composer) -> None:
    assert not composer.send.isEnabled()
    QTest.keyClicks(composer.edit, "   ")
    with qtbot.assertNotEmitted(composer.submitted):
        QTest.keyClick(composer.edit, Qt.Key.Key_Return)


def test_while_a_reply_is_written_the_button_stops_it(qtbot: QtBot, composer: Composer) -> None:
    composer.set_generating(True)
    assert composer.send.accessibleName() == "Stop"
    QTest.keyClicks(composer.edit, "the next thing")
    with qtbot.assertNotEmitted(composer.submitted):
        QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    with qtbot.waitSignal(composer.stop_requested):
        composer.send.click()
    assert composer.text == "the next thing"
    composer.set_generating(False)
    with qtbot.waitSignal(composer.submitted):
        composer.send.click()


def test_it_grows_with_the_text_up_to_a_limit(composer: Composer) -> None:
    heights = []
    for lines in (1, 3, MOST_LINES, 40):
        composer.edit.setPlainText("\n".join("x" * lines))
        heights.append(composer.edit.height())
    assert heights == sorted(heights)
    assert heights[0] < heights[1] < heights[2] == heights[3]
    composer.clear()
    assert composer.edit.height() == heights[0]


def test_editing_sets_the_draft_aside_and_esc_brings_it_back(
    qtbot: QtBot, composer: Composer
) -> None:
    QTest.keyClicks(composer.edit, "a draft")
    composer.begin_editing("an earlier message")
    composer.begin_editing("another message")
    assert composer.text == "another message"
    assert composer._banner.isVisible()
    with qtbot.waitSignal(composer.editing_cancelled):
        QTest.keyClick(composer.edit, Qt.Key.Key_Escape)
    assert composer.text == "a draft"
    assert not composer._banner.isVisible()


def test_sending_an_edit_ends_the_editing(qtbot: QtBot, composer: Composer) -> None:
    composer.begin_editing("an earlier message")
    with qtbot.waitSignal(composer.submitted) as signal:
        QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    assert signal.args == ["an earlier message"]
    assert not composer._banner.isVisible()


def test_a_refused_text_returns_above_what_was_written_since(composer: Composer) -> None:
    composer.edit.setPlainText("since then")
    composer.take_back("too long")
    assert composer.text == "too long\nsince then"


def test_clear_leaves_no_draft_and_no_way_back(qtbot: QtBot, composer: Composer) -> None:
    QTest.keyClicks(composer.edit, "a draft")
    composer.begin_editing("an earlier message")
    composer.clear()
    composer.edit.undo()
    assert composer.text == ""
    QTest.keyClick(composer.edit, Qt.Key.Key_Escape)
    assert composer.text == ""


def test_only_text_is_pasted(composer: Composer) -> None:
    rich, files, image = QMimeData(), QMimeData(), QMimeData()
    rich.setHtml("<b>bold</b>")
    rich.setText("bold")
    files.setUrls([QUrl.fromLocalFile("/etc/hostname")])
    image.setImageData(QImage(2, 2, QImage.Format.Format_RGB32))
    for data in (rich, files, image):
        composer.edit.insertFromMimeData(data)
    assert composer.text == "bold"


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000, "line\n" * 20_000])
def test_a_huge_paste_is_taken(qtbot: QtBot, composer: Composer, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    composer.edit.insertFromMimeData(data)
    QTest.keyClicks(composer.edit, "!")
    assert composer.text == text + "!"


def test_input_methods_are_asked_to_learn_nothing(composer: Composer) -> None:
    hints = composer.edit.inputMethodHints()
    assert hints & HINTS.ImhSensitiveData
    assert hints & HINTS.ImhNoPredictiveText


def test_the_hint_stays_on_one_line(composer: Composer) -> None:
    edit = composer.edit
    composer.resize(900, 60)
    assert edit.placeholderText() == text("window.composer_hint")
    composer.resize(300, 60)
    assert edit.placeholderText().endswith("…")
    assert edit.fontMetrics().horizontalAdvance(edit.placeholderText()) < edit.viewport().width()
