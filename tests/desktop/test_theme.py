from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
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


@pytest.mark.parametrize(("asked", "given"), [(10, SMALLEST_TEXT), (900, LARGEST_TEXT)])
def test_text_size_has_limits(appearance: Appearance, asked: int, given: int) -> None:
    appearance.set_text_size(asked)
    assert appearance.text_size == given
