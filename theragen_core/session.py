"""A whole turn as a pure state machine: what a person does and what an engine says go in,
outcomes come out. No I/O, no clock, no threads; the window and the terminal share it.

    submit / regenerate ─> assessing ─Assessed─> waiting ─Delta─> replying ─Finished─> idle
                              └─ stop  └─ written reply   └─ Refused, Failed, stop, blocked ─┘

Crisis help needs no engine: at tier 3 and 4 the reply is a written one and nothing is generated.
It needs no guard either: rules speak at once, and alone where the guard is not `guarded`.
History and regeneration use what the person saw, not what the model wrote.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from theragen_core import cloud_consent, directory, resources, risk, safety
from theragen_core.conversation import Conversation, Entry, Message, MessageId, Role
from theragen_core.directory import CrisisResources
from theragen_core.faults import Fault
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateRequest,
    Phase,
    Prefill,
    Progress,
    Refused,
    Review,
    Reviewed,
    RiskAssessment,
    SamplingOptions,
    Tier,
    Trimmed,
    TurnId,
)

# Outcomes --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this to the engine, or to the guard: Assess and Review."""

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
    """The reply is complete, stopped, or for these `reasons` not the model's own any more.
    `finished` is absent for a written reply and for one that was ended early.
    """

    message: MessageId | None
    finished: Finished | None = None
    stopped: bool = False
    reasons: tuple[str, ...] = ()


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


REMINDER_EVERY = 30  # replies after which a person is reminded that this is an AI


@dataclass(slots=True)
class _Question:
    """A message whose risk is being assessed, and where its reply will stand."""

    turn: TurnId
    entry: Entry
    reply: MessageId
    is_variant: bool  # the reply has an earlier variant
    by_rules: RiskAssessment


@dataclass(slots=True)
class _Turn:
    id: TurnId
    question: MessageId
    reply: MessageId
    is_variant: bool
    risk: RiskAssessment
    guard: safety.StreamGuard
    began: bool = False  # something of the reply has been shown
    ending: Finished | Failed | None = None  # the model is done; judgements may be awaited


