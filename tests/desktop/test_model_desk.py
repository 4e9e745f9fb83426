"""The page about models with all that stands behind it: the real command in a process of its own,
a real server, real files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QProgressBar,
    QPushButton,
    QScrollArea,
)
from pytestqt.qtbot import QtBot

from desktop.engine_client import program
from desktop.licence_dialog import LicenceDialog
from desktop.main_window import MainWindow
from desktop.model_card import STARTER, ModelCard
from desktop.model_desk import ModelDesk
from desktop.model_manager import ModelManager
from desktop.preferences import Preferences
from desktop.question import Question
from desktop.theme import Appearance
from tests.support.gguf_files import LLAMA2_TEMPLATE, chat_model
from tests.support.model_peer import ID, LINKED, ModelPeer, large_model, model_peer
from theragen_core import model_profile, model_store
from theragen_core.settings import Settings, load, save

WAIT_MS = 30_000
SOME = 2_000_000

_Dialog = TypeVar("_Dialog", LicenceDialog, Question)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelPeer]:
    with model_peer(tmp_path_factory.mktemp("served")) as peer:
        yield peer


class Person:
    """Someone before the page."""

    def __init__(self, qtbot: QtBot, desk: ModelDesk, peer: ModelPeer) -> None:
        self.desk = desk
        self.peer = peer
        self.chosen: list[tuple[str, str]] = []
        self.told: list[str] = []
        self._qtbot = qtbot
        desk.chosen.connect(self._on_chosen)
        desk.told.connect(self.told.append)

    def _on_chosen(self, path: str, template: str) -> None:
        self.chosen.append((path, template))

    @property
    def page(self) -> ModelManager:
        assert self.desk.page is not None
        return self.desk.page

    def opens_the_page(self) -> None:
        self.desk.open()
        # Qt shows what is added to a layout one turn later.
        self._qtbot.waitUntil(self._sees_cards, timeout=WAIT_MS)

    def _sees_cards(self) -> bool:
        cards = self.page.cards.values()
        return bool(cards) and all(card.isVisible() for card in cards)

    def card(self, model_id: str) -> ModelCard:
        return self.page.cards[model_id]

    def sees(self, model_id: str) -> set[str]:
        """The actions that are offered."""
        buttons = self.card(model_id).buttons
        return {action for action, made in buttons.items() if made.isVisible()}

    def presses(self, model_id: str, action: str) -> None:
        made = self.card(model_id).buttons[action]
        assert made.isVisible()
        assert made.isEnabled()
        made.click()

    def downloads(self) -> None:
        self.presses(ID, "download")
        dialog = self.dialog(LicenceDialog)
        dialog.accept_box.setChecked(True)
        dialog.go.click()

    def answers(self, answer: str) -> None:
        self.dialog(Question).choices[f"manager.{answer}"].click()

    def dialog(self, kind: type[_Dialog]) -> _Dialog:
        return next(
            w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()
        )

    def waits_for(self, words: str) -> None:
        self._qtbot.waitUntil(lambda: words in self.page.news.text(), timeout=WAIT_MS)

    def waits_until_seen(self, model_id: str, *actions: str) -> None:
        self._qtbot.waitUntil(
            lambda: model_id in self.page.cards and self.sees(model_id) >= set(actions),
            timeout=WAIT_MS,
        )

    def waits_for_part(self) -> None:
        self._qtbot.waitUntil(
            lambda: model_store.fetched("tiny.gguf", self.desk.folder) >= SOME, timeout=WAIT_MS
        )


@pytest.fixture
def window(qtbot: QtBot, appearance: Appearance) -> MainWindow:
    window = MainWindow(appearance.theme)
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def preferences(
    window: MainWindow, appearance: Appearance, tmp_path: Path
) -> Iterator[Preferences]:
    path = tmp_path / "settings.json"
    save(Settings(model_folder=str(tmp_path / "models")), path)
    made = Preferences(path, window, appearance)
    made.load()
    yield made
    made.deleteLater()


@pytest.fixture
def person(
    qtbot: QtBot,
    window: MainWindow,
    preferences: Preferences,
    server: ModelPeer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Person]:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    server.plan()
    used = [str(model_profile.starter_path())]
    desk = ModelDesk(window, preferences, program(), lambda: used[-1], server.catalogue)
    desk.chosen.connect(lambda path, _: used.append(path))
    someone = Person(qtbot, desk, server)
    yield someone
    desk.end()
    if desk.page is not None:
        desk.page.accept()
    desk.deleteLater()


def test_what_is_offered_depends_on_what_is_here(person: Person) -> None:
    person.opens_the_page()
    assert person.sees(STARTER) == set()
    assert "In use" in person.card(STARTER).state.text()
    assert person.sees(ID) == {"download", "page"}
    assert person.sees(LINKED) == {"page"}
    assert person.peer.requests() == []


def test_a_download_from_the_licence_to_its_use(person: Person) -> None:
    person.opens_the_page()
    person.downloads()
    person.waits_for("Tiny is ready")
    person.waits_until_seen(ID, "use", "remove")

    person.presses(ID, "use")

    path = person.desk.folder / "tiny.gguf"
    assert path.read_bytes() == person.peer.content
    assert person.chosen == [(str(path), "file")]
    assert "In use" in person.card(ID).state.text()
    assert person.sees(ID) == {"page"}
    assert "use" in person.sees(STARTER)
    assert "remove" not in person.sees(STARTER)


def test_nothing_is_fetched_before_the_licence_is_accepted(person: Person) -> None:
    person.opens_the_page()
    person.presses(ID, "download")
    dialog = person.dialog(LicenceDialog)
    assert not dialog.go.isEnabled()
    dialog.accept_box.setChecked(True)
    dialog.refuse.click()
    assert not person.desk.task.at_work
    assert person.peer.requests() == []


def test_pause_and_resume(person: Person) -> None:
    person.peer.plan(stall=SOME)
    person.opens_the_page()
    person.downloads()
    person.waits_for_part()
    person.waits_until_seen(ID, "pause", "cancel")
    assert not person.page.add.isEnabled()
    person.presses(ID, "pause")
    person.waits_for("Paused")
    person.waits_until_seen(ID, "resume", "cancel")
    assert person.card(ID).bar.value() > 0

    person.peer.plan()
    person.presses(ID, "resume")  # the licence was accepted
    person.waits_for("Tiny is ready")
    assert person.peer.requests()[0]["Range"] == f"bytes={SOME}-"


def test_cancel_deletes_what_has_arrived(person: Person) -> None:
    person.peer.plan(stall=SOME)
    person.opens_the_page()
    person.downloads()
    person.waits_for_part()
    person.waits_until_seen(ID, "cancel")
    person.presses(ID, "cancel")
    person.waits_for("removed")
    person.waits_until_seen(ID, "download")
    assert model_store.fetched("tiny.gguf", person.desk.folder) == 0


def test_a_download_goes_on_while_the_page_is_closed(person: Person, qtbot: QtBot) -> None:
    person.opens_the_page()
    person.downloads()
    person.page.shut.click()
    qtbot.waitUntil(lambda: bool(person.told), timeout=WAIT_MS)
    assert "Tiny is ready" in person.told[0]
    person.opens_the_page()
    person.waits_until_seen(ID, "use")


def test_a_page_that_is_opened_again_shows_how_far_it_is(person: Person) -> None:
    person.peer.plan(stall=SOME)
    person.opens_the_page()
    person.downloads()
    assert "Connecting" in person.card(ID).state.text()
    person.waits_for_part()
    person._qtbot.waitUntil(lambda: "0.0 GB of" in person.card(ID).state.text(), timeout=WAIT_MS)
    person.page.shut.click()
    person.opens_the_page()
    assert "0.0 GB of" in person.card(ID).state.text()
    assert person.sees(ID) == {"pause", "cancel"}


def test_a_failure_says_what_to_do(person: Person) -> None:
    person.peer.plan(status=403)
    person.opens_the_page()
    person.downloads()
    person.waits_for("does not give out this file")
    person.waits_until_seen(ID, "download")
    assert person.card(ID).buttons["download"].isEnabled()


def test_a_job_that_breaks_is_told(person: Person, qtbot: QtBot) -> None:
    person.opens_the_page()
    person.desk.task._program = [sys.executable, "-c", "import os; os.abort()"]
    person.downloads()
    person.waits_for("Something went wrong")
    person.waits_until_seen(ID, "download")
    person.desk.task._program = ["/nonexistent/program"]
    person.downloads()
    qtbot.waitUntil(lambda: not person.desk.task.at_work, timeout=WAIT_MS)
    person.waits_for("Something went wrong")


def test_removal_is_asked_about(person: Person) -> None:
    person.opens_the_page()
    person.downloads()
    person.waits_until_seen(ID, "remove")
    person.presses(ID, "remove")
    person.answers("no")
    assert not person.desk.task.at_work
    person.presses(ID, "remove")
    person.answers("remove")
    person.waits_for("Tiny was removed")
    person.waits_until_seen(ID, "download")
    assert not (person.desk.folder / "tiny.gguf").exists()


# A file of one's own ----------------------------------------------------------------------------


def write_own(folder: Path, content: bytes) -> Path:
    path = folder / "Mine.gguf"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("how", ["add_copy", "add_link"])
def test_a_file_is_added(person: Person, tmp_path: Path, how: str) -> None:
    own = write_own(tmp_path, large_model())
    person.opens_the_page()
    person.desk.ask_how_to_add(own)
    person.answers(how)
    person.waits_for("Mine.gguf is ready")
    person.waits_until_seen("own-mine", "use", "remove")
    (model,) = model_store.installed(person.desk.folder)
    assert model.owned == (how == "add_copy")

    person.presses("own-mine", "remove")
    person.answers("remove")
    person.waits_for("removed")
    assert own.exists()


def test_a_file_that_does_not_say_how_turns_are_marked(person: Person, tmp_path: Path) -> None:
    person.opens_the_page()
    person.desk.ask_how_to_add(write_own(tmp_path, chat_model()))
    person.answers("add_copy")
    person._qtbot.waitUntil(
        lambda: any(
            isinstance(w, Question) and w.isVisible() for w in QApplication.topLevelWidgets()
        ),
        timeout=WAIT_MS,
    )
    person.answers("marks_llama2")
    person.waits_until_seen("own-mine", "use")
    person.presses("own-mine", "use")
    assert person.chosen[-1][1] == "llama2"


def test_a_file_that_is_no_model_is_refused(person: Person, tmp_path: Path) -> None:
    person.opens_the_page()
    person.desk.ask_how_to_add(write_own(tmp_path, b"no model"))
    person.answers("add_copy")
    person.waits_for("not a GGUF model file")


def test_a_template_without_an_end_does_not_hold_the_window(
    person: Person, tmp_path: Path, qtbot: QtBot
) -> None:
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    model = chat_model(tokenizer__chat_template=endless + LLAMA2_TEMPLATE)
    person.opens_the_page()
    person.desk.ask_how_to_add(write_own(tmp_path, model))
    person.answers("add_copy")
    person.waits_for("Checking")
    qtbot.waitUntil(person.page.stop.isVisible, timeout=WAIT_MS)
    person.page.stop.click()
    person.waits_for("Mine.gguf was not added")
    qtbot.waitUntil(lambda: not person.page.stop.isVisible(), timeout=WAIT_MS)


# The folder -------------------------------------------------------------------------------------


def test_another_folder(person: Person, preferences: Preferences, tmp_path: Path) -> None:
    person.opens_the_page()
    person.downloads()
    person.waits_until_seen(ID, "use")
    other = tmp_path / "other"
    other.mkdir()
    write_own(other, large_model())

    person.desk.change_folder(other)

    said = person.page.news.text()
    assert f"1 in {tmp_path / 'models'} stay there" in said
    assert load(preferences.settings_path).model_folder == str(other)
    person.waits_until_seen(ID, "download")
    assert str(other) in person.page.folder.text()
    assert "not in the list: 1" in person.page.folder.text()
    assert (tmp_path / "models" / "tiny.gguf").exists()

    person.desk.change_folder(tmp_path / "models")
    person.waits_until_seen(ID, "use")


# The page itself --------------------------------------------------------------------------------


def test_every_control_has_a_name_of_its_own_and_can_be_reached(person: Person) -> None:
    person.opens_the_page()
    kinds = (QAbstractButton, QProgressBar, QScrollArea)
    shown = [c for kind in kinds for c in person.page.findChildren(kind) if c.isVisible()]
    assert all(control.accessibleName() for control in shown)
    buttons = [c for c in shown if isinstance(c, QPushButton)]
    assert len({made.accessibleName() for made in buttons}) == len(buttons)
    reached = []
    person.page.shut.setFocus()
    for _ in range(len(buttons) + 2):
        QTest.keyClick(person.page.focusWidget(), Qt.Key.Key_Tab)
        reached.append(person.page.focusWidget())
    assert set(buttons) <= set(reached)
    order = [made for made in reached if made in buttons]
    assert order.index(person.card(ID).buttons["download"]) < order.index(
        person.card(LINKED).buttons["page"]
    )


def test_the_keyboard_stays_where_it_is(person: Person) -> None:
    person.peer.plan(stall=SOME)
    person.opens_the_page()
    person.downloads()
    person.waits_for_part()
    pause = person.card(ID).buttons["pause"]
    pause.setFocus()
    QTest.keyClick(pause, Qt.Key.Key_Space)
    person.waits_until_seen(ID, "resume")
    assert person.card(ID).isAncestorOf(person.page.focusWidget())


def test_the_licence_page(qtbot: QtBot) -> None:
    dialog = LicenceDialog("A", "Licence", "https://licence.invalid/", "1 GB")
    qtbot.addWidget(dialog)
    dialog.show()
    controls = [*dialog.findChildren(QPushButton), *dialog.findChildren(QCheckBox)]
    assert all(control.accessibleName() for control in controls)
    with qtbot.waitSignal(dialog.link_activated) as signal:
        dialog.read.click()
    assert signal.args == ["https://licence.invalid/"]
    dialog.accept_box.setChecked(True)
    dialog.accept_box.setChecked(False)
    assert not dialog.go.isEnabled()


def test_a_page_opens_in_the_browser(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    person.opens_the_page()
    person.presses(LINKED, "page")
    assert opened == ["https://page.invalid/"]


@pytest.mark.qt_log_ignore("This plugin does not support raise")  # no window manager
def test_the_page_comes_back_when_it_is_asked_for_in_front_of_help(
    person: Person, window: MainWindow
) -> None:
    person.opens_the_page()
    page = person.page
    window.open_help()
    assert not page.isVisible()
    person.opens_the_page()
    assert person.page is page
    assert page.isVisible()
    window.actions_.help.setChecked(False)
    assert page.isVisible()
