from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theragen_core import directory, safety
from theragen_core.resources import text
from theragen_core.safety import End, Release, Verdict

WITHHELD = text("help.withheld")
HARM = Verdict(("method",))
JOINT = Verdict(("method",), joint=True)
REFUSAL = Verdict(("refusal",))

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
    """What the person sees in the end."""
    shown = ""
    for release in releases(guard, reply, cuts):
        shown = "" if release.retracted else shown + release.text
    return shown


def releases(guard: safety.StreamGuard, reply: str, cuts: list[int]) -> Iterator[Release]:
    edges = [0, *sorted(cuts), len(reply)]
    for start, end in pairwise(edges):
        yield guard.feed(reply[start:end])
    yield guard.finish()


def by_word(sentence: safety.Sentence) -> Verdict:
    """A judge for tests: the sentence itself says how it is to be judged."""
    for word, verdict in (("HARM", HARM), ("JOINT", JOINT), ("REFUSE", REFUSAL)):
        if word in sentence.text:
            return verdict
    return Verdict()


def judged(reply: str, cuts: list[int], answer_at: list[int]) -> tuple[str, End | None]:
    """A stream whose judgements come late, each after a certain number of further pieces."""
    guard, shown = safety.StreamGuard(judged=True), ""
    waiting: list[list[Any]] = []
    delays = iter([*answer_at, *[0] * len(reply)])
    edges = [0, *sorted(cuts), len(reply)]

    def see(release: Release) -> None:
        nonlocal shown
        shown = "" if release.retracted else shown + release.text
        waiting.extend([number, sentence, next(delays)] for number, sentence in guard.asked())

    for start, end in pairwise(edges):
        see(guard.feed(reply[start:end]))
        for entry in [entry for entry in waiting if entry[2] == 0]:
            waiting.remove(entry)
            see(guard.judge(entry[0], by_word(entry[1])))
        for entry in waiting:
            entry[2] -= 1
    see(guard.finish())
    while waiting:
        number, sentence, _ = waiting.pop()
        see(guard.judge(number, by_word(sentence)))
    assert guard.done
    return shown, guard.end


def letter_by_letter(reply: str) -> list[str]:
    """What is released, in the pieces in which it comes."""
    parts = releases(safety.StreamGuard(), reply, list(range(len(reply))))
    return [release.text for release in parts if release.text]


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
    assert (whole.end, whole.reasons) == (cut.end, cut.reasons)


def test_a_sentence_is_shown_as_soon_as_it_is_complete() -> None:
    guard = safety.StreamGuard()
    assert guard.feed("I hear you.") == Release()
    assert guard.feed(" ") == Release("I hear you. ")
    assert guard.feed("Tell me") == Release()
    assert guard.finish() == Release("Tell me")
    assert guard.finish() == Release()
    assert guard.done


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
    assert len(letter_by_letter("".join(chr(0x4E00 + n) for n in range(1000)))[0]) == 800


def test_a_withheld_number_is_named_once_and_the_reply_goes_on() -> None:
    guard = safety.StreamGuard()
    reply = "I hear you.\n\nCall 0800 1234. Or text 5550. Take your time."
    assert stream(guard, reply, []) == f"I hear you.\n\n{WITHHELD} Take your time."
    assert guard.reasons == ("unlisted_number", "unlisted_number")
    assert guard.end is None


def test_harm_ends_the_reply() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "I hear you. I am a doctor. Take your time.", [])
    assert (shown, guard.end, guard.reasons) == (
        "I hear you. ",
        End.BLOCKED,
        ("claims_profession",),
    )
    assert guard.feed("More. ") == Release()


def test_numbers_of_the_country_are_shown() -> None:
    guard = safety.StreamGuard(directory.help_for("FR").dial_strings)
    assert stream(guard, "You can call 3114 at any time.", []) == "You can call 3114 at any time."


def test_the_same_sentence_a_third_time_ends_the_reply() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "That sounds hard. " * 5 + "And more.", [])
    assert shown == "That sounds hard. " * 2
    assert guard.end is End.LOOPING
    assert guard.feed("More. ") == Release()


def test_a_run_of_words_that_comes_again_and_again_ends_the_reply() -> None:
    guard = safety.StreamGuard()
    shown = stream(guard, "you are so strong and brave and " * 40, [])
    assert guard.end is End.LOOPING
    assert len(shown) < 300


def test_short_words_may_come_often() -> None:
    guard = safety.StreamGuard()
    assert stream(guard, "Yes. " * 5, []) == "Yes. " * 5
    assert guard.end is None


