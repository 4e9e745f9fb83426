"""The page about Replicate, with a real host that checks and a server in Replicate's place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from desktop.cloud_dialog import CloudChoice, CloudDialog
from desktop.engine_client import host_command
from tests.support.replicate_peer import ReplicatePeer, replicate_peer
from tests.support.replicate_server import TOKEN
from theragen_core.credentials import TokenStore

LOCAL = CloudChoice(False, "", False)
CLOUD = CloudChoice(True, "someone/theragen", False)


@pytest.fixture(scope="module")
def server() -> Iterator[ReplicatePeer]:
    with replicate_peer() as peer:
        yield peer


@pytest.fixture
def peer(server: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> ReplicatePeer:
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    server.plan()
    return server


class Page:
    """The dialog as a person sees it."""

    def __init__(self, qtbot: QtBot, choice: CloudChoice, tokens: TokenStore | None = None) -> None:
        self.qtbot = qtbot
        self.tokens = tokens or TokenStore(limit_s=5)
        self.dialog = CloudDialog(choice, self.tokens, host_command())
        qtbot.addWidget(self.dialog)
        self.dialog.show()
        self.applied: list[CloudChoice] = []
        self.told: list[str] = []
        self.dialog.applied.connect(self.applied.append)
        self.dialog.told.connect(self.told.append)

    def waits_for(self, *words: str) -> None:
        said = self.dialog.news.text
        self.qtbot.waitUntil(lambda: all(word in said() for word in words), timeout=15_000)

    def fills_in(self, name: str, token: str = "") -> None:
        self.dialog.use.setChecked(True)
        self.dialog.name.setText(name)
        self.dialog.token.setText(token)


def test_it_says_what_is_sent_to_whom_how_long_and_at_what_price(qtbot: QtBot) -> None:
    page = Page(qtbot, LOCAL)
    words = " ".join(label.text() for label in page.dialog.findChildren(type(page.dialog.news)))
    for part in ("whole conversation", "United States", "an hour", "cannot be deleted", "pays"):
        assert part in words


def test_everything_has_a_name_and_can_be_reached_by_keyboard(qtbot: QtBot) -> None:
    dialog = Page(qtbot, CLOUD).dialog
    controls = [
        c
        for kind in (QAbstractButton, QLineEdit, QComboBox)
        for c in dialog.findChildren(kind)
        if c.isVisible()
    ]
    assert len(controls) >= 8
    for control in controls:
        assert control.accessibleName()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_nothing_is_chosen_by_itself(qtbot: QtBot) -> None:
    page = Page(qtbot, LOCAL)
    assert not page.dialog.use.isChecked()
    assert not page.dialog.name.isEnabled()
    page.dialog.save.click()
    assert page.applied == [LOCAL]


def test_cancel_and_escape_change_nothing(qtbot: QtBot) -> None:
    for leave in (lambda p: p.dialog.cancel.click(),
                  lambda p: QTest.keyClick(p.dialog, Qt.Key.Key_Escape)):  # fmt: skip
        page = Page(qtbot, LOCAL)
        page.fills_in("someone/theragen", TOKEN)
        leave(page)
        assert page.applied == []
        assert page.tokens.for_this_run == ""


@pytest.mark.parametrize("name", ["", "someone", "https://replicate.com/a/b", "a/b/c"])
def test_a_name_that_cannot_be_one_is_not_saved(qtbot: QtBot, name: str) -> None:
    page = Page(qtbot, LOCAL)
    page.fills_in(name)
    page.dialog.save.click()
    assert page.applied == []
    assert "OWNER/NAME" in page.dialog.news.text()


def test_a_check_finds_the_model_and_accepts_the_token(qtbot: QtBot, peer: ReplicatePeer) -> None:
    page = Page(qtbot, LOCAL)
    page.fills_in("someone/theragen", TOKEN)
    page.dialog.check.click()
    page.waits_for("someone/theragen", "accepted")
    assert peer.creates() == []  # a check costs nothing
    assert page.tokens.for_this_run == ""  # and keeps nothing


def test_a_check_of_a_deployment(qtbot: QtBot, peer: ReplicatePeer) -> None:
    page = Page(qtbot, LOCAL)
    page.fills_in("someone/quick", TOKEN)
    page.dialog.kind.setCurrentIndex(1)
    page.dialog.check.click()
    page.waits_for("accepted")
    assert page.dialog.choice() == CloudChoice(True, "someone/quick", True)


@pytest.mark.parametrize(
    ("name", "token", "words"),
    [
        ("someone/nothing", TOKEN, "has no someone/nothing"),
        ("someone/images", TOKEN, "not a chat model"),
        ("someone/theragen", "r8_wrong", "does not accept the token"),
        ("someone/theragen", "", "no Replicate token"),
    ],
)
@pytest.mark.usefixtures("peer")
def test_a_check_says_what_is_wrong(qtbot: QtBot, name: str, token: str, words: str) -> None:
    page = Page(qtbot, LOCAL)
    page.fills_in(name, token)
    page.dialog.check.click()
    page.waits_for(words)


@pytest.mark.usefixtures("peer")
def test_a_token_that_no_keyring_takes_holds_for_this_run_and_that_is_said(qtbot: QtBot) -> None:
    page = Page(qtbot, LOCAL)
    page.fills_in("someone/theragen", TOKEN)
    page.dialog.save.click()
    qtbot.waitUntil(lambda: bool(page.applied), timeout=10_000)
    assert page.applied == [CloudChoice(True, "someone/theragen", False, new_token=True)]
    assert page.tokens.for_this_run == TOKEN
    assert "until you close TheraGen" in page.told[0]
    assert page.dialog.token.text() == ""


@pytest.mark.usefixtures("peer")
def test_a_token_of_this_run_is_checked_and_removed(qtbot: QtBot) -> None:
    tokens = TokenStore(limit_s=5)
    tokens.save(TOKEN)
    page = Page(qtbot, CLOUD, tokens)
    page.dialog.check.click()
    page.waits_for("accepted")
    page.dialog.remove.click()
    page.waits_for("The token is removed")
    assert tokens.for_this_run == ""
    page.dialog.save.click()
    assert page.applied == [CloudChoice(True, "someone/theragen", False, new_token=True)]


def test_a_dialog_that_is_closed_during_a_check_leaves_no_process(
    qtbot: QtBot, peer: ReplicatePeer
) -> None:
    peer.plan(model={"do": "hang", "seconds": 20})
    page = Page(qtbot, LOCAL)
    page.fills_in("someone/theragen", TOKEN)
    page.dialog.check.click()
    assert page.dialog._checker.alive
    page.dialog.cancel.click()
    assert not page.dialog._checker.alive


def test_the_token_is_shown_to_nobody(qtbot: QtBot) -> None:
    dialog = Page(qtbot, CLOUD).dialog
    dialog.token.setText(TOKEN)
    assert dialog.token.displayText() != TOKEN
    hints = dialog.token.inputMethodHints()
    assert hints & Qt.InputMethodHint.ImhSensitiveData
    assert hints & Qt.InputMethodHint.ImhNoPredictiveText
