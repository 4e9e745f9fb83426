"""Several assessments as one: the gravest counts, and some add up to more than their parts."""

from __future__ import annotations

from collections.abc import Iterable

from theragen_core.protocol import RiskAssessment, Tier, Topic

MEANS_QUESTION = "means_question"
MEANS_WITH_DISTRESS = "means_with_distress"
MINOR = "minor"


def combine(parts: Iterable[RiskAssessment]) -> RiskAssessment:
    """The gravest of all. A question about means is of concern if there is any distress, and a
    minor in danger is a topic of its own.
    """
    ordered = sorted(parts, key=lambda part: -part.tier)
    tier = max((part.tier for part in ordered), default=Tier.NONE)
    gravest = (part.topics for part in ordered if part.tier == tier)
    topics = frozenset[Topic]().union(*gravest)  # older and lesser ones would choose the words
    cues = dict.fromkeys(name for part in ordered for name in part.cues)
    if tier == Tier.DISTRESS and MEANS_QUESTION in cues:
        tier, topics = Tier.CONCERN, topics | {Topic.SUICIDE}
        cues[MEANS_WITH_DISTRESS] = None
    minor = MINOR in cues or any(Topic.MINOR_AT_RISK in part.topics for part in ordered)
    if tier >= Tier.CONCERN and minor:
        topics = topics | {Topic.MINOR_AT_RISK}
    return RiskAssessment(tier, topics, tuple(cues))
