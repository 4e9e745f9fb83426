"""Speaks to screen readers: a text is announced once, complete."""

from __future__ import annotations

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget


def announce(widget: QWidget, text: str) -> None:
    """Have `text` read aloud on behalf of `widget`, where a screen reader runs.

    What is not in sight says nothing: a window may be hidden from whoever is in the room.
    """
    if text and widget.isVisible() and QAccessible.isActive():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))
