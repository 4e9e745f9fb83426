"""A whole turn as a pure state machine: what a person does and what an engine says go in,
outcomes come out. No I/O, no clock, no threads; the window and the terminal share it.

    submit / regenerate ──> waiting ──Delta──> replying ──Finished──> idle
                               └──── Refused, Failed, stop, engine death ───┘

Crisis help needs no engine: at tier 3 and 4 the reply is a written one and nothing is generated.
History and regeneration use what the person saw, not what the model wrote.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from theragen_core import directory, risk, safety
from theragen_core.conversation import Conversation, Entry, Message, MessageId, Role
from theragen_core.directory import CrisisResources
from theragen_core.faults import Fault
from theragen_core.protocol import (
    Cancel,
    Command,
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateRequest,
    Phase,
    Progress,
    Refused,
    RiskAssessment,
    SamplingOptions,
    Tier,
    Trimmed,
    TurnId,
)

# Outcomes --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this to the engine."""

    command: Command


@dataclass(frozen=True, slots=True)
class ShowCrisis:
    """Show help now, before anything else."""

    tier: Tier
    resources: CrisisResources


@dataclass(frozen=True, slots=True)
class ShowWarning:
    """Show the text with this id of resources/texts as a notice in the transcript."""

    text_id: str


@dataclass(frozen=True, slots=True)
class Append:
    """Add text to a message; one with a new id starts there. `written`: by people, beforehand."""

    message: MessageId
    role: Role
    text: str = field(repr=False)
    written: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """The message now reads so; variant `chosen` (from 0) of `count`."""

    message: MessageId
    text: str = field(repr=False)
    chosen: int
    count: int


@dataclass(frozen=True, slots=True)
class Drop:
    """This message and all after it are gone."""

    first: MessageId


@dataclass(frozen=True, slots=True)
class ShowTrimmed:
    """The model no longer sees what stands before this message. None: it sees all again."""

    first_visible: MessageId | None


