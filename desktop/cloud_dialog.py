"""Replicate by choice: what it means, and which model with which token.

Edits a CloudChoice. Saving it is not its affair, nor is the conversation; the token goes to the
keyring from here, since that may need the person, who should see it happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.announce import announce
from desktop.background import Job
from desktop.engine_client import EngineClient
from desktop.flow_layout import WrappingCheckBox
from desktop.parts import ScrollArea, button, heading, paragraph
from theragen_core import hosted_names
from theragen_core.credentials import Stored, TokenStore
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.protocol import Failed, HostedModel, Load, Loaded
from theragen_core.resources import fault_text, text

SIZE = (580, 720)
_POINTS = ("sent", "whom", "long", "cost")


@dataclass(frozen=True, slots=True)
class CloudChoice:
    """`new_token`: another token than before is in force, wherever it is kept."""

    use: bool
    name: str
    deployment: bool
    new_token: bool = False


class CloudDialog(QDialog):
    """While a check or the keyring is at work, the rest of the dialog can be used."""

    applied = Signal(CloudChoice)
    told = Signal(str)  # something to know after the dialog is closed

    def __init__(
        self,
        choice: CloudChoice,
        tokens: TokenStore,
        host_command: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tokens = tokens
        self._checker = EngineClient(host_command, self)
        self._checker.received.connect(self._on_checked)
        self._checker.died.connect(self._on_check_died)
        self._new_token = False
        self.setWindowTitle(text("cloud.title"))
        self._make_fields(choice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 16)
        column.addWidget(self._make_page(), 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 0, 20, 0)
        foot.addWidget(self._make_buttons())
        column.addLayout(foot)
        self.resize(*SIZE)
        self.finished.connect(self._checker.stop)
        self._show_use()

    # Building ----------------------------------------------------------------------------------

    def _make_fields(self, choice: CloudChoice) -> None:
        self.use = WrappingCheckBox(text("cloud.use"))
        self.use.setChecked(choice.use)
        self.use.toggled.connect(self._show_use)
        self.name = QLineEdit(choice.name)
        self.name.setPlaceholderText(text("cloud.model_hint"))
        self.name.setAccessibleName(text("cloud.model_name"))
        self.kind = QComboBox()
        self.kind.addItem(text("cloud.kind_model"), False)
        self.kind.addItem(text("cloud.kind_deployment"), True)
        self.kind.setCurrentIndex(int(choice.deployment))
        self.kind.setAccessibleName(text("cloud.kind"))
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        hints = Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        self.token.setInputMethodHints(hints | Qt.InputMethodHint.ImhHiddenText)
        self.token.setAccessibleName(text("cloud.token_name"))
        self.token.setPlaceholderText(
            text("cloud.token_kept_hint" if choice.name else "cloud.token_hint")
        )
        self.check = button("cloud.check")
        self.check.clicked.connect(self._on_check)
        self.remove = button("cloud.token_remove")
        self.remove.clicked.connect(self._on_remove)
        self.news = paragraph("")
        self.news.setMinimumHeight(2 * self.news.fontMetrics().lineSpacing())
        self.news.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

    def _make_page(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(20, 18, 20, 8)
        column.setSpacing(8)
        column.addWidget(paragraph(text("cloud.intro")))
        for point in _POINTS:
            column.addWidget(heading(text(f"cloud.{point}_title"), 4))
            column.addWidget(paragraph(text(f"cloud.{point}")))
        column.addSpacing(8)
        column.addWidget(self._make_card())
        column.addStretch(1)
        scroll = ScrollArea()
        scroll.setAccessibleName(text("cloud.title"))  # keys scroll it, for those who read by them
        scroll.setWidget(page)
        # Only ever scrolled down: with large text the dialog becomes wider instead.
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(page.minimumSizeHint().width() + bar)
        return scroll

    def _make_card(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        self._form = QFormLayout()
        self._form.setVerticalSpacing(10)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(text("cloud.model"), self.name)
        self._form.addRow(text("cloud.kind"), self.kind)
        self._form.addRow(text("cloud.token"), self.token)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.check)
        row.addWidget(self.remove)
        row.addStretch(1)
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(12)
        column.addWidget(self.use)
        column.addLayout(self._form)
        column.addLayout(row)
        column.addWidget(self.news)
        return card

    def _make_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        self.save = button("cloud.save", primary=True)
        self.save.setDefault(True)
        self.cancel = button("cloud.cancel")
        box.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        box.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        box.accepted.connect(self._on_save)
        box.rejected.connect(self.reject)
        return box

    # Values ------------------------------------------------------------------------------------

    def choice(self) -> CloudChoice:
        """What the fields say."""
        return CloudChoice(
            self.use.isChecked(),
            self.name.text().strip(),
            bool(self.kind.currentData()),
            self._new_token,
        )

    def _complaint(self) -> str:
        """What is wrong with the name, in words; empty when it can be one."""
        choice = self.choice()
        try:
            hosted_names.parse(choice.name, choice.deployment)
        except UserError as error:
            return fault_text(error.fault, error.details)
        return ""

    def _show_use(self) -> None:
        for field in (self.name, self.kind, self.token, self.check):
            field.setEnabled(self.use.isChecked())

    def _tell(self, words: str) -> None:
        self.news.setText(words)
        if words:
            announce(self, words)

    # Check -------------------------------------------------------------------------------------

    def _on_check(self) -> None:
        if complaint := self._complaint():
            self._tell(complaint)
            return
        choice = self.choice()
        token = self.token.text().strip() or self._tokens.for_this_run
        self._tell(text("cloud.checking"))
        # Loading such a model is looking it up, and nothing else.
        self._checker.start(Load(HostedModel(choice.name, token, choice.deployment)))

    def _on_checked(self, event: object) -> None:
        if isinstance(event, Loaded):
            self._tell(text("cloud.check_good", name=self.choice().name))
        elif isinstance(event, Failed):
            self._tell(fault_text(event.fault, event.details))
        else:
            return
        self._checker.stop()

    def _on_check_died(self, fault: Fault) -> None:
        self._tell(fault_text(fault))

    # The token ---------------------------------------------------------------------------------

    def _on_remove(self) -> None:
        self.token.clear()
        self._tell(text("cloud.removing"))
        self._start(Job(self._tokens.remove, self), self._on_removed)

    def _on_removed(self, stored: object) -> None:
        assert isinstance(stored, Stored)
        self._set_busy(False)
        self._new_token = True
        self.token.setPlaceholderText(text("cloud.token_hint"))
        self._tell(text("cloud.remove_failed" if stored.trouble else "cloud.removed"))

    def _on_save(self) -> None:
        complaint = self._complaint() if self.use.isChecked() else ""
        if complaint:
            self._tell(complaint)
            return
        token = self.token.text().strip()
        if not token or not self.use.isChecked():
            self._finish()
            return
        self._tell(text("cloud.storing"))
        self._start(Job(partial(self._tokens.save, token), self), self._on_stored)

    def _on_stored(self, stored: object) -> None:
        assert isinstance(stored, Stored)
        self._set_busy(False)
        self._new_token = True
        if stored.trouble:
            self.told.emit(text(f"cloud.kept_{stored.trouble}"))
        self._finish()

    def _start(self, job: Job, then: Callable[[object], None]) -> None:
        self._set_busy(True)
        job.done.connect(then)
        job.start()

    def _set_busy(self, busy: bool) -> None:
        for control in (self.save, self.remove, self.check):
            control.setEnabled(not busy)
        if not busy:
            self._show_use()

    def _finish(self) -> None:
        self.token.clear()
        self.accept()
        self.applied.emit(self.choice())
