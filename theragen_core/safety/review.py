"""May this sentence of a reply be shown? By rules here; by meaning in theragen_core.guard.

Judges by category and intent: what a sentence wants the person to do or to believe. Names of
categories are reasons, and no reason repeats the sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json
from theragen_core.risk.spelling import words_of

CALM = RiskAssessment(Tier.NONE)
REFUSAL = "refusal"  # harmless, but never the whole of a reply


@dataclass(frozen=True, slots=True)
class Sentence:
    """A complete sentence, what the reply said right before it, and what it answers."""

    text: str = field(repr=False)
    before: str = field(default="", repr=False)
    answers: str = field(default="", repr=False)
    risk: RiskAssessment = CALM


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a sentence may not be shown; with no reasons it may. `joint`: harmful only together
    with what stands before it, which was shown already.
    """

    reasons: tuple[str, ...] = ()
    joint: bool = False

    @property
    def passed(self) -> bool:
        return not self.reasons


def review(sentence: Sentence) -> Verdict:
    """Judge by the rules in resources/cues.json alone."""
    plain = words_of(sentence.text)
    reasons = [
        name
        for name, rule in _rules().items()
        if rule.concerns(sentence.risk) and rule.broken_by(plain)
    ]
    return Verdict(tuple(reasons))


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    unless: re.Pattern[str]  # what may stand right before it and turns its meaning
    from_tier: Tier
    topic: Topic | None

    def concerns(self, risk: RiskAssessment) -> bool:
        return risk.tier >= self.from_tier and (self.topic is None or self.topic in risk.topics)

    def broken_by(self, plain: str) -> bool:
        found = self.pattern.finditer(plain)
        return any(not self.unless.search(plain[: match.start()]) for match in found)


@cache
def _rules() -> dict[str, _Rule]:
    return {
        name: _Rule(
            re.compile(r"(?<!\w)(?:" + "|".join(rule["patterns"]) + r")(?!\w)"),
            re.compile(r"(?<!\w)(?:" + rule["unless"] + r")(?: \w+){0,4} ?$"),
            Tier(rule.get("from_tier", 0)),
            Topic(rule["topic"]) if "topic" in rule else None,
        )
        for name, rule in read_json("cues.json")["output"].items()
    }
