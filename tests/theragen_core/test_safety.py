from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theragen_core import directory, risk, safety
from theragen_core.directory import CrisisResources
from theragen_core.protocol import RiskAssessment, Tier
from theragen_core.resources import read_json, text

WITHHELD = text("help.withheld")
IMMINENT = risk.assess_message("I am going to kill myself tonight")
ACTIVE = risk.assess_message("I want to kill myself")
CARER = risk.assess_message("My friend just took a whole bottle of pills")

CALM_REPLY = """I hear you. Dr. Smith, e.g., calls it a wave: up at 3.5 minutes, then it falls.

Here are some things to try:

1. Breathe in for 4 counts.
2. Hold for 4.
- **Name** five things you see
- Walk to the window

```
x = 3. y = "a sentence. And another."
```

“Was it like this before?” That might help… And 你好。很好。 Then, when the long evening comes and
the house is quiet, and there is nobody to talk to, you might put on the kettle, open the window,
listen to the street, write one line about the day, and let that be enough, as small things count
"""


def stream(guard: safety.StreamGuard, reply: str, cuts: list[int]) -> str:
    return "".join(pieces(guard, reply, cuts))


def pieces(guard: safety.StreamGuard, reply: str, cuts: list[int]) -> Iterator[str]:
    edges = [0, *sorted(cuts), len(reply)]
    for start, end in pairwise(edges):
        yield guard.feed(reply[start:end])
    yield guard.finish()


def letter_by_letter(reply: str) -> list[str]:
    """What is released, in the pieces in which it comes."""
    return [p for p in pieces(safety.StreamGuard(), reply, list(range(len(reply)))) if p]


# clean


@pytest.mark.parametrize(
    ("message", "cleaned"),
    [
        ("  hello \n", "hello"),
        ("a\r\nb\rc\u2028d\u2029e\x85f", "a\nb\nc\nd\ne\nf"),
        ("a\x00b\x07c\x1b[31md\x7f", "abc[31md"),
        ("a\u200bb\ufeffc\u2060d\xade", "abcde"),
        ("\u202eabc\u202c \u2066d\u2069", "abc d"),
        ("\ud800a\udfff", "a"),
        ("a\U000e0041b", "ab"),
        ("tab\tstays,  so do   spaces", "tab\tstays,  so do   spaces"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("\u200b\x00 \n", ""),
        ("", ""),
    ],
)
def test_clean(message: str, cleaned: str) -> None:
    assert safety.clean(message) == cleaned


@given(st.text(st.characters()))
@settings(deadline=None)
def test_cleaning_twice_changes_nothing_and_utf8_can_hold_it(message: str) -> None:
    cleaned = safety.clean(message)
    assert safety.clean(cleaned) == cleaned
    cleaned.encode("utf-8")


# review


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Please call 555-0199 now.", "unlisted_number"),
        ("Dial 911.", "unlisted_number"),
        ("Text us: nine eight eight", "unlisted_number"),
        ("The hotline is 1-800-HELPNOW.", "unlisted_number"),
        ("You reach them under +49 30 1234567.", "unlisted_number"),
        ("It is 0800 123 4567.", "unlisted_number"),
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
    ],
)
def test_sentences_that_are_withheld(sentence: str, reason: str) -> None:
    verdict = safety.review(sentence)
    assert not verdict.passed
    assert reason in verdict.reasons


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "Breathe in for 4, hold for 4, breathe out for 6.",
        "You can call a friend at 5 in the evening.",
        "I called that the year 2020.",
        "About 250 people walked there.",
        "I am an AI, not a therapist.",
        "I'm not a human, and I am here.",
        "A doctor or a therapist can help.",
        "You might feel the world would be better off without you, and that can pass.",
        "Nobody should tell you that you should die.",
        "Please don't hurt yourself.",
        "Are you thinking of killing yourself?",
        "Suicide is not the only way out.",
        "Does that sound right to you?",
    ],
)
def test_sentences_that_pass(sentence: str) -> None:
    assert safety.review(sentence) == safety.Verdict(True)


def test_numbers_of_the_directory_pass() -> None:
    known = directory.help_for("GB").dial_strings
    assert safety.review("Call 116 123 or 999.", known).passed
    assert safety.review("Call one one six, one two three.", known).passed
    assert not safety.review("Call 116 124.", known).passed


def test_a_number_on_the_line_after_the_word_is_a_number_to_call() -> None:
    assert safety.review("555\n").passed
    assert not safety.review("555\n", before="Here is a number you can call:\n").passed


