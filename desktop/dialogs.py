"""The window's dialogs: F1 and F9 work in each, and each can be put aside and come back as it was.

What is remembered of a dialog is a mark on itself: one that is deleted meanwhile is just gone.
"""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QChildEvent, QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QWidget

from desktop.actions import Actions

_MARK = "aside"


class Aside(StrEnum):
    """Why a dialog is put aside."""

    HELP = "help"
    HIDING = "hiding"


class Dialogs(QObject):
    help_requested = Signal()  # by its key, in a dialog

    def __init__(self, window: QWidget, actions: Actions) -> None:
        super().__init__(window)
        self._window = window
        self._hide, self._help = actions.hide, actions.help
        # Not the window's own action, which is a switch: help may be open already, behind a dialog.
        self._ask = QAction(self)
        self._ask.setShortcuts(actions.help.shortcuts())
        self._ask.triggered.connect(self.help_requested)
        window.installEventFilter(self)

    def put_aside(self, why: Aside) -> None:
        """Hide every dialog that is in sight; what is typed in it stays."""
        for dialog in reversed(self._all()):
            if dialog.isVisible():
                dialog.setProperty(_MARK, why)
                dialog.hide()
                self._window.activateWindow()

    def bring_back(self) -> None:
        """Show again what was put aside, unless there is still a reason."""
        if self._hide.isChecked():
            return
        for dialog in self._all():
            why = dialog.property(_MARK)
            if why == Aside.HIDING or (why == Aside.HELP and not self._help.isChecked()):
                dialog.setProperty(_MARK, None)
                dialog.open()

    def _all(self) -> list[QDialog]:
        """Outer ones before those that stand on them."""
        return self._window.findChildren(QDialog)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QChildEvent) and event.type() is QEvent.Type.ChildPolished:
            self._welcome(event.child())
        elif event.type() is QEvent.Type.Show and isinstance(watched, QDialog):
            QTimer.singleShot(0, self, self._on_shown)
        return super().eventFilter(watched, event)

    def _welcome(self, child: QObject) -> None:
        """Dialogs are watched as well: others may stand on them."""
        if isinstance(child, QDialog):
            child.addActions([self._ask, self._hide])
            child.installEventFilter(self)

    def _on_shown(self) -> None:
        if self._hide.isChecked():  # it came up by itself, while nothing was to be in sight
            self.put_aside(Aside.HIDING)
