"""What is done with models: opens the page about them and does what is asked for there.

One job at a time, in a process of its own (model_task), which goes on while the page is closed and
ends with the window. Never starts one by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from desktop.background import Job
from desktop.licence_dialog import LicenceDialog
from desktop.main_window import MainWindow
from desktop.model_card import STARTER, gigabytes
from desktop.model_manager import ModelManager
from desktop.model_task import ModelTask
from desktop.preferences import Preferences
from desktop.question import Question
from theragen_core import catalog, hardware, model_list, model_profile, model_store
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.model_list import ListedModel, State
from theragen_core.model_store import Stage
from theragen_core.protocol import TemplateChoice
from theragen_core.resources import fault_text, text

_ADDING = "adding"  # in place of a model's id, while a file is checked and copied
_ASK_ABOUT_MARKS = (Fault.MODEL_NEEDS_TEMPLATE, Fault.MODEL_BAD_TEMPLATE)


class ModelDesk(QObject):
    """`in_use` says which file the engine was asked for; empty: none of these."""

    chosen = Signal(str, str)  # a path, empty for the starter model, and a TemplateChoice
    told = Signal(str)  # while the page is closed

    def __init__(
        self,
        window: MainWindow,
        preferences: Preferences,
        program: Sequence[str],
        in_use: Callable[[], str],
        catalogue: Path = catalog.CATALOGUE,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._preferences = preferences
        self._in_use = in_use
        self._catalogue = catalogue
        self._models: dict[str, ListedModel] = {}
        self._unchecked = 0
        self._active, self._name = "", ""  # what the job is about
        self._told: tuple[str, int, int, bool] = ("", 0, 0, False)  # what was last said of it
        self._adding, self._how = Path(), tuple[str, ...]()  # the last file of a person's own
        self._removing = False
        self._doomed: ListedModel | None = None  # to be removed once its download has stopped
        self._readings = self._read = 0  # of the folder: begun, and the last one that was shown
        self._began: tuple[float, int] | None = None  # when the first bytes came, and from where on
        self.page: ModelManager | None = None
        self.task = ModelTask(program, self)
        self.task.progressed.connect(self._on_progressed)
        self.task.finished.connect(self._on_finished)
        self.task.failed.connect(self._on_failed)
        self.task.broke.connect(self._on_broke)
        self.task.stopped.connect(self._on_stopped)

    @property
    def folder(self) -> Path:
        return model_store.folder_for(self._preferences.settings.model_folder)

    def end(self) -> None:
        """Pause what is at work: the program ends."""
        self.task.end()

    # The page ----------------------------------------------------------------------------------

    def open(self) -> None:
        if self.page is not None:
            self.page.open()  # it may have been put aside
            self.page.raise_()
            return
        page = self.page = ModelManager(self._window)
        page.asked.connect(self._on_asked)
        page.add_requested.connect(self._on_add)
        page.folder_requested.connect(self._on_folder)
        page.stop_requested.connect(self.task.stop)
        page.finished.connect(self._on_closed)
        self.refresh()
        page.open()

    def refresh(self) -> None:
        """Read the folder anew, outside the window's thread: it may be on a slow disk."""
        self._readings += 1
        reading, catalogue, folder = self._readings, self._catalogue, self.folder
        job = Job(lambda: (reading, _listing(catalogue, folder)), self)
        job.done.connect(self._on_listed)
        job.start()

    def _on_closed(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            page.deleteLater()

    def _on_listed(self, read: object) -> None:
        self._read, listed = cast("tuple[int, _Listing | UserError]", read)
        if self._read < self._readings:  # there is news already
            return
        if isinstance(listed, UserError):
            self._tell(fault_text(listed.fault, listed.details))
            return
        self._models = {model.id: model for model in listed.models}
        self._unchecked = listed.unchecked
        self._show()

    def _show(self) -> None:
        if self.page is None:
            return
        used = self._in_use()
        of_path = {model.path: model.id for model in self._models.values() if model.path}
        self.page.show_models(
            tuple(self._models.values()), used=of_path.get(used, ""), active=self._active
        )
        self.page.show_folder(str(self.folder), self._unchecked)
        if self._active:
            self.page.show_progress(*self._told)

    # What is asked for -------------------------------------------------------------------------

    def _on_asked(self, action: str, model_id: str) -> None:
        if self._read < self._readings:  # what was pressed may be out of date
            return
        model = self._models[model_id]
        match action:
            case "use":
                self._use(model)
            case "download":
                self._ask_about_licence(model)
            case "resume":
                self._download(model)
            case "pause":
                self.task.stop()
            case "cancel":
                self._cancel(model)
            case "remove":
                self._ask_about_removal(model)
            case "page":
                _open_in_browser(model.page)

    def _use(self, model: ListedModel) -> None:
        path = "" if model.id == STARTER else model.path
        self.chosen.emit(path, str(model.template))
        self._tell(text("manager.using", name=model.name))
        self._show()

    def _ask_about_licence(self, model: ListedModel) -> None:
        size = gigabytes(model.size)
        dialog = LicenceDialog(model.name, model.licence, model.licence_url, size, self.page)
        dialog.link_activated.connect(_open_in_browser)
        dialog.accepted.connect(partial(self._download, model))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _download(self, model: ListedModel) -> None:
        catalogue = ("--catalogue", str(self._catalogue))
        self._told = (text("manager.connecting"), model.fetched, model.size, True)
        self._start(model.id, model.name, "download", model.id, "--accept-licence", *catalogue)

    def _ask_about_removal(self, model: ListedModel) -> None:
        key = "manager.remove_question" if model.owned else "manager.remove_link_question"
        words = text(key, name=model.name)
        question = Question(words, "manager.remove", "manager.no", parent=self.page)
        question.answered.connect(partial(self._remove, model))
        question.open()

    def _cancel(self, model: ListedModel) -> None:
        """Of a download that is at work or was paused: what has arrived is deleted."""
        if self.task.at_work:
            self._doomed = model
            self.task.stop()
        else:
            self._remove(model)

    def _remove(self, model: ListedModel, _answer: str = "") -> None:
        self._removing = True
        self._told = (text("manager.removing"), 0, 1, False)
        catalogue = ("--catalogue", str(self._catalogue))
        self._start(model.id, model.name, "remove", model.id, *catalogue)

    # A file of one's own -----------------------------------------------------------------------

    def _on_add(self) -> None:
        title, files = text("manager.add_name"), text("manager.add_files")
        # The system's own dialog: Qt's would write the visited folders to a file.
        path, _kind = QFileDialog.getOpenFileName(self.page, title, str(Path.home()), files)
        if path:
            self.ask_how_to_add(Path(path))

    def ask_how_to_add(self, path: Path) -> None:
        words = text("manager.add_how", name=path.name)
        answers = ("manager.add_copy", "manager.add_link", "manager.no")
        question = Question(words, *answers, parent=self.page)
        question.answered.connect(partial(self._on_how_answered, path))
        question.open()

    def _on_how_answered(self, path: Path, answer: str) -> None:
        self._adding = path
        self._how = ("--link",) if answer == "manager.add_link" else ()
        self._add(TemplateChoice.FROM_FILE)

    def _add(self, template: TemplateChoice) -> None:
        how = ("--template", str(template), *self._how)
        self._told = (text("manager.checking"), 0, 1, False)
        self._start(_ADDING, self._adding.name, "import", str(self._adding), *how)

    def _ask_about_marks(self) -> None:
        words = text("manager.marks", name=self._adding.name)
        answers = ("manager.marks_llama2", "manager.marks_chatml", "manager.no")
        question = Question(words, *answers, parent=self.page)
        question.answered.connect(self._on_marks_answered)
        question.open()

    def _on_marks_answered(self, answer: str) -> None:
        self._add(TemplateChoice(answer.rpartition("_")[2]))

    # The folder --------------------------------------------------------------------------------

    def _on_folder(self) -> None:
        title = text("manager.folder_choose")
        path = QFileDialog.getExistingDirectory(self.page, title, str(self.folder))
        if path:
            self.change_folder(Path(path))

    def change_folder(self, path: Path) -> None:
        """Keep models there from now on. Those in the old folder stay, and that is said."""
        old, kept = self.folder, self._models.values()
        left = sum(model.state is State.PRESENT and model.id != STARTER for model in kept)
        self._preferences.choose_model_folder(str(path))
        words = [text("manager.folder_changed", path=str(path))]
        if left and path != old:
            words.append(text("manager.folder_left", count=left, path=str(old)))
        self._tell(" ".join(words))
        self.refresh()

    # The job -----------------------------------------------------------------------------------

    def _start(self, active: str, name: str, *words: str) -> None:
        self._active, self._name, self._began = active, name, None
        if self.page is not None:
            self.page.tell("")
        self.task.start(*words, "--folder", str(self.folder))
        self._show()

    def _on_progressed(self, stage: str, of: tuple[int, int]) -> None:
        done, total = of
        downloading = stage == Stage.DOWNLOADING
        words = self._left(done, total) if downloading else _percent(stage, done, total)
        self._told = (words, done, total, stage in (Stage.DOWNLOADING, Stage.READING))
        if self.page is not None:
            self.page.show_progress(*self._told)

    def _left(self, done: int, total: int) -> str:
        """How much of a download is here, and how long the rest may take."""
        here = {"done": gigabytes(done), "total": gigabytes(total)}
        now = time.monotonic()
        if self._began is None:
            self._began = (now, done)
        began, first = self._began
        if now - began < 2 or done <= first:
            return text("manager.downloading", **here)
        minutes = round((total - done) / (done - first) * (now - began) / 60)
        return text("manager.downloading_left", minutes=max(1, minutes), **here)

    def _end(self) -> str:
        """The job is over; returns the name of what it was about."""
        self._active, self._removing = "", False
        self.refresh()
        return self._name

    def _on_finished(self) -> None:
        key = "manager.removed" if self._removing else "manager.ready"
        self._tell(text(key, name=self._end()))

    def _on_failed(self, fault: str, words: str) -> None:
        ask = self._active == _ADDING and fault in _ASK_ABOUT_MARKS
        self._end()
        if ask and self.page is not None:
            self._ask_about_marks()
        else:
            self._tell(words)

    def _on_broke(self) -> None:
        self._tell(text("manager.broke", name=self._end()))

    def _on_stopped(self) -> None:
        if self._doomed is not None:
            model, self._doomed = self._doomed, None
            self._remove(model)
            return
        key = "manager.not_added" if self._active == _ADDING else "manager.paused"
        self._tell(text(key, name=self._end()))

    def _tell(self, words: str) -> None:
        if self.page is not None:
            self.page.tell(words)
        else:
            self.told.emit(words)


class _Listing(NamedTuple):
    models: tuple[ListedModel, ...]
    unchecked: int  # GGUF files in the folder that nobody added


def _listing(catalogue: Path, folder: Path) -> _Listing | UserError:
    try:
        models = model_list.models(catalogue, folder, hardware.probe())
    except UserError as error:
        return error
    known = {model.path for model in models}
    unchecked = sum(str(path) not in known for path in folder.glob("*.gguf"))
    return _Listing((*_starter(), *models), unchecked)


def _starter() -> tuple[ListedModel, ...]:
    """The starter model, where it is installed."""
    try:
        path = model_profile.starter_path()
    except UserError:
        return ()
    return (
        ListedModel(
            id=STARTER,
            name=text("models.starter_name"),
            state=State.PRESENT,
            size=path.stat().st_size,
            fits=True,
            licence="Apache License 2.0",
            template=TemplateChoice.FROM_FILE,
            path=str(path),
        ),
    )


def _open_in_browser(url: str) -> None:
    QDesktopServices.openUrl(QUrl(url))


def _percent(stage: str, done: int, total: int) -> str:
    return text(f"manager.{stage}", percent=100 * done // max(1, total))
