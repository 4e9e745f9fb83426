"""Composition root: builds everything, connects everything, and starts what can wait last.

The window comes first, so that a person can write at once. What stands behind it is imported and
built in the first turn of the event loop, a tenth of a second later.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from desktop.arguments import Arguments
from desktop.clipboard import forget_copied
from desktop.collector import Collector
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from desktop.single_instance import SingleInstance
from desktop.theme import Appearance
from theragen_core import process
from theragen_core.settings import Settings, default_path

if TYPE_CHECKING:
    from desktop.model_desk import ModelDesk


class Application(QObject):
    """The window with all that stands behind it."""

    def __init__(self, qt: QApplication, arguments: Arguments, settings_path: Path) -> None:
        super().__init__()
        Collector(self)
        appearance = Appearance(qt)
        self.window = MainWindow(appearance.theme)
        self.preferences = Preferences(settings_path, self.window, appearance, self)
        self._named_model = arguments.model
        self._complaint = self.preferences.load()
        self.window.set_cloud(self._in_cloud)
        self._completed = False
        self.models: ModelDesk | None = None  # when it is first wanted

    def show(self) -> None:
        """The first page, or the conversation; the rest follows once that is painted."""
        self.window.composer.submitted.connect(self._on_submitted)
        self.window.accepted.connect(self._on_accepted)
        self.window.declined.connect(self.window.close)
        if self.preferences.settings.consented:
            self.window.show_conversation()
        else:
            self.window.ask_consent()
        self.window.show()
        QTimer.singleShot(0, self.complete)

    def complete(self) -> None:
        """Build what stands behind the window, and start the model; once."""
        if self._completed:
            return
        self._completed = True
        from desktop import warm_up
        from desktop.cloud_desk import CloudDesk
        from desktop.engine_client import EngineClient, host_command
        from desktop.guard_client import GuardClient
        from desktop.help_desk import HelpDesk
        from desktop.model_choice import chosen_engine
        from desktop.presenter import Presenter
        from theragen_core.session import ChatSession

        now = self.preferences.settings
        self.help = HelpDesk(self.window, self.preferences, self)
        self.session = ChatSession()
        self.engine = EngineClient(host_command(), self)
        self.guard = GuardClient(EngineClient(host_command("guard"), self), self)
        self.cloud = CloudDesk(self.window, self.preferences, self.session, host_command(), self)
        self.session.cloud = self._in_cloud
        model = chosen_engine(now, self._named_model)
        self.presenter = Presenter(self.window, self.session, self.engine, self.guard, model, self)
        self._take_up(now)
        self.preferences.changed.connect(self._on_preferences_changed)
        self.preferences.complained.connect(self.presenter.show_notice)
        self.cloud.chosen.connect(self._on_cloud_chosen)
        self.cloud.told.connect(self.presenter.show_notice)
        self.window.actions_.models.triggered.connect(self._on_models)
        self.window.closed.connect(self.engine.stop)
        self.window.closed.connect(self.guard.stop)
        if self._complaint:
            self.presenter.show_notice(self._complaint)
        self.presenter.ensure_model()
        self.presenter.start_guard()
        warm_up.start()

    def _on_submitted(self, words: str) -> None:
        """A very quick person may send a message before all is built; it must not be lost."""
        self.complete()
        self.presenter.submit(words)

    def _on_accepted(self) -> None:
        self.preferences.consent()
        self.window.show_conversation()

    def _on_preferences_changed(self, before: Settings, now: Settings) -> None:
        from desktop.model_choice import chosen_engine

        self._take_up(now)
        if (before.model, before.template) != (now.model, now.template):
            # A file named on the command line counts until another one is chosen.
            if before.model != now.model:
                self._named_model = None
            if not self._in_cloud:
                self.presenter.start_model(chosen_engine(now, self._named_model))

    def _take_up(self, now: Settings) -> None:
        """What may change in the middle of a conversation."""
        from desktop.model_choice import sampling
        from desktop.read_ahead import chosen

        self.session.country = self.help.country
        self.session.options = sampling(now)
        self.session.trigger_warnings = now.trigger_warnings
        self.presenter.show_stats = now.show_stats
        self.presenter.read_ahead.choice = chosen(now.read_ahead)

    def _on_models(self) -> None:
        if self.models is None:
            from desktop.engine_client import program
            from desktop.model_desk import ModelDesk

            self.models = ModelDesk(self.window, self.preferences, program(), self._model_in_use)
            self.models.setParent(self)
            self.models.chosen.connect(self._on_model_chosen)
            self.models.told.connect(self.presenter.show_notice)
            self.window.closed.connect(self.models.end)
        self.models.open()

    def _model_in_use(self) -> str:
        """The path of the file that the engine was asked for; empty while it is in the cloud."""
        from theragen_core.protocol import LocalModel

        model = self.presenter.model
        return str(model.path) if isinstance(model, LocalModel) else ""

    def _on_model_chosen(self, path: str, template: str) -> None:
        """A model of this computer, so replies come from here from now on."""
        from desktop.model_choice import chosen_engine

        self._named_model = None
        self.preferences.choose_model(path, template)
        if self._in_cloud:
            self.window.actions_.use_local.trigger()
        model = chosen_engine(self.preferences.settings, None)
        if model != self.presenter.model:  # the settings may have been those already
            self.presenter.start_model(model)

    @property
    def _in_cloud(self) -> bool:
        from desktop.model_choice import uses_replicate

        return uses_replicate(self.preferences.settings, self._named_model)

    def _on_cloud_chosen(self, new_token: bool, fresh: bool) -> None:
        """Start the chosen model. Where replies come from is said before anything can be sent."""
        from desktop.model_choice import chosen_engine
        from theragen_core.resources import text

        self._named_model = None
        model = chosen_engine(self.preferences.settings, None, self.cloud.token_for_this_run)
        if fresh:
            self.presenter.start_over()
        if model == self.presenter.model and not new_token:
            return
        if self._in_cloud != self.session.cloud:
            key = "cloud.announce_cloud" if self._in_cloud else "cloud.announce_local"
            self.window.say(text(key))
        self.session.cloud = self._in_cloud
        self.window.set_cloud(self._in_cloud)
        self.presenter.start_model(model)


def open_window(arguments: Arguments) -> tuple[Application, QApplication]:
    """Everything up to the event loop."""
    process.forbid_memory_dumps()
    # Python's handlers wait for the interpreter, which waits in Qt; the children notice the end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.excepthook = _on_bug
    qt = QApplication(sys.argv[:1])
    qt.setApplicationName("TheraGen")
    qt.setDesktopFileName("theragen")
    qt.aboutToQuit.connect(forget_copied)
    application = Application(qt, arguments, default_path())
    application.show()
    return application, qt


def run(arguments: Arguments) -> int:
    """Open the window and stay until it is closed. Returns the exit code."""
    instance = SingleInstance()
    if not instance.acquire() and instance.call_other():
        return 0
    application, qt = open_window(arguments)
    instance.called.connect(application.window.raise_)
    instance.called.connect(application.window.activateWindow)
    QTimer.singleShot(0, instance.listen)
    code = qt.exec()
    instance.release()
    return code


def _on_bug(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """Name the place; a traceback may quote a person's words."""
    from theragen_core.engines.turn import report_bug

    report_bug(error)
