"""Risk over turns, with a judge of the test's own making."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from theragen_core import risk
from theragen_core.conversation import Message, Role
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.risk.conversation import TOGETHER_WORDS

GRAVE = {
    "hint": RiskAssessment(Tier.CONCERN, frozenset({Topic.SUICIDE}), ("learned",)),
    "thoughts": RiskAssessment(Tier.ACTIVE, frozenset({Topic.SUICIDE}), ("learned",)),
    "now": RiskAssessment(Tier.IMMINENT, frozenset({Topic.ABUSE}), ("learned",)),
    "friend": RiskAssessment(Tier.CONCERN, frozenset({Topic.SUICIDE}), ("third_person_learned",)),
}


def judge(texts: Sequence[str]) -> list[RiskAssessment]:
    """Each text by its gravest code word; "half" and "other" only together."""
    found = []
    for text in texts:
        parts = [GRAVE[word] for word in GRAVE if word in text]
        if "half" in text and "other" in text:
            parts.append(GRAVE["thoughts"])
        found.append(max(parts, key=lambda part: part.tier, default=RiskAssessment(Tier.NONE)))
    return found


def said(*texts: str) -> list[Message]:
    return [Message(Role.USER, text) for text in texts]


def test_no_message_is_no_risk() -> None:
    assert risk.assess([], judge) == RiskAssessment(Tier.NONE)
    assert risk.assess([Message(Role.ASSISTANT, "now")], judge).tier is Tier.NONE


def test_what_the_judge_sees_counts_beside_the_rules() -> None:
    assert risk.assess(said("a hint"), judge).tier is Tier.CONCERN
    assert risk.assess(said("a hint")).tier is Tier.NONE
    both = risk.assess(said("I want to kill myself, that is a hint"), judge)
    assert both.tier is Tier.ACTIVE
    assert {"learned", "wish_to_act"} <= set(both.cues)


def test_the_newest_message_has_a_tier_of_its_own() -> None:
    now = risk.assess(said("some thoughts", "soup"), judge)
    assert (now.tier, now.own) == (Tier.ACTIVE, Tier.NONE)
    now = risk.assess(said("soup", "today there are again some thoughts of that"), judge)
    assert (now.tier, now.own) == (Tier.ACTIVE, Tier.ACTIVE)


def test_what_is_judged_fades_as_the_rest() -> None:
    talk = ["some thoughts", *["soup and bread"] * 9]
    tiers = [risk.assess(said(*talk[: n + 1]), judge).tier for n in range(10)]
    # While it is read together with the newest message it counts as a concern at least.
    assert tiers == [3, 3, 3, 2, 2, 2, 1, 1, 1, 0]


def test_two_messages_may_be_grave_only_together() -> None:
    assert risk.assess(said("one half"), judge).tier is Tier.NONE
    together = risk.assess(said("one half", "the other"), judge)
    assert (together.tier, together.own) == (Tier.CONCERN, Tier.NONE)
    assert risk.assess(said("one half", "soup", "soup", "the other"), judge).tier is Tier.NONE


def test_a_faint_hint_counts_in_a_first_message_only() -> None:
    def faintly(texts: Sequence[str]) -> list[RiskAssessment]:
        return [replace(part, cues=(*part.cues, "faintly_learned")) for part in judge(texts)]

    hint = "in all that there is a hint of something"
    assert risk.assess(said(hint), faintly).tier is Tier.CONCERN
    assert risk.assess(said("soup", hint), judge).tier is Tier.CONCERN
    assert risk.assess(said("soup", hint), faintly).tier is Tier.NONE
    assert risk.assess(said("one half", "the other"), faintly).tier is Tier.NONE


def test_only_the_last_words_of_long_messages_are_read_together() -> None:
    asked: list[str] = []

    def asking(texts: Sequence[str]) -> list[RiskAssessment]:
        asked[:] = texts
        return judge(texts)

    risk.assess(said("first " * 60, "second " * 60, "third " * 60), asking)
    assert asked[-1].split() == ["second"] * (TOGETHER_WORDS - 60) + ["third"] * 60
    risk.assess(said("long " * 200), asking)
    assert asked[-1] == asked[0]


def test_a_short_answer_is_judged_only_with_what_was_said_before() -> None:
    later = risk.assess(said("the garden and the rain", "some thoughts"), judge)
    assert (later.tier, later.own) == (Tier.CONCERN, Tier.NONE)
    first = risk.assess(said("some thoughts"), judge)
    assert (first.tier, first.own) == (Tier.ACTIVE, Tier.ACTIVE)


def test_a_few_words_in_a_talk_count_where_they_are_plainly_grave() -> None:
    def surely(texts: Sequence[str]) -> list[RiskAssessment]:
        return [replace(part, cues=(*part.cues, "surely_learned")) for part in judge(texts)]

    talk = said("the garden and the rain", "he comes now")
    assert risk.assess(talk, judge).own is Tier.IMMINENT
    talk = said("the garden and the rain", "some thoughts")
    assert risk.assess(talk, surely).own is Tier.ACTIVE


def test_what_was_said_before_may_make_a_message_harmless() -> None:
    def in_context(texts: Sequence[str]) -> list[RiskAssessment]:
        calm = RiskAssessment(Tier.NONE)
        return [calm if "novel" in t else part for t, part in zip(texts, judge(texts), strict=True)]

    long = "and here come some more words about thoughts of it"
    assert risk.assess(said("my novel and its people", long), in_context).tier is Tier.NONE
    assert risk.assess(said("the garden and the rain", long), in_context).own is Tier.ACTIVE


def test_older_topics_do_not_choose_the_words() -> None:
    found = risk.assess(said("here is a hint", "something else", "it is now"), judge)
    assert found.topics == {Topic.ABUSE}


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("Years ago I wanted to kill myself, and thoughts of it.", Tier.CONCERN),
        ("Years ago I wanted to kill myself, a hint of it.", Tier.DISTRESS),
        ("Years ago I wanted to kill myself, surely a hint of it.", Tier.CONCERN),
    ],
)
def test_where_rules_see_the_past_the_judge_has_to_be_sure(text: str, tier: Tier) -> None:
    def unsure(texts: Sequence[str]) -> list[RiskAssessment]:
        return [
            replace(part, cues=(*part.cues, "surely_learned")) if "surely" in words else part
            for words, part in zip(texts, judge(texts), strict=True)
        ]

    assert risk.assess(said(text), unsure).tier is tier


@pytest.mark.parametrize(
    ("texts", "corrected", "tier", "own"),
    [
        (["it is now"], 1, Tier.CONCERN, Tier.CONCERN),
        (["it is now", "soup"], 1, Tier.CONCERN, Tier.NONE),
        (["it is now", "and then again some thoughts of that kind"], 1, Tier.ACTIVE, Tier.ACTIVE),
        (["one half", "the other"], 2, Tier.NONE, Tier.NONE),
    ],
)
def test_what_was_misunderstood_is_a_concern_at_most(
    texts: list[str], corrected: int, tier: Tier, own: Tier
) -> None:
    now = risk.assess(said(*texts), judge, corrected)
    assert (now.tier, now.own) == (tier, own)


@pytest.mark.parametrize(
    ("texts", "someone_else"),
    [
        (["my friend"], True),
        (["my friend", "some thoughts"], False),
        (["my friend wants to kill himself, thoughts"], True),  # rules are surer of who it is
        (["soup"], False),
    ],
)
def test_whom_it_is_about(texts: list[str], someone_else: bool) -> None:
    assert risk.is_about_someone_else(risk.assess(said(*texts), judge)) is someone_else


@pytest.mark.parametrize(
    "who", ["I'm 14", "im 15 years old", "I am in 8th grade", "i'm a freshman in high school"]
)
def test_that_a_child_is_speaking_is_remembered(who: str) -> None:
    talk = [who, *["soup"] * 5, "a hint"]
    assert Topic.MINOR_AT_RISK in risk.assess(said(*talk), judge).topics
    assert risk.assess(said(who), judge).topics == set()


def test_a_question_about_means_is_remembered() -> None:
    between = ["The weather is grey.", "I had some soup.", "A walk, perhaps.", "Then some music."]
    talk = said("Which bridges around here are the tallest?", *between, "I lost my job today.")
    assert risk.assess(talk).tier is Tier.CONCERN
    assert risk.assess(talk[:-1]).tier is Tier.NONE


@pytest.mark.parametrize("who", ["I'm 41", "My son is 14", "I have 14 cats", "in 2014 I moved"])
def test_who_is_no_child(who: str) -> None:
    assert Topic.MINOR_AT_RISK not in risk.assess(said(who, "a hint"), judge).topics
