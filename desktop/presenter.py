"""Between the session and the window: what a person does goes to the session, what comes of it
is shown, what the engine says goes to the session too. Faults become words here.

Decides nothing about conversations (that is the session) and draws nothing (that are the widgets).
"""

from __future__ import annotations

import time
from typing import assert_never, cast

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox

from desktop.clipboard import copy_text
from desktop.engine_client import EngineClient
from desktop.guard_client import GuardClient
from desktop.main_window import MainWindow
from desktop.pacer import Pacer
from desktop.read_ahead import ReadAhead
from theragen_core.conversation import MessageId, Role
from theragen_core.faults import Fault
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    HostedModel,
    Load,
    Loaded,
    ModelSpec,
    Phase,
    Prefilled,
    Progress,
    Review,
    Tier,
)
from theragen_core.resources import fault_text, text
from theragen_core.session import (
    Append,
    Ask,
    ChatSession,
    Drop,
    Outcome,
    Outcomes,
    Replace,
    ReturnText,
    ShowCrisis,
    ShowProgress,
    ShowTrimmed,
    ShowWarning,
    TurnEnded,
    TurnFailed,
)

FLUSH_MS = 30
LONG_READING = 256  # tokens; to read fewer ahead is not worth a word

# What a file can do to the process that loads it.
_DEATHS = (Fault.ENGINE_CRASHED, Fault.ENGINE_HUNG)

# What is mended in the settings rather than by starting the model again.
_MENDED_IN_SETTINGS = {fault for fault in Fault if fault.name.startswith(("MODEL_", "STARTER_"))}


_MENDED_ON_CLOUD_PAGE = {
    Fault.CLOUD_FORBIDDEN,
    Fault.CLOUD_INPUT_REFUSED,
    Fault.CLOUD_NAME,
    Fault.CLOUD_NAME_MISSING,
    Fault.CLOUD_NOT_FOUND,
    Fault.CLOUD_TOKEN_MISSING,
    Fault.CLOUD_TOKEN_REFUSED,
    Fault.CLOUD_WRONG_KIND,
}


