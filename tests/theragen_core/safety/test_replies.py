"""What people wrote: every kind of danger, every country, every wording."""

from __future__ import annotations

import re
from itertools import pairwise, product

import pytest

from theragen_core import directory, risk, safety
from theragen_core.directory import CrisisResources
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json, text, wordings

ROUND = 9  # turns after which a reply may come again
WORDINGS = 3

GB = directory.help_for("GB")
CARER = risk.assess_message("My friend just took a whole bottle of pills")
CARERS = {
    "carer": Topic.SUICIDE,
    "carer_of_one_who_threatens": Topic.HARM_TO_OTHERS,
    "carer_of_one_who_is_hurt": Topic.ABUSE,
    "carer_of_one_who_took_something": Topic.SUBSTANCE_DANGER,
    "carer_of_one_who_hears_voices": Topic.PSYCHOSIS,
}
SITUATIONS = {
    **{name: frozenset({topic}) for name, topic in CARERS.items()},
    "minor": frozenset({Topic.ABUSE, Topic.MINOR_AT_RISK}),
    "young": frozenset({Topic.SUICIDE, Topic.MINOR_AT_RISK}),
    **{topic.value: frozenset({topic}) for topic in Topic if topic is not Topic.MINOR_AT_RISK},
}
GRAVE = (Tier.ACTIVE, Tier.IMMINENT)

PARTS = {
    "acknowledges": r"thank you|i hear|i am (?:glad|sorry)|i believe you|what you w|frighten"
    r"|courage|near who notices|sounds like|needs help at once|it matters|that was honest"
    r"|lot for one|exhausting",
    "asks": r"\?",
    "professional": r"doctor|professional|crisis team|therapist|nurse",
    "trusted person": r"trust|kind to you|feels safest",
    "coping": r"breath|ground|cold|walk|plan|kettle|lie|step",
    "stays": r"\bhere\b",
    "is an AI": r"i am an ai",
}
IMMINENT_PARTS = {
    "emergency now": r"now:|to call|before anything else|at once:|happening:|want it:"
    r"|on the line:|and when:",
    "company": r"alone|with you|someone|somebody|company|near|other people|with people|beside",
    "distance from means": r"distance|out of (?:the |their |your )?(?:way|reach)|away|leave",
}


def assessment(name: str, tier: Tier) -> RiskAssessment:
    if name in CARERS:
        return RiskAssessment(tier, SITUATIONS[name], ("third_person",))
    return RiskAssessment(tier, SITUATIONS[name], ("learned",))


CASES = [
    pytest.param(assessment(name, tier), turn, id=f"{name}_{tier.name.lower()}_{turn}")
    for name, tier, turn in product(SITUATIONS, GRAVE, range(WORDINGS))
]


def missing(parts: dict[str, str], reply: str) -> list[str]:
    return [name for name, pattern in parts.items() if not re.search(pattern, reply.lower())]


@pytest.mark.parametrize(("situation", "turn"), CASES)
def test_required_parts(situation: RiskAssessment, turn: int) -> None:
    reply = safety.written_reply(situation, directory.help_for("GB"), turn)
    assert not missing(PARTS, reply)
    assert situation.tier < Tier.IMMINENT or not missing(IMMINENT_PARTS, reply)
    assert "{" not in reply


@pytest.mark.parametrize("country", [None, *(code for code, _ in directory.countries())])
def test_numbers_and_lines_of_every_country(country: str | None) -> None:
    resources = directory.help_for(country)
    for name, tier in product(SITUATIONS, GRAVE):
        reply = safety.written_reply(assessment(name, tier), resources, 0)
        assert resources.finder_url in reply
        assert resources.emergency or text("help.emergency_unknown") in reply
        assert_numbers_are_of_the_directory(reply, resources)


def assert_numbers_are_of_the_directory(reply: str, resources: CrisisResources) -> None:
    """All numbers of the country are there, and none else; names and hours are not dialled."""
    for entry in resources.emergency:
        assert entry.number in reply
    for line in resources.lines:
        assert f"**{line.name}**" in reply
        assert line.number in reply
        reply = reply.replace(f"**{line.name}**", "").replace(line.hours or "\0", "")
        reply = reply.replace(line.number or "\0", "").replace(line.url, "")
    allowed = resources.dial_strings
    assert {directory.digits(n) for n in re.findall(r"\d[\d -]*\d", reply)} <= allowed


def test_each_situation_has_its_own_words() -> None:
    resources = directory.help_for("US")
    for tier in GRAVE:
        replies = {safety.written_reply(assessment(n, tier), resources, 0) for n in SITUATIONS}
        assert len(replies) == len(SITUATIONS)


@pytest.mark.parametrize("tier", GRAVE)
@pytest.mark.parametrize("name", SITUATIONS)
def test_no_reply_comes_again_within_a_round(name: str, tier: Tier) -> None:
    resources = directory.help_for("CA")
    replies = [safety.written_reply(assessment(name, tier), resources, n) for n in range(ROUND)]
    assert len(set(replies)) == ROUND


