"""Releases a streamed reply sentence by sentence, each once it is complete and reviewed.

What is released does not depend on how the stream was cut, and joins to exactly what was fed unless
something stepped in. A judgement that comes late only shows a sentence later, or spares taking it
back where a harmful one was judged meanwhile:

    a number that is not in the directory   its sentence is withheld, a line says so
    harm                                     the reply ends; the caller puts other wording there
    harm through a later sentence            the same, and what was shown is taken back
    circles, debris of broken models         the reply ends
    nothing but a refusal                    as harm: it was never shown
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from theragen_core.protocol import RiskAssessment
from theragen_core.resources import text
from theragen_core.safety.breakdown import Circles, is_broken
from theragen_core.safety.numbers import has_unlisted_number
from theragen_core.safety.review import CALM, REFUSAL, Sentence, Verdict, review
from theragen_core.safety.sentences import Cutter

UNLISTED_NUMBER = "unlisted_number"


class End(StrEnum):
    """Why a reply ended before the model had finished."""

    LOOPING = "looping"
    BROKEN = "broken"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Release:
    """What may be shown now, often nothing. `retracted`: what was shown before is taken back."""

    text: str = field(default="", repr=False)
    retracted: bool = False


@dataclass(slots=True)
class _Waiting:
    number: int
    sentence: Sentence
    verdict: Verdict | None = None  # None until it is judged by meaning too
    end: End | None = None


class StreamGuard:
    """One reply. With `judged`, every sentence that passes the rules waits for `judge` as well."""

    def __init__(
        self,
        dial_strings: frozenset[str] = frozenset(),
        answers: str = "",
        risk: RiskAssessment = CALM,
        judged: bool = False,
    ) -> None:
        self.end: End | None = None
        self.reasons: tuple[str, ...] = ()
        self._dial_strings = dial_strings
        self._answers = answers
        self.risk = risk
        self._judged = judged
        self._cutter = Cutter()
        self._circles = Circles()
        self._queue: deque[_Waiting] = deque()
        self._asked: list[tuple[int, Sentence]] = []
        self._count = 0
        self._before = ""
        self._refusal = ""  # shown only together with something that follows it
        self._shown = False
        self._said = False  # words of the model, and no refusal
        self._over = False

    @property
    def done(self) -> bool:
        """Whether nothing more will be released."""
        return self.end is not None or (self._over and not self._queue)

    def feed(self, piece: str) -> Release:
        """Take in the next piece of the stream."""
        if self.end is None:
            for sentence in self._cutter.feed(piece):
                self._take(sentence)
        return self._settle()

    def finish(self) -> Release:
        """The stream is over; judgements may still be awaited."""
        if self.end is None and (rest := self._cutter.finish()):
            self._take(rest)
        self._over = True
        return self._settle()

    def asked(self) -> tuple[tuple[int, Sentence], ...]:
        """The sentences, by number, that since the last call came to wait for a judgement."""
        asked, self._asked = tuple(self._asked), []
        return asked

    def judge(self, number: int, verdict: Verdict) -> Release:
        """The judgement of a sentence that waits; one that does not is ignored."""
        for waiting in self._queue:
            if waiting.number == number and waiting.verdict is None:
                waiting.verdict = verdict
        return self._settle()

    def judge_alone(self) -> Release:
        """No more judgements will come: rules stand alone, also for what waits."""
        self._judged = False
        for waiting in self._queue:
            waiting.verdict = waiting.verdict or Verdict()
        return self._settle()

    def _take(self, words: str) -> None:
        sentence = Sentence(words, self._before, self._answers, self.risk)
        waiting = _Waiting(self._count, sentence)
        self._count += 1
        self._before = words
        if self._circles.closed_by(words):
            waiting.end = End.LOOPING
        elif is_broken(words):
            waiting.end = End.BROKEN
        else:
            waiting.verdict = self._by_rules(sentence)
            if waiting.verdict is None:
                self._asked.append((waiting.number, sentence))
        self._queue.append(waiting)

    def _by_rules(self, sentence: Sentence) -> Verdict | None:
        verdict = review(sentence)
        if has_unlisted_number(sentence.text, sentence.before, self._dial_strings):
            return Verdict((*verdict.reasons, UNLISTED_NUMBER))
        return None if verdict.passed and self._judged and sentence.text.strip() else verdict

    def _settle(self) -> Release:
        """Release from the front what is judged."""
        shown, joint = "", False
        while self._queue and self.end is None:
            first = self._queue[0]
            if first.end is not None:
                self.end = first.end
            elif first.verdict is None:
                break
            else:
                self._queue.popleft()
                shown += self._pass(first.sentence.text, first.verdict)
                joint = self.end is not None and first.verdict.joint
        if joint:
            return Release(retracted=self._shown)
        self._shown = self._shown or bool(shown)
        if self._over and not self._queue and self.end is None:
            shown += self._last_words()
        return Release(shown)

    def _pass(self, words: str, verdict: Verdict) -> str:
        if verdict.reasons == (REFUSAL,):
            self._refusal += words
            return ""
        if verdict.reasons and verdict.reasons != (UNLISTED_NUMBER,):
            self.end = End.BLOCKED
            self.reasons += verdict.reasons
            return ""
        words = words if verdict.passed else self._withhold(words)
        if not verdict.passed or not words.strip():
            if self._refusal:  # what is no answer does not make it one
                self._refusal += words
                return ""
            return words
        self._said = True
        before, self._refusal = self._refusal, ""
        return before + words

    def _withhold(self, words: str) -> str:
        said_so, self.reasons = bool(self.reasons), (*self.reasons, UNLISTED_NUMBER)
        if said_so:
            return ""
        start = len(words) - len(words.lstrip())
        return words[:start] + text("help.withheld") + words[len(words.rstrip()) :]

    def _last_words(self) -> str:
        """A refusal at the end of a reply may stand; one that is the whole reply may not."""
        rest, self._refusal = self._refusal, ""
        if rest and not self._said:
            self.end, self.reasons = End.BLOCKED, (*self.reasons, REFUSAL)
            return ""
        return rest
