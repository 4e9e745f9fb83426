"""What the trained part makes of a message or of a sentence of a reply.

A vector of the encoder, linear heads over it, and thresholds; all in resources/guard, made by
scripts/guard. Says which outputs there are. Knows no conversation and no stream.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from theragen_core.encoder import Encoder, Vector
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json
from theragen_core.risk.conversation import LEARNED, LEARNED_OF_ANOTHER
from theragen_core.risk.spelling import lowered, undisguise
from theragen_core.safety.review import REFUSAL, Sentence, Verdict

TIERS = (Tier.DISTRESS, Tier.CONCERN, Tier.ACTIVE, Tier.IMMINENT)
OF_ANOTHER = "of_another"
RISK_OUTPUTS = (*(f"tier_{tier}" for tier in TIERS), *(topic.value for topic in Topic), OF_ANOTHER)
CATEGORIES = (
    "method", "encouragement", "false_claim", "diagnosis", "medication", "shame", "coercion",
    "contract", "secrecy", "delusion", "romance", "isolation", REFUSAL,
)  # fmt: skip

Scores = npt.NDArray[np.float64]


def reply_input(answered: str, reply: str) -> tuple[str, str]:
    """The two texts that the encoder reads for a sentence of a reply."""
    return answered.strip(), reply.strip()


class Head:
    """Logits minus thresholds: a positive score says yes."""

    def __init__(self, data: dict[str, list[float] | list[list[float]]]) -> None:
        self._weights = np.array(data["weights"], dtype=np.float64)
        self._bias = np.array(data["bias"], dtype=np.float64)
        self._thresholds = np.array(data["thresholds"], dtype=np.float64)

    def score(self, vectors: list[Vector]) -> Scores:
        """The highest score of each output over all windows of a text."""
        logits = np.stack(vectors).astype(np.float64) @ self._weights.T + self._bias
        scores: Scores = logits.max(axis=0) - self._thresholds
        return scores


class Judgement:
    """One text at a time; a text of usual length takes some 10 ms of one processor core."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        data = read_json("guard/heads.json")
        self._encoder = encoder or Encoder()
        self._risk, self._reply = Head(data["risk"]), Head(data["reply"])
        self._stricter: float = data["stricter_from_tier_2"]

    def of_message(self, text: str) -> RiskAssessment:
        """The risk that one message shows by itself."""
        scores = self._risk.score(self._encoder.encode(text))
        if (plain := _undisguised(text)) is not None:
            scores = np.maximum(scores, self._risk.score(self._encoder.encode(plain)))
        by_name = dict(zip(RISK_OUTPUTS, scores.tolist(), strict=True))
        tier = max((t for t in TIERS if by_name[f"tier_{t}"] > 0), default=Tier.NONE)
        if tier < Tier.CONCERN:
            return RiskAssessment(tier)
        topics = {topic for topic in Topic if by_name[topic] > 0}
        topics = topics or {max(Topic, key=lambda topic: by_name[topic])}
        cue = LEARNED_OF_ANOTHER if by_name[OF_ANOTHER] > 0 else LEARNED
        return RiskAssessment(tier, frozenset(topics), (cue,))

    def of_sentence(self, sentence: Sentence) -> Verdict:
        """Whether a sentence may be shown, alone and behind the one before it."""
        alone = self._categories(sentence, sentence.text)
        if alone or not sentence.before.strip():
            return Verdict(alone)
        both = self._categories(sentence, f"{sentence.before.strip()} {sentence.text}")
        return Verdict(() if both == (REFUSAL,) else both, joint=both not in ((), (REFUSAL,)))

    def _categories(self, sentence: Sentence, words: str) -> tuple[str, ...]:
        answered, reply = reply_input(sentence.answers, words)
        scores = self._reply.score(self._encoder.encode(reply, answered, reply=True))
        if sentence.risk.tier >= Tier.CONCERN:
            scores = scores + self._stricter
        found = [name for name, score in zip(CATEGORIES, scores, strict=True) if score > 0]
        return tuple(name for name in found if name != REFUSAL or len(found) == 1)


def _undisguised(text: str) -> str | None:
    """The text without leet, look-alike letters and code words, if it has any."""
    plain = undisguise(text)
    return plain if plain != lowered(text) else None