def test_emergency_comes_before_lines_at_tier_4() -> None:
    reply = safety.written_reply(assessment("suicide", Tier.IMMINENT), directory.help_for("GB"), 0)
    assert reply.index("999") < reply.index("116 123")


def test_who_worries_about_someone_is_not_spoken_to_as_that_one() -> None:
    for name, topic in CARERS.items():
        for turn in range(WORDINGS):
            reply = safety.written_reply(assessment(name, Tier.IMMINENT), GB, turn)
            own = {
                w for part in ("acknowledge", "coping") for w in wordings(f"replies.{topic}_{part}")
            }
            assert not any(words in reply for words in own)


def test_nobody_is_sent_to_one_who_threatens() -> None:
    for turn in range(ROUND):
        danger = assessment("carer_of_one_who_threatens", Tier.IMMINENT)
        reply = safety.written_reply(danger, GB, turn).lower()
        assert "stay with them" not in reply
        assert "be with them" not in reply


def test_danger_to_life_goes_before_other_topics() -> None:
    both = RiskAssessment(Tier.IMMINENT, frozenset({Topic.SUICIDE, Topic.SUBSTANCE_DANGER}))
    reply = safety.written_reply(both, directory.help_for("GB"), 0)
    assert wordings("replies.substance_danger_now")[0] in reply


@pytest.mark.parametrize("country", ["US", "DE", "AM", "KI", None])
def test_what_people_wrote_passes_the_rules(country: str | None) -> None:
    resources = directory.help_for(country)
    for name, tier, turn in product(SITUATIONS, Tier, range(WORDINGS)):
        situation = assessment(name, tier)
        reply = safety.replacement(situation, resources, turn)
        guard = safety.StreamGuard(resources.dial_strings, risk=situation)
        assert guard.feed(reply).text + guard.finish().text == reply
        assert guard.reasons == ()


@pytest.mark.parametrize(
    ("tier", "topics", "cues", "kind"),
    [
        (Tier.NONE, (), (), "calm"),
        (Tier.DISTRESS, (), ("distress",), "calm"),
        (Tier.CONCERN, (Topic.SUICIDE,), ("wish_to_be_dead",), "concern"),
        (Tier.CONCERN, (), ("learned",), "concern"),
        (Tier.CONCERN, (Topic.SUICIDE,), ("third_person",), "carer_concern"),
        (Tier.CONCERN, (Topic.ABUSE,), ("learned",), "topic_concern"),
        (Tier.CONCERN, (Topic.ABUSE,), ("third_person",), "carer_topic_concern"),
    ],
)
def test_a_blocked_reply_is_replaced_by_what_fits_the_tier(
    tier: Tier, topics: tuple[Topic, ...], cues: tuple[str, ...], kind: str
) -> None:
    situation = RiskAssessment(tier, frozenset(topics), cues)
    replies = [safety.replacement(situation, directory.help_for("GB"), n) for n in range(6)]
    assert set(replies) == set(wordings(f"replies.{kind}"))
    assert all(a != b for a, b in pairwise(replies))


def test_ways_to_reach_a_line_are_said() -> None:
    assert "call or text 988" in safety.lines_text(directory.help_for("US"))
    assert "text HOME to 741741" in safety.lines_text(directory.help_for("US"))
    assert "chat at https://cvv.org.br/chat/" in safety.lines_text(directory.help_for("BR"))


def test_several_numbers_of_unknown_service_are_all_named_in_order() -> None:
    line = "- **Emergency services: 103** (if no one answers: 101, 102)"
    assert safety.emergency_text(directory.help_for("AM")) == line


@pytest.mark.parametrize(
    ("tier", "topics", "cues", "key"),
    [
        (Tier.NONE, (), (), None),
        (Tier.DISTRESS, (), ("distress",), None),
        (Tier.CONCERN, (Topic.SUICIDE,), ("wish_to_be_dead",), "help.guidance_concern"),
        (Tier.CONCERN, (Topic.SUICIDE,), ("third_person",), "help.guidance_carer"),
        (Tier.CONCERN, (Topic.PSYCHOSIS,), ("learned",), "help.guidance_topic"),
        (Tier.ACTIVE, (Topic.SUICIDE,), ("wish_to_act",), "help.guidance_active"),
    ],
)
def test_guidance(
    tier: Tier, topics: tuple[Topic, ...], cues: tuple[str, ...], key: str | None
) -> None:
    expected = text(key) if key else ""
    assert safety.guidance(RiskAssessment(tier, frozenset(topics), cues)) == expected


@pytest.mark.parametrize("file", ["help", "replies"])
def test_no_text_calls_itself_therapy_or_shouts(file: str) -> None:
    for words in read_json(f"texts/en/{file}.json").values():
        assert "therapy" not in words.lower()
        assert "!" not in words
