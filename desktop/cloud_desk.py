"""Where the replies come from: this computer, or Replicate once the person has chosen that.

Asks before a conversation goes there, brings it back with one click, and sees that the window
always says which of the two holds. Never decides by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from desktop.cloud_dialog import CloudChoice, CloudDialog
from desktop.main_window import MainWindow
from desktop.preferences import Preferences
from theragen_core.credentials import TokenStore
from theragen_core.resources import text
from theragen_core.session import ChatSession


class CloudDesk(QObject):
    """Owns the token that holds for this run only, and the choice until it is confirmed."""

    chosen = Signal(bool, bool)  # the settings in force changed: use a new token, start afresh
    told = Signal(str)

    def __init__(
        self,
        window: MainWindow,
        preferences: Preferences,
        session: ChatSession,
        host_command: Sequence[str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._preferences = preferences
        self._session = session
        self._host_command = host_command
        self._tokens = TokenStore()
        self._pending: CloudChoice | None = None
        self._news = ""  # told once the choice is carried out, which clears what was told before
        actions = window.actions_
        actions.replicate.triggered.connect(self._on_replicate)
        actions.use_local.triggered.connect(self._on_use_local)
        actions.include.triggered.connect(self._on_include)

    @property
    def token_for_this_run(self) -> str:
        """What no keyring holds; empty where the keyring has to be asked."""
        return self._tokens.for_this_run

    # The choice --------------------------------------------------------------------------------

    def _on_replicate(self) -> None:
        now = self._preferences.settings
        # Who opens this page wants to use it; Cancel leaves all as it is.
        choice = CloudChoice(now.use_replicate, now.hosted, now.deployment)
        dialog = CloudDialog(choice, self._tokens, self._host_command, self._window)
        dialog.applied.connect(self._on_applied)
        dialog.told.connect(self._on_told)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_told(self, words: str) -> None:
        self._news = words

    def _on_applied(self, choice: CloudChoice) -> None:
        begins = choice.use and not self._session.cloud
        if begins and len(self._session.conversation) > 0:
            self._pending = choice
            self._ask_about_conversation()
        else:
            self._apply(choice)

    def _ask_about_conversation(self) -> None:
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Question)
        question.setText(text("cloud.switch"))
        role = QMessageBox.ButtonRole
        self._fresh = question.addButton(text("cloud.switch_fresh"), role.AcceptRole)
        self._send = question.addButton(text("cloud.switch_send"), role.YesRole)
        stay = question.addButton(text("cloud.switch_stay"), role.RejectRole)
        question.setDefaultButton(self._fresh)
        question.setEscapeButton(stay)
        question.buttonClicked.connect(self._on_answered)
        question.finished.connect(question.deleteLater)
        question.open()

    def _on_answered(self, answer: QAbstractButton) -> None:
        choice, self._pending = self._pending, None
        if choice is not None and answer in (self._fresh, self._send):
            self._apply(choice, fresh=answer is self._fresh)
        else:
            self._tell_news()

    def _apply(self, choice: CloudChoice, fresh: bool = False) -> None:
        self._preferences.choose_cloud(choice.use, choice.name, choice.deployment)
        self.chosen.emit(choice.new_token, fresh)
        self._tell_news()

    def _tell_news(self) -> None:
        news, self._news = self._news, ""
        if news:
            self.told.emit(news)

    def _on_use_local(self) -> None:
        """One click, and no question: nothing leaves this computer by it."""
        now = self._preferences.settings
        self._apply(CloudChoice(False, now.hosted, now.deployment))

    # What is left out --------------------------------------------------------------------------

    def _on_include(self) -> None:
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Question)
        question.setText(text("cloud.include"))
        role = QMessageBox.ButtonRole
        yes = question.addButton(text("cloud.include_yes"), role.YesRole)
        no = question.addButton(text("cloud.include_no"), role.RejectRole)
        question.setDefaultButton(no)
        question.setEscapeButton(no)
        yes.clicked.connect(self._on_include_agreed)
        question.finished.connect(question.deleteLater)
        question.open()

    def _on_include_agreed(self) -> None:
        self._session.cloud_agreed = True