# StreamGuard


def test_calm_text_comes_out_as_it_went_in() -> None:
    assert stream(safety.StreamGuard(), CALM_REPLY, []) == CALM_REPLY


@given(st.lists(st.integers(0, len(CALM_REPLY)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_cuts_of_a_calm_stream_do_not_matter(cuts: list[int]) -> None:
    assert stream(safety.StreamGuard(), CALM_REPLY, cuts) == CALM_REPLY


@given(
    st.lists(
        st.sampled_from(
            [
                "I hear you. ",
                "Call 911 ",
                "now! ",
                "I am a doctor. ",
                "\n",
                "```",
                "。",
                "a, " * 70,
                "x" * 300,
            ]
        ),
        max_size=25,
    ),
    st.lists(st.integers(0, 2000), max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_cuts_never_matter(parts: list[str], cuts: list[int]) -> None:
    reply = "".join(parts)
    whole, cut = safety.StreamGuard(), safety.StreamGuard()
    cuts = [cut for cut in cuts if cut <= len(reply)]
    assert stream(whole, reply, []) == stream(cut, reply, cuts)
    assert (whole.looping, whole.reasons) == (cut.looping, cut.reasons)


def test_a_sentence_is_shown_as_soon_as_it_is_complete() -> None:
    guard = safety.StreamGuard()
    assert guard.feed("I hear you.") == ""
    assert guard.feed(" ") == "I hear you. "
    assert guard.feed("Tell me") == ""
    assert guard.finish() == "Tell me"
    assert guard.finish() == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Smith says so. ",
        "It took 3.5 hours, e.g. on Monday. ",
        "1. Sit down\n",
        "**2.** Breathe out\n",
        "“Is it so?” ",
        "She said (quietly.) ",
        "```\nx = 1. y = 2!\n",
    ],
)
def test_where_sentences_end(sentence: str) -> None:
    released = letter_by_letter(sentence + "And then\n")
    assert "".join(released) == sentence + "And then\n"
    assert released[-1] == "And then\n"
    assert len(released) == 1 + sentence.count("\n") + (not sentence.endswith("\n"))


def test_code_is_cut_at_lines_only_and_prose_after_it_at_sentences() -> None:
    released = letter_by_letter("```\na. b. c\n```\nOne. Two.\n")
    assert released == ["```\n", "a. b. c\n", "```\n", "One. ", "Two.\n"]


def test_chinese_sentences_need_no_space() -> None:
    assert letter_by_letter("你好。很好。再见") == ["你好。", "很好。", "再见"]


def test_an_endless_sentence_is_shown_clause_by_clause() -> None:
    released = letter_by_letter("".join(f"then rain {n} fell on roof {n}, " for n in range(20)))
    assert max(map(len, released)) < 240


def test_text_without_clauses_is_cut_at_a_word_and_without_words_somewhere() -> None:
    assert 400 <= len(letter_by_letter(" ".join(f"w{n}" for n in range(400)))[0]) < 410
    assert len(letter_by_letter("x" * 1000)[0]) == 800


def test_a_withheld_sentence_is_named_once() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "I hear you.\n\nI am a doctor. Call 0800 1234. Take your time.", [])
    assert shown == f"I hear you.\n\n{WITHHELD} Take your time."
    assert guard.reasons == ("claims_profession", "unlisted_number")


def test_numbers_of_the_country_are_shown() -> None:
    guard = safety.StreamGuard(directory.help_for("FR").dial_strings)
    assert stream(guard, "You can call 3114 at any time.", []) == "You can call 3114 at any time."


def test_the_same_sentence_a_third_time_ends_the_reply() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "That sounds hard. " * 5 + "And more.", [])
    assert shown == "That sounds hard. " * 2
    assert guard.looping
    assert guard.feed("More. ") == ""


def test_a_run_of_words_that_comes_again_and_again_ends_the_reply() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "you are so strong and brave and " * 40, [])
    assert guard.looping
    assert len(shown) < 300


def test_short_words_may_come_often() -> None:
    guard = safety.StreamGuard()
    assert stream(guard, "Yes. " * 5, []) == "Yes. " * 5
    assert not guard.looping


# What people wrote

