"""The guard's judgement: rules, and what a trained encoder reads between the lines.

Runs in a process of its own beside the window and the engine, or inside a terminal command. The
encoder is loaded at the first question; where it cannot be, rules stand alone and `trained` says
so. Scores of texts are remembered under a hash while the process lives, since each turn asks about
the whole conversation again; no text is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from theragen_core import risk, safety
from theragen_core.conversation import Message
from theragen_core.protocol import RiskAssessment
from theragen_core.resources import text
from theragen_core.safety import Release, Sentence, StreamGuard, Verdict

if TYPE_CHECKING:
    from theragen_core.judgement import Judgement

REMEMBERED = 512  # texts


class Guard:
    """Assesses messages and reviews sentences. One thread at a time."""

    def __init__(self, load: Callable[[], Judgement | None] | None = None) -> None:
        self._judgement = (load or load_judgement)()
        self._known: dict[bytes, RiskAssessment] = {}

    @property
    def trained(self) -> bool:
        """Whether more than rules is at work."""
        return self._judgement is not None

    def assess(self, messages: Sequence[Message], corrected: int = 0) -> RiskAssessment:
        """The risk of a conversation; see risk.assess."""
        return risk.assess(messages, self._judge if self.trained else None, corrected)

    def review(self, sentence: Sentence) -> Verdict:
        """Judge by rules, then by meaning."""
        verdict = safety.review(sentence)
        if self._judgement is None or not verdict.passed:
            return verdict
        return self._judgement.of_sentence(sentence)

    def filter(self, stream: StreamGuard, reply: str) -> str:
        """A whole reply through a stream's filter: what of it may be shown."""
        shown = ""
        for release in self._released(stream, iter([reply])):
            shown = text("help.taken_back") if release.retracted else shown + release.text
        return shown

    def filtered(self, stream: StreamGuard, pieces: Iterator[str]) -> Iterator[str]:
        """What may be shown of a reply as it comes, for those who cannot take anything back."""
        for release in self._released(stream, pieces):
            yield "\n\n" + text("help.taken_back") if release.retracted else release.text

    def _released(self, stream: StreamGuard, pieces: Iterator[str]) -> Iterator[Release]:
        for piece in pieces:
            yield from self._judged(stream, stream.feed(piece))
            if stream.end is not None:
                return
        yield from self._judged(stream, stream.finish())

    def _judged(self, stream: StreamGuard, release: Release) -> Iterator[Release]:
        yield release
        for number, sentence in stream.asked():
            yield stream.judge(number, self.review(sentence))

    def _judge(self, texts: Sequence[str]) -> list[RiskAssessment]:
        return [self._judge_one(text) for text in texts]

    def _judge_one(self, message: str) -> RiskAssessment:
        assert self._judgement is not None
        key = hashlib.sha256(message.encode("utf-8", errors="surrogatepass")).digest()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._judgement.of_message(message)
        return self._known[key]


def load_judgement() -> Judgement | None:
    """The trained part, imported here: onnxruntime alone takes longer than the window's start."""
    try:
        from theragen_core.judgement import Judgement

        return Judgement()
    except Exception:  # whatever is wrong with it, rules must go on
        return None