class ChatSession:
    """One conversation and the turn that is going on in it."""

    def __init__(
        self,
        country: str | None = None,
        options: SamplingOptions | None = None,
        new_seed: Callable[[], int] = lambda: secrets.randbits(31),
        guarded: bool = False,
    ) -> None:
        self.country = country
        self.options = options or SamplingOptions()
        self.conversation = Conversation()
        self.new_seed = new_seed
        self.guarded = guarded  # whether Ask(Assess) and Ask(Review) will be answered
        self.trigger_warnings = True
        self._assessing: _Question | None = None
        self.cloud = False  # whether what is asked for is generated elsewhere
        self.cloud_agreed = False  # the person's yes to sending what was said in danger too
        self.left_out: tuple[MessageId, ...] = ()  # of the last request, for want of that yes
        self._turn: _Turn | None = None
        self._turns = 0
        self._written_replies = 0
        self._replies = 0
        self._first_visible = 0
        self._sent: tuple[int, ...] = ()  # of the last request: where its messages stand here
        self._tiers: dict[MessageId, Tier] = {}
        self._shown_tier = Tier.NONE
        self._corrected = 0  # so many of the first messages were misunderstood
        self._corrected_before = 0  # the newest message; in case it is refused
        self._warned = False
        self._replaced: list[Entry] = []  # by the newest message; in case it is refused

    @property
    def busy(self) -> bool:
        """Whether a reply is awaited or under way."""
        return self._turn is not None or self._assessing is not None

    # What a person does

    def submit(self, text: str, replaces: MessageId | None = None) -> Outcomes:
        """Send a message; with `replaces`, in place of an earlier one and all that followed it.

        Nothing happens while a reply is under way, or for a text that is empty once cleaned.
        """
        cleaned = safety.clean(text)
        if self.busy or not cleaned:
            return ()
        self._replaced = [] if replaces is None else self.conversation.truncate(replaces)
        self._corrected_before = self._corrected
        self._corrected = min(self._corrected, len(self.conversation))
        dropped = (Drop(self._replaced[0].id),) if self._replaced else ()
        question = self.conversation.add(Role.USER, cleaned)
        shown = Append(question.id, Role.USER, cleaned)
        return (*dropped, shown, *self._assess(question, self.conversation.new_id(), False))

    def regenerate(self) -> Outcomes:
        """Ask for another reply to the last message; the earlier one stays reachable."""
        question = self.conversation.last(Role.USER)
        if self.busy or question is None:
            return ()
        last = list(self.conversation)[-1]
        if last.role is Role.ASSISTANT:
            return self._assess(question, last.id, True)
        return self._assess(question, self.conversation.new_id(), False)

    def correct(self) -> Outcomes:
        """The person says: that is not what I meant. What was said so far counts as a concern at
        most, help stays in sight, and the last message is answered once more.
        """
        if self.busy:
            return ()
        self._corrected = len(self.conversation)
        return self.regenerate()

    def choose(self, message: MessageId, variant: int) -> Outcomes:
        """Show another of the replies that were given at this place."""
        entry = self.conversation.get(message)
        if self.busy or not 0 <= variant < len(entry.variants) or self._is_imminent():
            return ()
        entry.chosen = variant
        return (self._replacement(entry),)

    def read_ahead(
        self, draft: str, replaces: MessageId | None = None, whole: bool = False
    ) -> Outcomes:
        """Ask to have read what the next request begins with: what was said, and the words of a
        draft, cleaned as when it is sent. The last one counts once the draft is `whole`, and the
        guard reads it then. Nothing is asked of a model elsewhere.
        """
        if self.busy or self.cloud:
            return ()
        said = self.conversation.messages(before=replaces)
        words = safety.clean(draft if whole else _whole_words(draft))
        if words:
            said = (*said, Message(Role.USER, words))
        asked = Ask(Prefill(said, self.options))
        if not (words and whole and self.guarded):
            return (asked,)
        return (asked, Ask(Assess(NO_TURN, said, self._corrected)))

    def stop(self) -> Outcomes:
        """End the turn now. What was shown stays; what was held back is discarded."""
        if self._assessing is not None:
            self._assessing = None
            return (TurnEnded(None, stopped=True),)
        turn = self._turn
        if turn is None:
            return ()
        self._turn = None
        ended = TurnEnded(turn.reply if turn.began else None, stopped=True)
        return (Ask(Cancel(turn.id)), ended)

    def forget(self) -> None:
        """Drop the conversation. Events of its turns that are still to come find nothing."""
        self._turn = self._assessing = None
        self._first_visible = self._corrected = self._replies = 0
        self._shown_tier = Tier.NONE
        self._warned = False
        self._replaced.clear()
        self._tiers.clear()
        self.cloud_agreed, self.left_out = False, ()
        self.conversation.clear()

    # What an engine or the guard says

    def receive(self, event: Event) -> Outcomes:
        """Take an event in. Those of a turn that is over are dropped."""
        if isinstance(event, Assessed):
            return self._take_assessment(event)
        turn = self._turn
        if turn is None or getattr(event, "turn", None) != turn.id:
            return ()
        match event:
            case Delta(text=text):
                return self._show(turn, turn.guard.feed(text))
            case Reviewed(number=number, reasons=reasons, joint=joint):
                return self._show(turn, turn.guard.judge(number, safety.Verdict(reasons, joint)))
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
        return self._finish(turn, Failed(turn.id, fault, details or {}))

    def lose_guard(self) -> Outcomes:
        """The guard is gone or silent: rules stand alone from here on, and that is said."""
        if not self.guarded:
            return ()
        self.guarded = False
        said = (ShowWarning("help.rules_alone"),) if len(self.conversation) else ()
        return (*said, ShowCrisis(Tier.NONE, self._help()), *self._go_on_by_rules())

    def _go_on_by_rules(self) -> Outcomes:
        question, self._assessing = self._assessing, None
        if question is not None:
            return self._answer(question, question.by_rules)
        if self._turn is not None:
            return self._show(self._turn, self._turn.guard.judge_alone())
        return ()

    def _is_imminent(self) -> bool:
        """Whether the newest message met imminent danger: its written reply stays."""
        newest = self.conversation.last(Role.USER)
        return newest is not None and self._tiers.get(newest.id) is Tier.IMMINENT

    # Before a reply

    def _assess(self, question: Entry, reply: MessageId, is_variant: bool) -> Outcomes:
        """Rules speak at once; the guard reads what they cannot, unless they have seen it all."""
        said = self.conversation.messages(before=reply if is_variant else None)
        by_rules = risk.assess(said, corrected=self._corrected)
        crisis = self._show_crisis(by_rules)
        self._turns += 1
        asked = _Question(TurnId(self._turns), question, reply, is_variant, by_rules)
        # Whoever stops here has a message that nobody read: it is kept from the cloud as if grave.
        self._tiers[question.id] = Tier.ACTIVE
        if not self.guarded or by_rules.own == Tier.IMMINENT:
            return (*crisis, *self._answer(asked, by_rules))
        self._assessing = asked
        return (*crisis, Ask(Assess(asked.turn, said, self._corrected)))

    def _take_assessment(self, assessed: Assessed) -> Outcomes:
        lost = self.lose_guard() if assessed.by_rules_alone else ()
        question, now = self._assessing, assessed.assessment
        if question is None or assessed.turn != question.turn:
            return lost
        self._assessing = None
        return (*self._show_crisis(now, question.by_rules), *self._answer(question, now))

    def _answer(self, asked: _Question, now: RiskAssessment) -> Outcomes:
        # While danger is imminent, and in the turn that speaks of it; later turns may generate.
        self._tiers[asked.entry.id] = now.own
        if now.tier == Tier.IMMINENT or now.own >= Tier.ACTIVE:
            self._tiers[asked.entry.id] = now.tier
            return self._write_reply(now, asked.reply, asked.is_variant)
        asked.entry.guidance = safety.guidance(now)
        return (*self._remind(), *self._generate(asked, now))

    def _show_crisis(self, now: RiskAssessment, by_rules: RiskAssessment | None = None) -> Outcomes:
        """Help that was put away comes back for new reasons, not with each later message, nor
        twice for what the rules have seen already.
        """
        if now.own < Tier.CONCERN and now.tier <= max(self._shown_tier, Tier.DISTRESS):
            return ()
        if by_rules and now.own <= by_rules.own and now.tier <= by_rules.tier:
            return ()
        self._shown_tier = max(self._shown_tier, now.tier)
        return (ShowCrisis(now.tier, self._help()),)

    def _remind(self) -> Outcomes:
        self._replies += 1
        return () if self._replies % REMINDER_EVERY else (ShowWarning("help.reminder"),)

    def _generate(self, asked: _Question, now: RiskAssessment) -> Outcomes:
        said = self.conversation.messages(before=asked.reply if asked.is_variant else None)
        said, notices = self._outgoing(said)
        listed, answers = self._help().dial_strings, asked.entry.text
        guard = safety.StreamGuard(listed, answers, now, judged=self.guarded)
        self._turn = _Turn(asked.turn, asked.entry.id, asked.reply, asked.is_variant, now, guard)
        options = replace(self.options, seed=self.new_seed())
        return (*notices, Ask(Generate(GenerateRequest(asked.turn, said, options))))

    def _outgoing(self, said: tuple[Message, ...]) -> tuple[tuple[Message, ...], Outcomes]:
        """What the request holds, and a notice where more is left out of it than before."""
        ids = [entry.id for entry in self.conversation][: len(said)]
        tiers = [self._tiers.get(id, Tier.NONE) for id in ids]
        out = cloud_consent.outgoing(said, tiers, agreed=self.cloud_agreed or not self.cloud)
        before, self.left_out = self.left_out, tuple(ids[index] for index in out.left_out)
        self._sent = out.sent
        told = set(self.left_out) <= set(before)
        return out.messages, () if told else (ShowWarning("status.left_out"),)

    def _write_reply(
        self, assessment: RiskAssessment, reply: MessageId, is_variant: bool
    ) -> Outcomes:
        text = safety.written_reply(assessment, self._help(), self._written_replies)
        self._written_replies += 1
        return (self._begin(reply, is_variant, text, written=True), TurnEnded(reply))

    # Inside a turn

    def _show(self, turn: _Turn, released: safety.Release) -> Outcomes:
        """Show what was released, ask for what is to be judged, and see whether that is all."""
        shown = self._append(turn, released)
        reviews = tuple(
            Ask(
                Review(turn.id, number, sentence.text, sentence.before, sentence.answers, turn.risk)
            )
            for number, sentence in turn.guard.asked()
        )
        speechless = turn.guard.end and not turn.began and turn.risk.tier >= Tier.CONCERN
        if turn.guard.end is safety.End.BLOCKED or speechless:
            return (*shown, *self._replace(turn))
        if turn.guard.end is not None:
            return (*shown, ShowWarning(f"help.{turn.guard.end}"), *self.stop())
        if turn.ending is not None and turn.guard.done:
            return (*shown, *self._end(turn, turn.ending))
        return (*shown, *reviews)

    def _append(self, turn: _Turn, released: safety.Release) -> Outcomes:
        if released.retracted:
            entry = self.conversation.get(turn.reply)
            entry.variants[entry.chosen] = resources.text("help.taken_back")
            return (self._replacement(entry),)
        if not released.text:
            return ()
        warning = self._warn(turn, released.text)
        if turn.began:
            self.conversation.get(turn.reply).append(released.text)
            return (*warning, Append(turn.reply, Role.ASSISTANT, released.text))
        turn.began = True
        return (*warning, self._begin(turn.reply, turn.is_variant, released.text))

    def _warn(self, turn: _Turn, words: str) -> Outcomes:
        """Once a conversation, before hard things that were asked for; never before crisis help."""
        if (
            self._warned
            or not self.trigger_warnings
            or turn.began
            or turn.risk.tier > Tier.DISTRESS
        ):
            return ()
        question = self.conversation.get(turn.question).text
        if not (safety.is_heavy(words) or safety.asks_for_heavy(question)):
            return ()
        self._warned = True
        return (ShowWarning("help.heavy"),)

    def _replace(self, turn: _Turn) -> Outcomes:
        """The reply was blocked: the engine stops, and wording that fits stands there instead."""
        instead = safety.replacement(turn.risk, self._help(), self._written_replies)
        self._written_replies += 1
        self._turn = None
        cancel = () if turn.ending else (Ask(Cancel(turn.id)),)
        finished = turn.ending if isinstance(turn.ending, Finished) else None
        ended = TurnEnded(turn.reply, finished, reasons=turn.guard.reasons)
        if not turn.began:
            return (*cancel, self._begin(turn.reply, turn.is_variant, instead, True), ended)
        addition = "\n\n" + instead
        self.conversation.get(turn.reply).append(addition)
        return (*cancel, Append(turn.reply, Role.ASSISTANT, addition), ended)

    def _begin(
        self, reply: MessageId, is_variant: bool, text: str, written: bool = False
    ) -> Outcome:
        if is_variant:
            return self._replacement(self.conversation.add_variant(reply, text))
        self.conversation.add(Role.ASSISTANT, text, id=reply)
        return Append(reply, Role.ASSISTANT, text, written)

    def _finish(self, turn: _Turn, ending: Finished | Failed) -> Outcomes:
        turn.ending = ending
        return self._show(turn, turn.guard.finish())

    def _end(self, turn: _Turn, ending: Finished | Failed) -> Outcomes:
        self._turn = None
        message = turn.reply if turn.began else None
        if isinstance(ending, Failed):
            return (TurnFailed(message, ending.fault, ending.details),)
        if message is not None:
            return (TurnEnded(message, ending),)
        if turn.risk.tier >= Tier.CONCERN:
            return self._replace(turn)
        return (TurnFailed(None, Fault.EMPTY_REPLY),)

    def _refuse(self, turn: _Turn, tokens: int, limit: int) -> Outcomes:
        """As if the message had never been sent; what it was to replace comes back."""
        (question, *_) = self.conversation.truncate(turn.question)
        self.conversation.restore(self._replaced)
        self._corrected = self._corrected_before
        shown = [outcome for entry in self._replaced for outcome in self._shown(entry)]
        self._turn = None
        replaces = self._replaced[0].id if self._replaced else None
        return (Drop(question.id), *shown, ReturnText(question.text, tokens, limit, replaces))

    def _trim(self, index: int) -> Outcomes:
        if index == self._first_visible:
            return ()
        self._first_visible = index
        place = self._sent[index]
        return (ShowTrimmed(list(self.conversation)[place].id if index else None),)

    def _shown(self, entry: Entry) -> Outcomes:
        return (Append(entry.id, entry.role, entry.text), self._replacement(entry))

    def _help(self) -> CrisisResources:
        return directory.help_for(self.country)

    def _replacement(self, entry: Entry) -> Replace:
        return Replace(entry.id, entry.text, entry.chosen, len(entry.variants))


def _whole_words(draft: str) -> str:
    """Without the word that is still being written. Not by a pattern, which would try every place
    of a pasted text that has no spaces.
    """
    if draft[-1:].isspace():
        return draft
    return "".join(draft.rsplit(None, 1)[:-1])