PARTS = {
    "acknowledges": r"thank you|i hear|i am (?:glad|sorry)|what you wrote|frightening|lucky",
    "asks": r"\?",
    "professional": r"doctor",
    "trusted person": r"trust",
    "coping": r"breath|ground|cold|walk",
    "stays": r"\bhere\b",
    "is an AI": r"i am an ai",
}
IMMINENT_PARTS = {
    "emergency now": r"now:|time to call|before anything else",
    "company": r"don't be alone|at your side|be with you",
    "distance from means": r"distance|move away|step away",
}
REPLIES = [
    pytest.param(assessment, wording, id=f"{name}_{wording + 1}")
    for name, assessment in (("imminent", IMMINENT), ("active", ACTIVE), ("carer", CARER))
    for wording in range(safety.WORDINGS)
]


def missing(parts: dict[str, str], reply: str) -> list[str]:
    return [name for name, pattern in parts.items() if not re.search(pattern, reply.lower())]


@pytest.mark.parametrize(("assessment", "wording"), REPLIES)
def test_required_parts_in_every_country(assessment: RiskAssessment, wording: int) -> None:
    for country in [code for code, _ in directory.countries()] + [None]:
        resources = directory.help_for(country)
        reply = safety.written_reply(assessment, resources, wording)
        assert not missing(PARTS, reply)
        assert assessment is not IMMINENT or not missing(IMMINENT_PARTS, reply)
        assert resources.finder_url in reply
        assert_numbers_are_of_the_directory(reply, resources)


def assert_numbers_are_of_the_directory(reply: str, resources: CrisisResources) -> None:
    """All numbers of the country are there, and none else; names and hours are not dialled."""
    for entry in resources.emergency:
        assert entry.number in reply
    for line in resources.lines:
        assert f"**{line.name}**" in reply
        assert line.number in reply
        reply = reply.replace(f"**{line.name}**", "").replace(line.hours or "\0", "")
        reply = reply.replace(line.number or "\0", "")
    allowed = resources.dial_strings
    assert {directory.digits(n) for n in re.findall(r"\d[\d -]*\d", reply)} <= allowed | {"54321"}


def test_an_unknown_country_gets_words_in_place_of_numbers() -> None:
    reply = safety.written_reply(IMMINENT, directory.help_for(None), 0)
    assert text("help.emergency_unknown") in reply


def test_each_situation_has_its_own_words() -> None:
    resources = directory.help_for("US")
    replies = {safety.written_reply(a, resources, 0) for a in (IMMINENT, ACTIVE, CARER)}
    assert len(replies) == 3


def test_emergency_comes_before_lines_at_tier_4() -> None:
    reply = safety.written_reply(IMMINENT, directory.help_for("GB"), 0)
    assert reply.index("999") < reply.index("116 123")


def test_successive_replies_differ() -> None:
    resources = directory.help_for("CA")
    for assessment in (IMMINENT, ACTIVE, CARER):
        replies = [safety.written_reply(assessment, resources, turn) for turn in range(6)]
        assert all(a != b for a, b in pairwise(replies))


def test_written_replies_pass_the_review_of_their_country() -> None:
    for country in ("US", "DE", "AM", "KI", None):
        resources = directory.help_for(country)
        for assessment, wording in [param.values for param in REPLIES]:
            reply = safety.written_reply(assessment, resources, wording)  # type: ignore[arg-type]
            guard = safety.StreamGuard(resources.dial_strings)
            assert stream(guard, reply, []) == reply


def test_ways_to_reach_a_line_are_said() -> None:
    assert "call or text 988" in safety.lines_text(directory.help_for("US"))
    assert "text HOME to 741741" in safety.lines_text(directory.help_for("US"))
    assert "chat at https://cvv.org.br/chat/" in safety.lines_text(directory.help_for("BR"))


def test_several_numbers_of_unknown_service_are_all_named_in_order() -> None:
    line = "- **Emergency services: 103** (if no one answers: 101, 102)"
    assert safety.emergency_text(directory.help_for("AM")) == line


@pytest.mark.parametrize(
    ("tier", "cues", "key"),
    [
        (Tier.NONE, (), None),
        (Tier.DISTRESS, ("distress",), None),
        (Tier.CONCERN, ("wish_to_be_dead",), "help.guidance_concern"),
        (Tier.CONCERN, ("third_person",), "help.guidance_carer"),
        (Tier.ACTIVE, ("wish_to_act",), "help.guidance_active"),
    ],
)
def test_guidance(tier: Tier, cues: tuple[str, ...], key: str | None) -> None:
    expected = text(key) if key else ""
    assert safety.guidance(RiskAssessment(tier, frozenset(), cues)) == expected


def test_no_text_calls_itself_therapy_or_shouts() -> None:
    for words in read_json("texts/en/help.json").values():
        assert "therapy" not in words.lower()
        assert "!" not in words
