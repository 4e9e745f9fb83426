from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.flow_layout import SPACING, FlowLayout, WrappingButton


def box(width: int, height: int = 20) -> QWidget:
    made = QWidget()
    made.setFixedSize(QSize(width, height))
    return made


@pytest.fixture
def row(qtbot: QtBot) -> tuple[QWidget, list[QWidget]]:
    parent = QWidget()
    qtbot.addWidget(parent)
    flow = FlowLayout(parent)
    boxes = [box(100), box(100, 40), box(60)]
    for made in boxes:
        flow.addWidget(made)
    return parent, boxes


def placed(parent: QWidget, boxes: list[QWidget], width: int) -> list[tuple[int, int]]:
    parent.resize(width, 400)
    parent.show()
    return [(made.x(), made.y()) for made in boxes]


def test_a_row_that_fits_has_one_middle_line(row: tuple[QWidget, list[QWidget]]) -> None:
    assert placed(*row, width=400) == [(0, 10), (108, 0), (216, 10)]


def test_goes_on_below_where_the_room_ends(row: tuple[QWidget, list[QWidget]]) -> None:
    assert placed(*row, width=220) == [(0, 10), (108, 0), (0, 40 + SPACING)]
    assert placed(*row, width=120) == [(0, 0), (0, 28), (0, 76)]


def test_knows_its_height(row: tuple[QWidget, list[QWidget]]) -> None:
    layout = row[0].layout()
    assert layout is not None
    assert layout.hasHeightForWidth()
    assert [layout.heightForWidth(width) for width in (400, 220, 120)] == [40, 68, 96]
    assert layout.minimumSize() == QSize(100, 40)
    assert layout.sizeHint() == QSize(276, 40)


def test_what_is_hidden_takes_no_room(row: tuple[QWidget, list[QWidget]]) -> None:
    parent, boxes = row
    boxes[0].hide()
    assert placed(parent, boxes[1:], width=400) == [(0, 0), (108, 10)]


def test_what_is_kept_together_goes_below_together(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    flow = FlowLayout(parent)
    boxes = [box(100), box(60), box(60)]
    flow.addWidget(boxes[0])
    pair = FlowLayout()
    flow.add_flow(pair)
    for made in boxes[1:]:
        pair.addWidget(made)
    assert placed(parent, boxes, width=400) == [(0, 0), (108, 0), (176, 0)]
    assert placed(parent, boxes, width=200) == [(0, 0), (0, 28), (68, 28)]
    assert placed(parent, boxes, width=110) == [(0, 0), (0, 28), (0, 56)]


def test_items_can_be_taken_out(row: tuple[QWidget, list[QWidget]]) -> None:
    layout = row[0].layout()
    assert layout is not None
    for _ in row[1]:
        assert layout.takeAt(0) is not None
    assert layout.takeAt(0) is None
    assert layout.itemAt(0) is None
    assert layout.count() == 0
    assert layout.heightForWidth(100) == 0


@pytest.fixture
def button(qtbot: QtBot) -> Iterator[WrappingButton]:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = WrappingButton("That is not what I meant")
    FlowLayout(parent).addWidget(made)
    yield made
    parent.close()  # it lives as long as the button


def in_width(button: WrappingButton, width: int) -> str:
    parent = button.parentWidget()
    assert parent is not None
    parent.resize(width, 600)
    parent.show()
    return button.text()


def test_a_button_breaks_its_words_and_joins_them_again(button: WrappingButton) -> None:
    wide = button.sizeHint().width()
    assert in_width(button, wide) == "That is not what I meant"
    broken = in_width(button, wide * 2 // 3)
    assert "\n" in broken
    assert broken.split() == ["That", "is", "not", "what", "I", "meant"]
    assert button.height() >= button.sizeHint().height() + button.fontMetrics().height()
    assert in_width(button, wide) == "That is not what I meant"


def test_a_long_word_is_divided_and_not_cut_off(button: WrappingButton) -> None:
    broken = in_width(button, button.minimumSizeHint().width())
    metrics = button.fontMetrics()
    assert all(metrics.horizontalAdvance(line) <= button.width() for line in broken.split("\n"))
    assert "".join(broken.split()) == "Thatisnotwhat" + "Imeant"


def test_a_broken_button_is_heard_whole(button: WrappingButton) -> None:
    in_width(button, button.sizeHint().width() // 2)
    assert button.accessibleName() == "That is not what I meant"


def test_a_column_leaves_room_for_two_lines(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    made = WrappingButton("Find a line: findahelpline.com")
    column.addWidget(made)
    column.addWidget(QLabel("below"))
    column.addStretch(1)
    page.resize(made.sizeHint().width() * 3 // 4, 400)
    page.show()
    assert "\n" in made.text()
    assert made.height() >= made.heightForWidth(made.width())
