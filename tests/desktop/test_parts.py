"""A line that gives way ends in an ellipsis; what it says stays whole for who asks."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.parts import ElidedLabel

WORDS = "Reading what you wrote so far, a long line that does not fit"
WIDTH = 160  # pixels


def test_a_line_without_room_ends_in_an_ellipsis(qtbot: QtBot) -> None:
    line = ElidedLabel(WORDS)
    expected = QLabel(_elided(line))
    for label in (line, expected):
        qtbot.addWidget(label)
        label.setObjectName("muted")
        label.setStyleSheet("#muted { color: #336699; }")
    assert expected.text().endswith("…")
    assert _picture(line) == _picture(expected)
    assert line.text() == WORDS


def _elided(line: ElidedLabel) -> str:
    return line.fontMetrics().elidedText(WORDS, Qt.TextElideMode.ElideRight, WIDTH)


def _picture(label: QLabel) -> QImage:
    label.setFixedSize(WIDTH, 24)
    return label.grab().toImage()
