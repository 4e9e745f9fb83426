"""What the trained part makes of a message or of a sentence of a reply.

A vector of the encoder, linear heads over it, and thresholds; all in resources/guard, made by
scripts/guard. Says which outputs there are. Knows no conversation and no stream.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from theragen_core.encoder import Encoder, EncoderUnavailable, Vector
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json
from theragen_core.risk.conversation import (
    LEARNED,
    LEARNED_FAINTLY,
    LEARNED_OF_ANOTHER,
    LEARNED_SURELY,
)
from theragen_core.risk.rules import has_grave_words, speaks_of_another
from theragen_core.risk.spelling import lowered, undisguise, words_of
from theragen_core.safety.review import REFUSAL, Sentence, Verdict

TIERS = (Tier.DISTRESS, Tier.CONCERN, Tier.ACTIVE, Tier.IMMINENT)
OF_ANOTHER = "of_another"
RISK_OUTPUTS = (*(f"tier_{tier}" for tier in TIERS), *(topic.value for topic in Topic), OF_ANOTHER)
CATEGORIES = (
    "method", "encouragement", "false_claim", "diagnosis", "medication", "shame", "coercion",
    "contract", "secrecy", "delusion", "romance", "isolation", REFUSAL,
)  # fmt: skip

# A shorter text needs the more evidence, the shorter it is.
FEW_WORDS, FEW_REPLY_WORDS = 15, 8
SURELY = 2.0  # the score from which a frame such as "years ago" no longer speaks against it
# What a later message without words of danger needs: each is one more chance to be wrong.
IN_TALK = 1.0
SAME = 0.98  # how alike two vectors of one text are, at least, where an encoder computes rightly

Scores = npt.NDArray[np.float64]


def reply_input(answered: str, reply: str) -> tuple[str, str]:
    """The two texts that the encoder reads for a sentence of a reply."""
    return answered.strip(), reply.strip()


class Head:
    """Linear: vectors in, a logit for each output out."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._weights = np.array(data["weights"], dtype=np.float64)
        self._bias = np.array(data["bias"], dtype=np.float64)

    def logits(self, vectors: list[Vector]) -> Scores:
        """The highest logit of each output over all windows of a text."""
        logits = np.stack(vectors).astype(np.float64) @ self._weights.T + self._bias
        highest: Scores = logits.max(axis=0)
        return highest


class Judgement:
    """One text at a time; a text of usual length takes some 15 ms of one processor core."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        """Raises EncoderUnavailable where the weights are not those of the heads, or where this
        processor makes other vectors of them than the one on which the heads were trained.
        """
        data = read_json("guard/heads.json")
        self._encoder = encoder or Encoder()
        _check(self._encoder, data["probe"]["text"], data["probe"]["vector"])
        self._risk, self._reply = Head(data["risk"]), Head(data["reply"])
        # With words of danger less is needed to believe it; without them, or in few words, more.
        self._thresholds = np.array(data["risk"]["thresholds"])
        self._beside_grave_words = np.array(data["risk"]["thresholds_beside_grave_words"])
        self._for_few_words = np.array(data["risk"]["for_few_words"])
        self._categories_from = np.array(data["reply"]["thresholds"])
        self._joint: float = data["reply"]["joint"]
        self._stricter: float = data["reply"]["stricter_from_tier_2"]
        self._for_few_reply_words: float = data["reply"]["for_few_words"]
        # Kind words that a model says all day, and that mean no harm whatever they answer.
        self._everyday = frozenset(words_of(said) for said in read_json("guard/everyday.json"))

    def of_message(self, text: str) -> RiskAssessment:
        """The risk that one message shows by itself."""
        scores = self._risk_scores(text)
        by_name = dict(zip(RISK_OUTPUTS, scores.tolist(), strict=True))
        tier = _tier(by_name, 0.0)
        if tier < Tier.CONCERN:
            return RiskAssessment(tier)
        topics = {topic for topic in Topic if by_name[topic] > 0}
        topics = topics or {max(Topic, key=lambda topic: by_name[topic])}
        of_another = by_name[OF_ANOTHER] > 0 or speaks_of_another(text)
        cue = LEARNED_OF_ANOTHER if of_another else LEARNED
        cues = [cue]
        if _tier(by_name, SURELY) >= Tier.CONCERN:
            cues.append(LEARNED_SURELY)
        if not has_grave_words(text) and _tier(by_name, IN_TALK) < Tier.CONCERN:
            cues.append(LEARNED_FAINTLY)
        return RiskAssessment(tier, frozenset(topics), tuple(cues))

    def _risk_scores(self, text: str) -> Scores:
        logits = self._risk.logits(self._encoder.encode(text))
        if (plain := _undisguised(text)) is not None:
            logits = np.maximum(logits, self._risk.logits(self._encoder.encode(plain)))
        grave = has_grave_words(text)
        scores: Scores = logits - (self._beside_grave_words if grave else self._thresholds)
        scores[1 : len(TIERS)] -= _missing(text, FEW_WORDS) * self._for_few_words
        return scores

    def of_sentence(self, sentence: Sentence) -> Verdict:
        """Whether a sentence may be shown, alone and behind the one before it."""
        if words_of(sentence.text) in self._everyday:
            return Verdict()
        alone = self._categories(sentence, sentence.text, 0.0)
        if alone or not sentence.before.strip():
            return Verdict(alone)
        words = f"{sentence.before.strip()} {sentence.text}"
        both = self._categories(sentence, words, self._joint)
        return Verdict(() if both == (REFUSAL,) else both, joint=both not in ((), (REFUSAL,)))

    def _categories(self, sentence: Sentence, words: str, least: float) -> tuple[str, ...]:
        answered, reply = reply_input(sentence.answers, words)
        logits = self._reply.logits(self._encoder.encode(reply, answered, reply=True))
        scores = logits - self._categories_from
        # The last of them excepted: refusals are short.
        scores[:-1] -= _missing(reply, FEW_REPLY_WORDS) * self._for_few_reply_words
        if sentence.risk.tier >= Tier.CONCERN:
            scores = scores + self._stricter
        found = [name for name, score in zip(CATEGORIES, scores, strict=True) if score > least]
        return tuple(name for name in found if name != REFUSAL or len(found) == 1)


def _check(encoder: Encoder, text: str, expected: list[float]) -> None:
    likeness = float(encoder.encode(text)[0] @ np.array(expected))
    if not likeness >= SAME:  # so asked, a likeness that is no number is none
        raise EncoderUnavailable("other vectors than those the heads were trained on")


def _missing(text: str, enough: int) -> float:
    """The share of `enough` words that a text lacks, from 0 to 1."""
    return max(0, enough - len(text.split())) / enough


def _tier(scores: dict[str, float], least: float) -> Tier:
    """The highest tier whose score, and those of all from tier 2 up to it, are above `least`."""
    grave = list(takewhile(lambda tier: scores[f"tier_{tier}"] > least, TIERS[1:]))
    if grave:
        return grave[-1]
    return Tier.DISTRESS if scores["tier_1"] > least else Tier.NONE


def _undisguised(text: str) -> str | None:
    """The text without leet, look-alike letters and code words, if it has any."""
    plain = undisguise(text)
    return plain if plain != lowered(text) else None