@dataclass(frozen=True, slots=True)
class ShowProgress:
    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ReturnText:
    """The message was too long for the model, was not sent, and goes back to the composer; as an
    edit of `replaces`, if it was one.
    """

    text: str = field(repr=False)
    tokens: int
    limit: int
    replaces: MessageId | None = None


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The reply is complete, or stopped. `finished` is absent for a written reply and a stop."""

    message: MessageId | None
    finished: Finished | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """No reply, or a partial one that stays."""

    message: MessageId | None
    fault: Fault
    details: dict[str, str | int] = field(default_factory=dict)


Outcome = (
    Ask
    | ShowCrisis
    | ShowWarning
    | Append
    | Replace
    | Drop
    | ShowTrimmed
    | ShowProgress
    | ReturnText
    | TurnEnded
    | TurnFailed
)
Outcomes = tuple[Outcome, ...]

# The machine -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Turn:
    id: TurnId
    question: MessageId
    reply: MessageId
    is_variant: bool  # the reply has an earlier variant
    guard: safety.StreamGuard
    began: bool = False  # something of the reply has been shown


class ChatSession:
    """One conversation and the turn that is going on in it."""

    def __init__(
        self,
        country: str | None = None,
        options: SamplingOptions | None = None,
        new_seed: Callable[[], int] = lambda: secrets.randbits(31),
    ) -> None:
        self.country = country
        self.options = options or SamplingOptions()
        self.conversation = Conversation()
        self.new_seed = new_seed
        self._turn: _Turn | None = None
        self._turns = 0
        self._written_replies = 0
        self._first_visible = 0
        self._shown_tier = Tier.NONE
        self._replaced: list[Entry] = []  # by the newest message; in case it is refused

    @property
    def busy(self) -> bool:
        """Whether a reply is awaited or under way."""
        return self._turn is not None

    # What a person does

    def submit(self, text: str, replaces: MessageId | None = None) -> Outcomes:
        """Send a message; with `replaces`, in place of an earlier one and all that followed it.

        Nothing happens while a reply is under way, or for a text that is empty once cleaned.
        """
        cleaned = safety.clean(text)
        if self.busy or not cleaned:
            return ()
        self._replaced = [] if replaces is None else self.conversation.truncate(replaces)
        dropped = (Drop(self._replaced[0].id),) if self._replaced else ()
        question = self.conversation.add(Role.USER, cleaned)
        shown = Append(question.id, Role.USER, cleaned)
        return (*dropped, shown, *self._reply_to(question, self.conversation.new_id(), False))

    def regenerate(self) -> Outcomes:
        """Ask for another reply to the last message; the earlier one stays reachable."""
        question = self.conversation.last(Role.USER)
        if self.busy or question is None:
            return ()
        last = list(self.conversation)[-1]
        if last.role is Role.ASSISTANT:
            return self._reply_to(question, last.id, True)
        return self._reply_to(question, self.conversation.new_id(), False)

    def choose(self, message: MessageId, variant: int) -> Outcomes:
        """Show another of the replies that were given at this place."""
        entry = self.conversation.get(message)
        if self.busy or not 0 <= variant < len(entry.variants):
            return ()
        entry.chosen = variant
        return (self._replacement(entry),)

    def stop(self) -> Outcomes:
        """End the turn now. What was shown stays; what was held back is discarded."""
        turn = self._turn
        if turn is None:
            return ()
        self._turn = None
        ended = TurnEnded(turn.reply if turn.began else None, stopped=True)
        return (Ask(Cancel(turn.id)), ended)

    def forget(self) -> None:
        """Drop the conversation. Events of its turns that are still to come find nothing."""
        self._turn = None
        self._first_visible = 0
        self._shown_tier = Tier.NONE
        self._replaced.clear()
        self.conversation.clear()

    # What an engine says

    def receive(self, event: Event) -> Outcomes:
        """Take an event in. Those of a turn that is over are dropped."""
        turn = self._turn
        if turn is None or getattr(event, "turn", None) != turn.id:
            return ()
        match event:
            case Delta(text=text):
                return self._take(turn, text)
            case Progress(phase=phase, done=done, total=total):
                return (ShowProgress(phase, done, total),)
            case Trimmed(first_visible=index):
                return self._trim(index)
            case Refused(tokens=tokens, limit=limit):
                return self._refuse(turn, tokens, limit)
            case Finished():
                return self._finish(turn, event)
            case Failed(fault=fault, details=details):
                return self.fail(fault, details)
            case _:
                return ()

    def fail(self, fault: Fault, details: dict[str, str | int] | None = None) -> Outcomes:
        """The engine failed or died. What it had written is reviewed, shown and kept."""
        turn = self._turn
        if turn is None:
            return ()
        rest = self._show(turn, turn.guard.finish())
        self._turn = None
        failed = TurnFailed(turn.reply if turn.began else None, fault, details or {})
        return (*rest, failed)

    # Inside a turn

    def _reply_to(self, question: Entry, reply: MessageId, is_variant: bool) -> Outcomes:
        said = self.conversation.messages(before=reply if is_variant else None)
        assessment, own_tier = risk.assess(said), risk.assess_message(question.text).tier
        crisis = self._show_crisis(assessment.tier, own_tier)
        # While danger is imminent, and in the turn that speaks of it; later turns may generate.
        if assessment.tier == Tier.IMMINENT or own_tier >= Tier.ACTIVE:
            return (*crisis, *self._write_reply(assessment, reply, is_variant))
        question.guidance = safety.guidance(assessment)
        said = (*said[:-1], replace(said[-1], guidance=question.guidance))
        return (*crisis, self._generate(said, question.id, reply, is_variant))

    def _show_crisis(self, tier: Tier, own_tier: Tier) -> Outcomes:
        """Help that was put away comes back for new reasons, not with each later message."""
        if own_tier < Tier.CONCERN and tier <= max(self._shown_tier, Tier.DISTRESS):
            return ()
        self._shown_tier = max(self._shown_tier, tier)
        return (ShowCrisis(tier, self._help()),)

    def _generate(
        self, said: tuple[Message, ...], question: MessageId, reply: MessageId, is_variant: bool
    ) -> Ask:
        self._turns += 1
        turn = TurnId(self._turns)
        guard = safety.StreamGuard(self._help().dial_strings)
        self._turn = _Turn(turn, question, reply, is_variant, guard)
        options = replace(self.options, seed=self.new_seed())
        return Ask(Generate(GenerateRequest(turn, said, options)))

    def _write_reply(
        self, assessment: RiskAssessment, reply: MessageId, is_variant: bool
    ) -> Outcomes:
        text = safety.written_reply(assessment, self._help(), self._written_replies)
        self._written_replies += 1
        return (self._begin(reply, is_variant, text, written=True), TurnEnded(reply))

    def _take(self, turn: _Turn, text: str) -> Outcomes:
        shown = self._show(turn, turn.guard.feed(text))
        if not turn.guard.looping:
            return shown
        return (*shown, ShowWarning("help.looping"), *self.stop())

    def _show(self, turn: _Turn, text: str) -> Outcomes:
        if not text:
            return ()
        if turn.began:
            self.conversation.get(turn.reply).append(text)
            return (Append(turn.reply, Role.ASSISTANT, text),)
        turn.began = True
        return (self._begin(turn.reply, turn.is_variant, text),)

    def _begin(
        self, reply: MessageId, is_variant: bool, text: str, written: bool = False
    ) -> Outcome:
        if is_variant:
            return self._replacement(self.conversation.add_variant(reply, text))
        self.conversation.add(Role.ASSISTANT, text, id=reply)
        return Append(reply, Role.ASSISTANT, text, written)

    def _finish(self, turn: _Turn, finished: Finished) -> Outcomes:
        rest = self._show(turn, turn.guard.finish())
        if not turn.began:
            return self.fail(Fault.EMPTY_REPLY)
        self._turn = None
        return (*rest, TurnEnded(turn.reply, finished))

    def _refuse(self, turn: _Turn, tokens: int, limit: int) -> Outcomes:
        """As if the message had never been sent; what it was to replace comes back."""
        (question, *_) = self.conversation.truncate(turn.question)
        self.conversation.restore(self._replaced)
        shown = [outcome for entry in self._replaced for outcome in self._shown(entry)]
        self._turn = None
        replaces = self._replaced[0].id if self._replaced else None
        return (Drop(question.id), *shown, ReturnText(question.text, tokens, limit, replaces))

    def _trim(self, index: int) -> Outcomes:
        if index == self._first_visible:
            return ()
        self._first_visible = index
        return (ShowTrimmed(list(self.conversation)[index].id if index else None),)

    def _shown(self, entry: Entry) -> Outcomes:
        return (Append(entry.id, entry.role, entry.text), self._replacement(entry))

    def _help(self) -> CrisisResources:
        return directory.help_for(self.country)

    def _replacement(self, entry: Entry) -> Replace:
        return Replace(entry.id, entry.text, entry.chosen, len(entry.variants))