class Presenter(QObject):
    """Owns the state that is neither the conversation nor a widget: the pace, the model's state."""

    def __init__(
        self,
        window: MainWindow,
        session: ChatSession,
        engine: EngineClient,
        guard: GuardClient,
        model: ModelSpec,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.show_stats = False
        self._window = window
        self._session = session
        self._engine = engine
        self._guard = guard
        self._model = model
        self._model_status = ""
        self.model_loaded = False
        self._editing: MessageId | None = None
        self._shown: MessageId | None = None  # the reply that the pacer's text belongs to
        self._ending: TurnEnded | TurnFailed | None = None  # told once the pacer is empty
        self._pacer = Pacer()
        self.read_ahead = ReadAhead(self._to_read_ahead, engine, guard, self)
        self._flush = QTimer(self)
        self._flush.setInterval(FLUSH_MS)
        self._flush.timeout.connect(self._on_flush)
        self._connect()

    def _connect(self) -> None:
        actions, chat, composer = self._window.actions_, self._window.chat, self._window.composer
        composer.editing_cancelled.connect(self._on_editing_cancelled)
        composer.edit.textChanged.connect(self.read_ahead.follow)
        chat.copy_requested.connect(self._on_copy_requested)
        chat.edit_requested.connect(self._on_edit_requested)
        chat.regenerate_requested.connect(self._on_try_again)
        chat.variant_requested.connect(self._on_variant_requested)
        actions.stop.triggered.connect(self._on_stop)
        actions.try_again.triggered.connect(self._on_try_again)
        actions.restart.triggered.connect(self._on_restart)
        actions.copy_all.triggered.connect(self._on_copy_all)
        actions.new.triggered.connect(self._on_new)
        actions.forget.triggered.connect(self.forget)
        self._window.searched.connect(self._on_searched)
        self._window.corrected.connect(self._on_corrected)
        self._guard.ready.connect(self._on_guard_ready)
        self._guard.received.connect(self._on_guard_received)
        self._guard.lost.connect(self._on_guard_lost)
        self._engine.received.connect(self._on_received)
        self._engine.died.connect(self._on_died)

    @property
    def model(self) -> ModelSpec:
        """What the engine was last asked to load."""
        return self._model

    # The model ---------------------------------------------------------------------------------

    def start_model(self, model: ModelSpec | None = None) -> None:
        """Start the engine, with another model if one is given; a turn under way fails."""
        self._model = model or self._model
        self._apply(self._session.stop())
        self._window.clear_fault()
        self._start_engine()

    def _start_engine(self) -> None:
        self.model_loaded = False
        hosted = isinstance(self._model, HostedModel)
        self._set_model_status(text("cloud.connecting" if hosted else "status.loading"))
        self._engine.start(Load(self._model))

    def _on_restart(self) -> None:
        self.start_model()

    def _on_received(self, event: object) -> None:
        match event:
            case Loaded(name=name, note=note):
                self.model_loaded = True
                self._window.greeting.set_model_note(note)
                self._set_model_status(text("status.ready", name=name))
                self.read_ahead.start_anew()
            case Progress(phase=Phase.LOADING, done=done, total=total):
                percent = 100 * done // total
                self._set_model_status(text("status.loading_percent", percent=percent))
            case Progress(turn=turn, done=done, total=total) if turn == NO_TURN:
                if total >= LONG_READING:
                    percent = 100 * done // total
                    self._window.set_status(text("status.reading_ahead", percent=percent))
            case Prefilled():
                self._show_state()
            case Failed(turn=turn, fault=fault, details=details) if turn == NO_TURN:
                self._set_model_status(text("status.down"))
                self._show_fault(fault, details)
            case _:
                # A signal carries classes, and Event is a union of them.
                self._apply(self._session.receive(cast(Event, event)))

    def _on_died(self, fault: Fault) -> None:
        if not self.model_loaded and fault in _DEATHS:
            fault = Fault.ENGINE_DIED_LOADING
        self.model_loaded = False
        self._set_model_status(text("status.down"))
        self._apply(self._session.fail(fault))
        self._finish_showing()
        self._show_fault(fault)

    def _set_model_status(self, words: str) -> None:
        self._model_status = words
        if not self._session.busy or not self.model_loaded:
            self._window.set_status(words)

    def _show_fault(self, fault: Fault, details: dict[str, str | int] | None = None) -> None:
        actions = self._window.actions_
        remedy: QAction | None = actions.restart
        if fault in _MENDED_IN_SETTINGS or fault is Fault.OUT_OF_MEMORY:
            remedy = actions.settings
        if fault is Fault.EMPTY_REPLY or fault.name.startswith("CLOUD_"):
            remedy = actions.try_again if len(self._session.conversation) else actions.restart
        if fault in _MENDED_ON_CLOUD_PAGE:
            remedy = actions.replicate
        # If Replicate fails, this computer is offered, and nothing more than offered.
        other = actions.use_local if isinstance(self._model, HostedModel) else None
        if fault is Fault.ENGINE_DIED_LOADING:
            other = actions.settings
        self.show_notice(fault_text(fault, details), remedy, other)

    def show_notice(
        self, words: str, remedy: QAction | None = None, other: QAction | None = None
    ) -> None:
        """Something that a person should know, above the conversation."""
        self._window.show_fault(words, remedy, other)
        self._window.say(words)

    # The guard ---------------------------------------------------------------------------------

    def start_guard(self) -> None:
        """Start the guard, or another one with nothing in its memory."""
        self._session.guarded = True  # a first message waits for it
        self._guard.restart()

    def _on_guard_ready(self) -> None:
        self._session.guarded = True
        self._window.set_rules_alone(False)

    def _on_guard_received(self, event: object) -> None:
        self._apply(self._session.receive(cast(Event, event)))

    def _on_guard_lost(self) -> None:
        self._apply(self._session.lose_guard())

    # What a person does ------------------------------------------------------------------------

    def submit(self, words: str) -> None:
        """Send a message, or an edited one in its earlier place."""
        self._finish_showing()
        self._window.clear_fault()
        replaces, self._editing = self._editing, None
        self._apply(self._session.submit(words, replaces))

    def ensure_model(self) -> None:
        """Start the engine unless it runs; a message that needs a model is reason enough."""
        if not self._engine.alive:
            self._start_engine()

    def _on_stop(self) -> None:
        """Nothing computes afterwards: a load that a reply waited for is given up with it."""
        self._end_now()
        if not self.model_loaded and not isinstance(self._model, HostedModel):
            self._engine.stop()
            self._set_model_status(text("status.load_stopped"))

    def _end_now(self) -> None:
        self._apply(self._session.stop())
        self._finish_showing()

    def _on_try_again(self) -> None:
        self._finish_showing()
        self._window.clear_fault()
        self._apply(self._session.regenerate())

    def _on_corrected(self) -> None:
        """That is not what I meant: said on the help card or on the page for emergencies."""
        self._end_now()
        self._window.close_emergency()
        self._window.set_card_correctable(False)
        self._apply(self._session.correct())

    def _on_edit_requested(self, message: int) -> None:
        self._end_now()
        self._editing = MessageId(message)
        words = self._session.conversation.get(self._editing).text
        self._window.composer.begin_editing(words)

    def _to_read_ahead(self, whole: bool) -> Outcomes:
        return self._session.read_ahead(self._window.composer.text, self._editing, whole)

    def _on_editing_cancelled(self) -> None:
        self._editing = None

    def _on_variant_requested(self, message: int, variant: int) -> None:
        self._finish_showing()
        self._apply(self._session.choose(MessageId(message), variant))

    def _on_copy_requested(self, message: int) -> None:
        copy_text(self._session.conversation.get(MessageId(message)).text)

    def _on_copy_all(self) -> None:
        names = {Role.USER: text("status.person"), Role.ASSISTANT: text("status.model")}
        entries = self._session.conversation
        copy_text("\n\n".join(f"{names[entry.role]}:\n{entry.text}" for entry in entries))

    def _on_searched(self, words: str, backwards: bool) -> None:
        self._window.set_found(self._window.chat.find_text(words, backwards))

    def _on_new(self) -> None:
        """Nothing is saved, so leaving a conversation is asked for twice."""
        if len(self._session.conversation) == 0:
            self.start_over()
            return
        question = QMessageBox(self._window)
        question.setText(text("status.confirm_new"))
        yes = question.addButton(text("status.confirm_new_yes"), QMessageBox.ButtonRole.AcceptRole)
        question.addButton(text("status.confirm_new_no"), QMessageBox.ButtonRole.RejectRole)
        yes.clicked.connect(self.start_over)
        question.finished.connect(question.deleteLater)
        question.open()

    def start_over(self) -> None:
        """Leave this conversation; nothing of it stays in this process."""
        self._apply(self._session.stop())
        self._flush.stop()
        self._pacer = Pacer()
        self._shown = self._ending = self._editing = None
        self._session.forget()
        self._window.clear()
        self._show_state()
        self._window.composer.setFocus()

    def forget(self) -> None:
        """Leave this conversation, and kill the process whose memory held it too."""
        self.start_over()
        self.start_guard()
        self.start_model()

    # What comes of it --------------------------------------------------------------------------

    def _apply(self, outcomes: Outcomes) -> None:
        for outcome in outcomes:
            self._show(outcome)
        if outcomes:
            self._show_state()

    def _show(self, outcome: Outcome) -> None:
        chat = self._window.chat
        match outcome:
            case Ask(command=command):
                self._ask(command)
            case ShowCrisis(tier=tier):
                self._show_help(tier)
            case ShowWarning(text_id=text_id):
                self._drain()
                words = text(text_id)
                chat.add_notice(words)
                self._window.say(words)
            case Append():
                self._show_text(outcome)
            case Replace(message=message, text=words, chosen=chosen, count=count):
                self._drain()
                self._shown = message
                chat.set_text(message, words)
                chat.set_variants(message, chosen, count)
            case Drop(first=first):
                self._drain()
                chat.remove_from(first)
            case ShowTrimmed(first_visible=first):
                chat.set_trim_line(text("status.trimmed"), first)
            case ShowProgress(phase=Phase.READING, done=done, total=total):
                percent = 100 * done // total
                self._window.set_status(text("status.reading_percent", percent=percent))
            case ShowProgress(phase=Phase.WAKING | Phase.QUEUED as phase, done=done):
                self._window.set_status(text(f"cloud.{phase}", seconds=done))
            case ShowProgress():
                pass
            case ReturnText():
                self._take_back(outcome)
            case TurnEnded() | TurnFailed():
                self._ending = outcome
                self._flush.start()
            case _:
                assert_never(outcome)

    def _ask(self, command: Command) -> None:
        if isinstance(command, Assess | Review):
            self._guard.send(command)
            return
        if isinstance(command, Generate):
            self.ensure_model()
        self._engine.send(command)
        if self.model_loaded:
            self._window.set_status(text("status.reading"))

    def _show_help(self, tier: Tier) -> None:
        """The card stays; what is imminent takes the whole window first."""
        if tier == Tier.NONE:
            self._window.set_rules_alone(True)
            return
        self._window.set_card_correctable(tier >= Tier.ACTIVE)
        self._window.show_help_card()
        if tier == Tier.IMMINENT:
            self._window.show_emergency()

    def _take_back(self, returned: ReturnText) -> None:
        self._editing = returned.replaces
        if self._editing is None:
            self._window.composer.take_back(returned.text)
        else:
            self._window.composer.begin_editing(returned.text)
        self.show_notice(text("status.not_sent", tokens=returned.tokens, limit=returned.limit))

    def _show_text(self, piece: Append) -> None:
        """The person's words and written replies at once, a model's at the reader's pace."""
        if piece.message != self._shown:
            self._drain()
            self._shown = piece.message
            self._window.chat.add_message(piece.message, piece.role, piece.written)
        if piece.role is Role.USER or piece.written:
            self._window.chat.append_text(piece.message, piece.text)
        else:
            self._pacer.feed(piece.text)
            self._flush.start()
            self._window.set_status(text("status.writing"))

    def _on_flush(self) -> None:
        words = self._pacer.take(time.monotonic())
        if words and self._shown is not None:
            self._window.chat.append_text(self._shown, words)
        if self._pacer.idle:
            self._end_turn()
            if not self._session.busy:
                self._flush.stop()

    def _drain(self) -> None:
        words = self._pacer.drain()
        if words and self._shown is not None:
            self._window.chat.append_text(self._shown, words)

    def _finish_showing(self) -> None:
        """Show now what the pace still holds back, and the end of the turn with it."""
        self._drain()
        self._end_turn()

    def _end_turn(self) -> None:
        ended, self._ending = self._ending, None
        if ended is None:
            return
        if ended.message is not None:
            self._window.chat.finish_message(ended.message, self._footer(ended))
            self._window.say(self._session.conversation.get(ended.message).text)
        if isinstance(ended, TurnFailed):
            self._show_fault(ended.fault, ended.details)
        self._show_state()
        self.read_ahead.start_anew()

    def _footer(self, ended: TurnEnded | TurnFailed) -> str:
        if isinstance(ended, TurnFailed):
            return text("status.unfinished")
        if ended.stopped:
            return text("status.stopped")
        return _stats(ended.finished) if self.show_stats and ended.finished else ""

    def _show_state(self) -> None:
        """Buttons and status follow from what is going on."""
        busy = self._session.busy
        self._window.set_generating(busy or not self._pacer.idle)
        self._window.actions_.try_again.setEnabled(not busy and len(self._session.conversation) > 0)
        if not busy:
            self._window.set_status(self._model_status)


def _stats(finished: Finished) -> str:
    writing_s = finished.seconds - finished.first_token_s
    speed = (finished.tokens - 1) / writing_s if writing_s > 0 else 0.0
    return text("status.stats", seconds=finished.seconds, speed=speed)
