"""The replies that people wrote: for tiers 3 and 4, in place of a reply that was blocked, and what
a model is told beside a grave message.

A reply is put together from parts in resources/texts/en/replies.json, each in several wordings, so
that no two turns repeat word for word. A part is looked up for the kind of danger first, then
for everybody. Every reply of tier 3 and 4 holds the same parts, whatever its kind:

    acknowledgement · one direct question · numbers and lines of the country · a professional and a
    trusted person · coping · staying, and being an AI · at tier 4 also: call now, be with someone,
    distance from means
"""

from __future__ import annotations

from theragen_core import risk
from theragen_core.directory import CrisisResources
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import text, wordings
from theragen_core.safety.listing import emergency_text, lines_text

_IMMINENT = (
    "acknowledge", "now", "emergency", "safe", "lines", "line_list", "people", "coping", "stay",
    "question",
)  # fmt: skip
_ACTIVE = (
    "acknowledge", "question", "lines", "line_list", "strong", "emergency", "people", "coping",
    "stay",
)  # fmt: skip

# Whose wording is used when several topics meet, first the danger to life at this moment.
_KINDS = (
    Topic.MEDICAL_EMERGENCY,
    Topic.SUBSTANCE_DANGER,
    Topic.SUICIDE,
    Topic.SELF_HARM,
    Topic.HARM_TO_OTHERS,
    Topic.ABUSE,
    Topic.PSYCHOSIS,
    Topic.EATING_DISORDER,
)
_ABOUT_LIFE = (Topic.SUICIDE, Topic.SELF_HARM)


def written_reply(assessment: RiskAssessment, resources: CrisisResources, turn: int) -> str:
    """The reply of tiers 3 and 4, in Markdown. Each of nine successive turns gets another one."""
    listed = {"emergency": emergency_text(resources), "line_list": lines_text(resources)}
    parts = _IMMINENT if assessment.tier == Tier.IMMINENT else _ACTIVE
    return "\n\n".join(
        listed.get(part) or _wording(part, _kinds(assessment, part), turn, place)
        for place, part in enumerate(parts)
    )


def replacement(assessment: RiskAssessment, resources: CrisisResources, turn: int) -> str:
    """What stands in place of a reply that may not be shown: wording that fits the tier."""
    if assessment.tier >= Tier.ACTIVE:
        return written_reply(assessment, resources, turn)
    if assessment.tier < Tier.CONCERN:
        return _pick("replies.calm", turn)
    about_life = not assessment.topics or assessment.topics & set(_ABOUT_LIFE)
    who = "carer_" if risk.is_about_someone_else(assessment) else ""
    return _pick(f"replies.{who}concern" if about_life else f"replies.{who}topic_concern", turn)


def guidance(assessment: RiskAssessment) -> str:
    """What the model is told beside the person's message; empty below tier 2."""
    if assessment.tier < Tier.CONCERN:
        return ""
    if risk.is_about_someone_else(assessment):
        return text("help.guidance_carer")
    if assessment.topics and not assessment.topics & set(_ABOUT_LIFE):
        return text("help.guidance_topic")
    return text(
        "help.guidance_active" if assessment.tier >= Tier.ACTIVE else "help.guidance_concern"
    )


def _kinds(assessment: RiskAssessment, part: str) -> tuple[str, ...]:
    """Whose wordings of a part are looked up in turn; where none has one, there is a common one."""
    kind = next((topic for topic in _KINDS if topic in assessment.topics), Topic.SUICIDE)
    of_another = risk.is_about_someone_else(assessment)
    if of_another and kind is not Topic.MEDICAL_EMERGENCY:
        return ("carer",) if kind in _ABOUT_LIFE else (f"carer_{kind}", "carer_other", "carer")
    minor = Topic.MINOR_AT_RISK in assessment.topics and not of_another
    return ("minor",) if minor and (kind is Topic.ABUSE or part == "people") else (kind,)


def _wording(part: str, kinds: tuple[str, ...], turn: int, place: int) -> str:
    """Parts move on by different steps from round to round, so that combinations stay new."""
    prefixes = (f"replies.{kind}_{part}" for kind in kinds)
    prefix = next((prefix for prefix in prefixes if wordings(prefix)), f"replies.{part}")
    return _pick(prefix, turn + place * (turn // 3))


def _pick(prefix: str, turn: int) -> str:
    found = wordings(prefix)
    return found[turn % len(found)]