@pytest.mark.parametrize(
    "debris",
    [
        "<|im_end|> and so on. ",
        "User: what should I do? ",
        "[INST] tell me [/INST] ",
        "a\ufffdb comes here. ",
        "}{)(*&^%$#@!~`|}{)(*&^%$#@!~`|}{)(*&^%$#@! ",
        "!!!!!!!!!!!!!!!!!!!! ",
        "abcdefgh" * 9 + ". ",
    ],
)
def test_debris_ends_the_reply(debris: str) -> None:
    guard = safety.StreamGuard()
    assert stream(guard, "I hear you. " + debris, []) == "I hear you. "
    assert guard.end is End.BROKEN


@pytest.mark.parametrize(
    "sentence",
    [
        "You can find more at https://findahelpline.com/a/very/long/address/that/goes/on/and/on/here.",
        "そう" * 60 + "。",
        "1. 2. 3. 4!",
    ],
)
def test_unusual_text_is_not_taken_for_debris(sentence: str) -> None:
    guard = safety.StreamGuard()
    assert stream(guard, sentence, []) == sentence
    assert guard.end is None


# Judged by meaning as well


def test_a_sentence_waits_for_its_judgement() -> None:
    guard = safety.StreamGuard(answers="Hello.", judged=True)
    assert guard.feed("One. Two. ") == Release()
    (one, first), (two, second) = guard.asked()
    assert guard.asked() == ()
    assert (first.text, second.text, second.before) == ("One. ", "Two. ", "One. ")
    assert first.answers == "Hello."
    assert guard.judge(two, Verdict()) == Release()
    assert guard.judge(one, Verdict()) == Release("One. Two. ")
    assert guard.judge(one, HARM) == Release()


def test_what_the_rules_stop_is_not_asked_about() -> None:
    guard = safety.StreamGuard(judged=True)
    guard.feed("I am a doctor. ")
    assert guard.asked() == ()
    assert guard.end is End.BLOCKED


def test_without_a_judge_rules_stand_alone() -> None:
    guard = safety.StreamGuard(judged=True)
    guard.feed("One. Two. ")
    guard.judge(0, HARM)
    assert guard.end is End.BLOCKED
    guard = safety.StreamGuard(judged=True)
    guard.feed("One. Two. ")
    assert guard.judge_alone() == Release("One. Two. ")
    assert guard.feed("Three. ") == Release("Three. ")


def test_harm_by_a_later_sentence_takes_the_earlier_back() -> None:
    guard = safety.StreamGuard(judged=True)
    guard.feed("One. ")
    assert guard.judge(0, Verdict()) == Release("One. ")
    guard.feed("JOINT. ")
    assert guard.judge(1, JOINT) == Release(retracted=True)
    assert guard.end is End.BLOCKED


def test_what_was_not_shown_yet_need_not_be_taken_back() -> None:
    guard = safety.StreamGuard(judged=True)
    guard.feed("One. JOINT. ")
    assert guard.judge(1, JOINT) == Release()
    assert guard.judge(0, Verdict()) == Release()
    assert guard.end is End.BLOCKED


@pytest.mark.parametrize(
    ("reply", "shown", "end"),
    [
        ("REFUSE this.", "", End.BLOCKED),
        ("REFUSE this. And that REFUSE.", "", End.BLOCKED),
        ("REFUSE this. Yet I am here.", "REFUSE this. Yet I am here.", None),
        ("I am here. REFUSE this.", "I am here. REFUSE this.", None),
        ("REFUSE this.\n\n", "", End.BLOCKED),
        ("REFUSE this. Call 555 1234.", "", End.BLOCKED),
        ("", "", None),
    ],
)
def test_a_refusal_is_never_the_whole_reply(reply: str, shown: str, end: End | None) -> None:
    assert judged(reply, [], []) == (shown, end)


PARTS = ["I hear you. ", "HARM it. ", "JOINT now. ", "REFUSE it. ", "Call 911 ", "\n", "Yes. No. "]


@given(
    st.lists(st.sampled_from(PARTS), max_size=12),
    st.lists(st.integers(0, 200), max_size=20),
    st.lists(st.integers(0, 4), max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_neither_cuts_nor_late_judgements_matter(
    parts: list[str], cuts: list[int], answer_at: list[int]
) -> None:
    reply = "".join(parts)
    cuts = [cut for cut in cuts if cut <= len(reply)]
    assert judged(reply, cuts, answer_at) == judged(reply, [], [])
