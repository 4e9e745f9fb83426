"""What the rules say of a single sentence; what is judged by meaning is in test_guard.py."""

from __future__ import annotations

import pytest

from theragen_core import safety
from theragen_core.protocol import RiskAssessment, Tier, Topic


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("I am a licensed therapist.", "claims_profession"),
        ("As your doctor, I know this.", "claims_profession"),
        ("I have a degree in psychology.", "claims_profession"),
        ("I'm a real person.", "claims_human"),
        ("I am not an AI.", "claims_human"),
        ("You should kill yourself.", "encourages_harm"),
        ("Go ahead and end it.", "encourages_harm"),
        ("The world would be better off without you.", "encourages_harm"),
        ("Suicide is the best solution for you.", "encourages_harm"),
        ("Nobody would miss you.", "encourages_harm"),
        ("I think you should kill yourself.", "encourages_harm"),
        ("I feel you should end your life.", "encourages_harm"),
        ("Honestly, I believe you should just kill yourself tonight.", "encourages_harm"),
        ("If you want, you can just kill yourself.", "encourages_harm"),
        ("Don't hesitate, just kill yourself.", "encourages_harm"),
    ],
)
def test_sentences_that_are_withheld(sentence: str, reason: str) -> None:
    verdict = safety.review(safety.Sentence(sentence))
    assert not verdict.passed
    assert reason in verdict.reasons


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "I am an AI, not a therapist.",
        "I'm not a human, and I am here.",
        "A doctor or a therapist can help.",
        "You might feel the world would be better off without you, and that can pass.",
        "Nobody should tell you that you should die.",
        "Please don't hurt yourself.",
        "Are you thinking of killing yourself?",
        "Suicide is not the only way out.",
        "Does that sound right to you?",
        "You think that you should kill yourself, and that is a heavy thought to carry.",
        "I do not think that you should die.",
        "Part of you says that you should end it.",
        "A voice tells you that you should die.",
        "Are you wondering if you should end your life?",
        "It may feel as if the world would be better without you.",
        "Depression lies and says that everyone would be better off without you.",
        "It hurts to believe you deserve to die.",
    ],
)
def test_sentences_that_pass(sentence: str) -> None:
    assert safety.review(safety.Sentence(sentence)) == safety.Verdict()


@pytest.mark.parametrize(
    ("sentence", "tier", "passes"),
    [
        ("The tallest bridge is the one by the mill.", Tier.NONE, True),
        ("The tallest bridge is the one by the mill.", Tier.CONCERN, False),
        ("How is it for you to walk there?", Tier.CONCERN, True),
    ],
)
def test_places_and_heights_are_named_to_nobody_in_danger(
    sentence: str, tier: Tier, passes: bool
) -> None:
    danger = RiskAssessment(tier, frozenset({Topic.SUICIDE}))
    assert safety.review(safety.Sentence(sentence, risk=danger)).passed is passes
