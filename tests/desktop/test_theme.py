from __future__ import annotations

from itertools import product

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop.theme import LARGEST_TEXT, SMALLEST_TEXT, Appearance, ThemeChoice, load_theme

AA_TEXT, AA_SHAPES = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11

TEXT_ON = [
    ("text", "window"), ("text", "surface"), ("text", "person"), ("text", "model"),
    ("text", "written"), ("text", "code"), ("text", "notice"), ("muted", "window"),
    ("muted", "surface"), ("muted", "model"), ("muted", "written"), ("muted", "border"),
    ("accent", "window"), ("accent", "surface"), ("accent", "notice"), ("on_accent", "accent"),
]  # fmt: skip
SHAPES_ON = [("control_border", "window"), ("control_border", "surface"), ("accent", "written")]


def luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(v) for v in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: QColor, other: QColor) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(*pair, AA_TEXT) for pair in TEXT_ON] + [(*pair, AA_SHAPES) for pair in SHAPES_ON],
)
def test_contrast_is_enough(name: str, front: str, back: str, least: float) -> None:
    theme = load_theme(name)
    assert contrast(getattr(theme, front), getattr(theme, back)) >= least


def test_a_choice_changes_the_palette_and_is_told(
    qtbot: QtBot, qapp: QApplication, appearance: Appearance
) -> None:
    with qtbot.waitSignal(appearance.changed) as signal:
        appearance.choose(ThemeChoice.DARK)
    dark = load_theme("dark")
    assert signal.args == [dark]
    assert qapp.palette().color(QPalette.ColorRole.Window) == dark.window
    with qtbot.assertNotEmitted(appearance.changed):
        appearance.choose(ThemeChoice.DARK)


def test_text_size_reaches_every_widget(
    qtbot: QtBot, qapp: QApplication, appearance: Appearance
) -> None:
    label, button = QLabel("words"), QPushButton("press")
    for widget in (label, button):
        qtbot.addWidget(widget)
        widget.show()
    before = qapp.font().pointSizeF()
    appearance.set_text_size(150)
    assert label.font().pointSizeF() == pytest.approx(1.5 * before)
    assert button.font().pointSizeF() == pytest.approx(1.5 * before)


@pytest.mark.parametrize("choice", [ThemeChoice.LIGHT, ThemeChoice.DARK])
@pytest.mark.parametrize("kind", [QCheckBox, QComboBox, QSpinBox, QLineEdit])
def test_borders_of_controls_can_be_seen(
    qtbot: QtBot, appearance: Appearance, choice: ThemeChoice, kind: type[QWidget]
) -> None:
    appearance.choose(ThemeChoice.LIGHT)
    appearance.choose(choice)
    page, control = _page_with(qtbot, kind())
    shown = page.grab().toImage()
    left, middle = control.x(), control.geometry().center().y()
    border, inside = shown.pixelColor(left, middle), shown.pixelColor(left + 3, middle)
    assert contrast(border, appearance.theme.window) >= AA_SHAPES
    assert contrast(border, inside) >= AA_SHAPES


def _page_with(qtbot: QtBot, control: QWidget) -> tuple[QWidget, QWidget]:
    """A page whose focus is elsewhere: a border with the focus has another colour."""
    page, other = QDialog(), QPushButton("press")
    qtbot.addWidget(page)
    column = QVBoxLayout(page)
    column.addWidget(other)
    column.addWidget(control)
    page.show()
    other.setFocus()
    return page, control


def test_a_check_box_grows_with_the_text_and_its_mark_with_it(
    qtbot: QtBot, appearance: Appearance
) -> None:
    box = QCheckBox()
    page, _ = _page_with(qtbot, box)
    marks = []
    for percent in (100, 200):
        appearance.set_text_size(percent)
        qtbot.wait(50)
        marks.append(_extent(_mark(page, box)))
        assert box.height() >= _indicator(box).height()
    assert _indicator(box).height() >= box.fontMetrics().ascent()
    assert marks[1] >= 1.8 * marks[0] > 0


def _indicator(box: QCheckBox) -> QRect:
    option = QStyleOptionButton()
    box.initStyleOption(option)
    return box.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, box)


def _mark(page: QWidget, box: QCheckBox) -> list[tuple[int, int]]:
    """Where the box looks another way once it is checked."""
    box.setChecked(False)
    before = page.grab(box.geometry()).toImage()
    box.setChecked(True)
    after = page.grab(box.geometry()).toImage()
    places = product(range(before.width()), range(before.height()))
    return [(x, y) for x, y in places if contrast_at(before, after, x, y) >= AA_SHAPES]


def contrast_at(one: QImage, other: QImage, x: int, y: int) -> float:
    return contrast(one.pixelColor(x, y), other.pixelColor(x, y))


def _extent(places: list[tuple[int, int]]) -> int:
    return max(x for x, _ in places) - min(x for x, _ in places) + 1


@pytest.mark.parametrize(("asked", "given"), [(10, SMALLEST_TEXT), (900, LARGEST_TEXT)])
def test_text_size_has_limits(appearance: Appearance, asked: int, given: int) -> None:
    appearance.set_text_size(asked)
    assert appearance.text_size == given
