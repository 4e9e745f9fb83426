from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from desktop.theme import Appearance, Theme, load_theme

# Read by Qt when the application is made: windows are drawn in memory, with no display.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def appearance(qapp: QApplication) -> Iterator[Appearance]:
    """The look of the application, put back afterwards."""
    font, palette = qapp.font(), qapp.palette()
    look = Appearance(qapp)
    yield look
    look.deleteLater()
    # A widget that outlives the style sheet is never struck off Qt's list of styled widgets: the
    # next sheet would read its freed memory. Windows that were closed are only marked for deletion.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.setStyleSheet("")
    qapp.setPalette(palette)
    qapp.setFont(font)


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return load_theme("light")
