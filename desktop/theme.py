"""How the app looks: the colours of resources/themes, light or dark, and the size of text.

Knows the application object only; widgets that paint for themselves are handed a Theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from theragen_core.resources import ROOT, read_json

COMFORTABLE_POINTS = 10.5  # some systems' own text is small for reading at length
SMALLEST_TEXT, LARGEST_TEXT, TEXT_STEP = 80, 200, 10  # per cent

# How Fusion makes the colour of a border from that of the window, and how much lighter a kind of
# control has it.
FUSION_DARKENS = 1.4
BORDERED = {"QCheckBox": 1.1, "QComboBox": 1.0, "QAbstractSpinBox": 1.0, "QLineEdit": 1.0}


class ThemeChoice(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they are for."""

    dark: bool
    window: QColor
    surface: QColor
    text: QColor
    muted: QColor
    border: QColor
    control_border: QColor
    accent: QColor
    on_accent: QColor
    person: QColor  # behind the person's messages
    model: QColor  # behind replies
    written: QColor  # behind replies that people wrote beforehand
    code: QColor
    notice: QColor


def load_theme(name: str) -> Theme:
    """The theme "light" or "dark"."""
    values = read_json(f"themes/{name}.json")
    colours = {role: QColor(value) for role, value in values.items() if role != "dark"}
    return Theme(dark=values["dark"], **colours)


def palette(theme: Theme) -> QPalette:
    colours = QPalette()
    roles = QPalette.ColorRole
    for role, colour in (
        (roles.Window, theme.window),
        (roles.WindowText, theme.text),
        (roles.Base, theme.surface),
        (roles.AlternateBase, theme.window),
        (roles.Text, theme.text),
        (roles.Button, theme.surface),
        (roles.ButtonText, theme.text),
        (roles.PlaceholderText, theme.muted),
        (roles.ToolTipBase, theme.surface),
        (roles.ToolTipText, theme.text),
        (roles.Highlight, theme.accent),
        (roles.HighlightedText, theme.on_accent),
        (roles.Accent, theme.accent),
        (roles.Link, theme.accent),
        (roles.LinkVisited, theme.accent),
    ):
        colours.setColor(role, colour)
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        colours.setColor(QPalette.ColorGroup.Disabled, role, theme.muted)
    return colours


def bordered(theme: Theme, lighter: float) -> QPalette:
    """For controls whose border Fusion draws in a darker shade of Window, made `lighter` again.

    A style sheet could name the border, but then it has to bring the check mark and arrow too.
    """
    hue, saturation, value, _ = theme.control_border.getHsv()
    shade = min(255, round(value * FUSION_DARKENS / lighter))
    colours = palette(theme)
    colours.setColor(QPalette.ColorRole.Window, QColor.fromHsv(hue, saturation, shade))
    return colours


def stylesheet(theme: Theme) -> str:
    """The few shapes that a palette cannot say."""
    template = Template((ROOT / "themes" / "style.qss").read_text(encoding="utf-8"))
    names = template.get_identifiers()
    return template.substitute({name: getattr(theme, name).name() for name in names})


class Appearance(QObject):
    """Keeps the application in the chosen theme and text size, and follows the system's theme."""

    changed = Signal(Theme)

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._hints = application.styleHints()
        self._font = _comfortable(application.font())
        self._choice = ThemeChoice.SYSTEM
        self._text_size = 100
        self.theme = load_theme(self._name())
        application.setStyle("Fusion")
        application.setFont(self._font)
        self._paint()
        self._hints.colorSchemeChanged.connect(self._on_scheme_changed)

    @property
    def text_size(self) -> int:
        return self._text_size

    def choose(self, choice: ThemeChoice) -> None:
        self._choice = choice
        self._apply()

    def set_text_size(self, percent: int) -> None:
        percent = max(SMALLEST_TEXT, min(LARGEST_TEXT, percent))
        if percent == self._text_size:
            return
        self._text_size = percent
        self._application.setFont(_scaled(self._font, percent))
        # Widgets that a style sheet touches take up a new font only with the sheet.
        self._application.setStyleSheet(self._application.styleSheet())

    def _on_scheme_changed(self) -> None:
        if self._choice is ThemeChoice.SYSTEM:
            self._apply()

    def _name(self) -> str:
        if self._choice is not ThemeChoice.SYSTEM:
            return self._choice.value
        return "dark" if self._hints.colorScheme() is Qt.ColorScheme.Dark else "light"

    def _apply(self) -> None:
        theme = load_theme(self._name())
        if theme == self.theme:
            return
        self.theme = theme
        self._paint()
        self.changed.emit(theme)

    def _paint(self) -> None:
        self._application.setPalette(palette(self.theme))
        for kind, lighter in BORDERED.items():
            colours = bordered(self.theme, lighter)
            # The stubs ask for bytes, which PySide refuses.
            self._application.setPalette(colours, kind)  # type: ignore[arg-type]
        self._application.setStyleSheet(stylesheet(self.theme))


def _comfortable(font: QFont) -> QFont:
    result = QFont(font)
    if 0 < font.pointSizeF() < COMFORTABLE_POINTS:
        result.setPointSizeF(COMFORTABLE_POINTS)
    return result


def _scaled(font: QFont, percent: int) -> QFont:
    """The font at this size, whether it is measured in points or in pixels."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * percent / 100)
    else:
        result.setPixelSize(round(font.pixelSize() * percent / 100))
    return result
