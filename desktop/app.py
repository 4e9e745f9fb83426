"""Composition root: builds everything, connects everything, and starts what can wait last.

The window comes first, so that a person can write at once; the session, the settings dialog, the
model and the rest follow while they read or type.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.arguments import Arguments
from desktop.engine_client import EngineClient, host_command
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from desktop.presenter import Presenter
from desktop.single_instance import SingleInstance
from desktop.theme import Appearance
from theragen_core import process
from theragen_core.engines.turn import report_bug
from theragen_core.protocol import LocalModel, TemplateChoice
from theragen_core.resources import text
from theragen_core.session import ChatSession
from theragen_core.settings import Settings, default_path


class Application(QObject):
    """The window with all that stands behind it."""

    def __init__(self, qt: QApplication, arguments: Arguments, settings_path: Path) -> None:
        super().__init__()
        appearance = Appearance(qt)
        self.window = MainWindow(appearance.theme)
        self.preferences = Preferences(settings_path, self.window, appearance, self)
        complaint = self.preferences.load()
        self.session = ChatSession(self.preferences.country, self.preferences.sampling)
        self.engine = EngineClient(host_command(), self)
        self._arguments = arguments
        self.presenter = Presenter(self.window, self.session, self.engine, self._model(), self)
        self.presenter.show_stats = self.preferences.settings.show_stats
        self._connect()
        if complaint:
            self.presenter.show_notice(complaint)

    def _connect(self) -> None:
        window, actions = self.window, self.window.actions_
        window.accepted.connect(self._on_accepted)
        window.declined.connect(window.close)
        window.link_activated.connect(self._on_link_activated)
        window.closed.connect(self._on_closed)
        actions.new.triggered.connect(self._on_new)
        actions.forget.triggered.connect(self._on_forget)
        self.preferences.changed.connect(self._on_preferences_changed)
        self.preferences.complained.connect(self.presenter.show_notice)

    def show(self) -> None:
        """The first page, or the conversation; the model starts once that is painted."""
        if self.preferences.settings.consented:
            self.window.show_conversation()
        else:
            self.window.ask_consent()
        self.window.show()
        QTimer.singleShot(0, self.presenter.ensure_model)

    def _model(self) -> LocalModel:
        """The one named on the command line counts for this run only."""
        if self._arguments.model is None:
            return self.preferences.model()
        template = TemplateChoice(self.preferences.settings.template)
        return LocalModel(self._arguments.model.absolute(), template)

    def _on_accepted(self) -> None:
        self.preferences.consent()
        self.window.show_conversation()

    def _on_link_activated(self, url: str) -> None:
        # Only links of the directory come here; the system opens them, outside this program.
        QDesktopServices.openUrl(QUrl(url))

    def _on_new(self) -> None:
        if len(self.session.conversation) == 0:
            self.presenter.start_over()
            return
        question = QMessageBox(self.window)
        question.setText(text("status.confirm_new"))
        yes = question.addButton(text("status.confirm_new_yes"), QMessageBox.ButtonRole.AcceptRole)
        question.addButton(text("status.confirm_new_no"), QMessageBox.ButtonRole.RejectRole)
        yes.clicked.connect(self.presenter.start_over)
        question.finished.connect(question.deleteLater)
        question.open()

    def _on_forget(self) -> None:
        self.presenter.forget()

    def _on_preferences_changed(self, before: Settings, now: Settings) -> None:
        self.session.country = self.preferences.country
        self.session.options = self.preferences.sampling
        self.presenter.show_stats = now.show_stats
        if (before.model, before.template) != (now.model, now.template):
            self._arguments = Arguments()
            self.presenter.start_model(self._model())

    def _on_closed(self) -> None:
        self.engine.stop()


def run(arguments: Arguments) -> int:
    """Open the window and stay until it is closed. Returns the exit code."""
    process.forbid_memory_dumps()
    # Python's handlers wait for the interpreter, which waits in Qt; the children notice the end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.excepthook = _on_bug
    qt = QApplication(sys.argv[:1])
    qt.setApplicationName("TheraGen")
    qt.setDesktopFileName("theragen")
    instance = SingleInstance()
    if not instance.acquire() and instance.call_other():
        return 0
    application = Application(qt, arguments, default_path())
    application.show()
    instance.called.connect(application.window.raise_)
    instance.called.connect(application.window.activateWindow)
    QTimer.singleShot(0, instance.listen)
    code = qt.exec()
    application.engine.stop()
    instance.release()
    return code


def _on_bug(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """Name the place; a traceback may quote a person's words."""
    if isinstance(error, Exception):
        report_bug(error)
