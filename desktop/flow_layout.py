"""Parts in a row that goes on below where the room ends; buttons and boxes whose words do the same.

For narrow windows and large text: nothing that can be pressed is ever cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QLayout,
    QLayoutItem,
    QPushButton,
    QSizePolicy,
    QWidget,
)

if TYPE_CHECKING:
    _Button = QAbstractButton
else:
    _Button = object  # the real one comes second among the bases below

SPACING = 8
SHORTEST = 4  # characters that a line of words has room for, however narrow the window


class FlowLayout(QLayout):
    """Lays its items out like words of a text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(SPACING)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def add_flow(self, inner: FlowLayout) -> None:
        """Items that stay together as long as they fit into one row."""
        self.addChildLayout(inner)
        self.addItem(inner)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, area: QRect) -> None:
        super().setGeometry(area)
        self._arrange(area, move=True)

    def sizeHint(self) -> QSize:
        shown = [item.sizeHint() for item in self._items if not item.isEmpty()]
        width = sum(size.width() for size in shown) + self.spacing() * max(0, len(shown) - 1)
        return QSize(width, max((size.height() for size in shown), default=0))

    def minimumSize(self) -> QSize:
        smallest = QSize()
        for item in self._items:
            if not item.isEmpty():
                smallest = smallest.expandedTo(item.minimumSize())
        return smallest

    def _arrange(self, area: QRect, move: bool) -> int:
        """Rows from the top, their items on one middle line; returns the height that they take."""
        top = area.y()
        for row in self._rows(area.width()):
            height = max(size.height() for _, size in row)
            left = area.x()
            for item, size in row:
                if move:
                    corner = QPoint(left, top + (height - size.height()) // 2)
                    item.setGeometry(QRect(corner, size))
                left += size.width() + self.spacing()
            top += height + self.spacing()
        return max(0, top - self.spacing() - area.y())

    def _rows(self, width: int) -> list[list[tuple[QLayoutItem, QSize]]]:
        rows: list[list[tuple[QLayoutItem, QSize]]] = []
        left = 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = _size(item, width)
            if not rows or left + size.width() > width:
                rows.append([])
                left = 0
            rows[-1].append((item, size))
            left += size.width() + self.spacing()
        return rows


class _Wrapping(_Button):
    """Breaks its words into lines where they would be cut off."""

    def _wrap(self, words: str) -> None:
        self._words = words
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        # The usual policy of a button forbids two lines, and less than all words in one.
        policy.setVerticalPolicy(QSizePolicy.Policy.Preferred)
        policy.setHorizontalPolicy(QSizePolicy.Policy.Preferred)
        self.setSizePolicy(policy)
        self.setAccessibleName(words)

    def sizeHint(self) -> QSize:
        return self._frame() + self._extent(self._words)

    def minimumSizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return self._frame() + QSize(SHORTEST * metrics.averageCharWidth(), metrics.lineSpacing())

    def heightForWidth(self, width: int) -> int:
        frame = self._frame()
        return frame.height() + self._extent(self._broken(width - frame.width())).height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        broken = self._broken(self.width() - self._frame().width())
        if broken != self.text():
            self.setText(broken)

    def _broken(self, width: int) -> str:
        return _broken(self._words, self.fontMetrics(), width)

    def _frame(self) -> QSize:
        """What the style puts around the words."""
        return super().sizeHint() - self._extent(self.text())

    def _extent(self, words: str) -> QSize:
        return self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, words)


class WrappingButton(_Wrapping, QPushButton):
    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        QPushButton.__init__(self, words, parent)
        self._wrap(words)


class WrappingCheckBox(_Wrapping, QCheckBox):
    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        QCheckBox.__init__(self, words, parent)
        self._wrap(words)


def _size(item: QLayoutItem, width: int) -> QSize:
    size = item.sizeHint()
    if size.width() <= width:
        return size
    return QSize(width, item.heightForWidth(width) if item.hasHeightForWidth() else size.height())


def _broken(words: str, metrics: QFontMetrics, width: int) -> str:
    """The words in lines of this width; only a word that is longer than a line is divided."""
    lines: list[str] = []
    for word in words.split(" "):
        if lines and metrics.horizontalAdvance(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines += _divided(word, metrics, width)
    return "\n".join(lines)


def _divided(word: str, metrics: QFontMetrics, width: int) -> list[str]:
    parts = [""]
    for sign in word:
        if parts[-1] and metrics.horizontalAdvance(parts[-1] + sign) > width:
            parts.append("")
        parts[-1] += sign
    return parts
