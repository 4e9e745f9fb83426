"""The risk of a conversation: that of its gravest recent message, slowly fading.

Risk belongs to the conversation and not to a message. It falls by one tier with every
MESSAGES_PER_TIER later messages of the person's; a denial alone resets nothing. What the person
has called a misunderstanding counts as a concern at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from theragen_core.conversation import Message, Role
from theragen_core.protocol import RiskAssessment, Tier
from theragen_core.risk import rules
from theragen_core.risk.combination import MEANS_QUESTION, MINOR, combine

MESSAGES_PER_TIER = 3
REMEMBERED = MESSAGES_PER_TIER * Tier.IMMINENT
TOGETHER = 3  # messages that are also read as one: a hint may need two of them
TOGETHER_WORDS = 90  # the last ones of these; longer messages say by themselves what they say

LEARNED = "learned"
LEARNED_OF_ANOTHER = "third_person_learned"
LEARNED_SURELY = "surely_learned"
LEARNED_FAINTLY = "faintly_learned"  # enough in a first message, and not in the middle of a talk
FEW_WORDS = 6  # an answer of so few words is judged only together with what was said before

# What a trained part makes of each text by itself; see theragen_core.guard.
Judge = Callable[[Sequence[str]], Sequence[RiskAssessment]]


def assess(
    messages: Sequence[Message], judge: Judge | None = None, corrected: int = 0
) -> RiskAssessment:
    """The risk now, and in `own` that of the newest message alone. Only what the person wrote
    counts. Without a judge rules stand alone. The first `corrected` messages were misunderstood.
    """
    said = [
        (message.text, index < corrected)
        for index, message in enumerate(messages)
        if message.role is Role.USER
    ][-REMEMBERED:]
    if not said:
        return RiskAssessment(Tier.NONE)
    texts = [text for text, _ in said]
    assessed = [rules.assess_message(text) for text in texts]
    together = RiskAssessment(Tier.NONE)
    if judge is not None:
        alone, in_talk = _judged(texts, judge)
        together = in_talk[-1]
        for index, part in enumerate(alone):
            if index == 0 or _speaks_for_itself(texts[index], part, in_talk[index]):
                assessed[index] = _both(assessed[index], part)
    capped = [
        _at_most(Tier.CONCERN, part) if misread else part
        for part, (_, misread) in zip(assessed, said, strict=True)
    ]
    # What only messages taken together show is a concern, and no more: they were read apart too.
    needed = len(texts) > 1 and not said[-1][1] and capped[-1].tier < Tier.CONCERN
    present = [_at_most(Tier.CONCERN, together)] if needed and not _is_faint(together) else []
    return replace(combine([*_faded(capped), *present]), own=capped[-1].tier)


def _judged(
    texts: Sequence[str], judge: Judge
) -> tuple[Sequence[RiskAssessment], Sequence[RiskAssessment]]:
    """Each message alone, and each together with those right before it."""
    count = len(texts)
    joined = [_joined(texts[max(0, end - TOGETHER) : end]) for end in range(1, count + 1)]
    found = judge([*texts, *joined])
    return found[:count], found[count:]


def _speaks_for_itself(text: str, judged: RiskAssessment, in_talk: RiskAssessment) -> bool:
    """Whether a later message counts alone: not where what was said before makes it harmless, and
    of a few words only where they are plainly grave, as "He is choking me" is.
    """
    surely = LEARNED_SURELY in judged.cues
    if _is_faint(judged) or not (surely or in_talk.tier >= Tier.CONCERN):
        return False
    plainly = judged.tier == Tier.IMMINENT or (judged.tier == Tier.ACTIVE and surely)
    return plainly or len(text.split()) > FEW_WORDS


def _is_faint(judged: RiskAssessment) -> bool:
    return LEARNED_FAINTLY in judged.cues


def _joined(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return " ".join("\n".join(texts).split()[-TOGETHER_WORDS:])


def _both(by_rules: RiskAssessment, judged: RiskAssessment) -> RiskAssessment:
    """The graver; where rules see only what is past, denied or invented, being sure is asked."""
    framed = any("/" in cue for cue in by_rules.cues)
    if framed and by_rules.tier < Tier.CONCERN and LEARNED_SURELY not in judged.cues:
        if judged.tier >= Tier.ACTIVE:
            return combine([by_rules, _at_most(Tier.CONCERN, judged)])
        judged = _at_most(Tier.DISTRESS, replace(judged, topics=frozenset()))
    return combine([by_rules, judged])


def is_about_someone_else(assessment: RiskAssessment) -> bool:
    """Whether the person worries about another one, and nothing points at themselves."""
    named = rules.grave_cues() & set(assessment.cues)
    grave = named or {LEARNED, LEARNED_OF_ANOTHER} & set(assessment.cues)
    return bool(grave) and all(name.startswith("third_person") for name in grave)


def _faded(assessed: Sequence[RiskAssessment]) -> Iterator[RiskAssessment]:
    """Each less its age; what has faded away is left out, but not that a child is speaking or has
    asked about means."""
    for distance, part in enumerate(reversed(assessed)):
        age = distance // MESSAGES_PER_TIER
        if age == 0 or part.tier > age:
            yield replace(part, tier=Tier(part.tier - age))
        elif kept := tuple(cue for cue in (MINOR, MEANS_QUESTION) if cue in part.cues):
            yield RiskAssessment(Tier.NONE, cues=kept)


def _at_most(tier: Tier, part: RiskAssessment) -> RiskAssessment:
    return replace(part, tier=min(tier, part.tier))
