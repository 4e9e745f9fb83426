from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theragen_core.engines.reply_end import SentenceLimit, StopMarks
from theragen_core.prompts import TEXTUAL_MARKS

PARTS = ["[INST]", "[IN", "[", "I am ", "<<SYS>>", "<", "fine", ". ", "? ", "!"]
TEXTS = st.lists(st.sampled_from(PARTS)).map("".join)
CUTS = st.lists(st.integers(0, 40))


def pieces(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def shown(limiter: StopMarks | SentenceLimit, parts: list[str]) -> str:
    text = ""
    for part in parts:
        more, ended = limiter.feed(part)
        text += more
        if ended:
            return text
    return text + limiter.finish() if isinstance(limiter, StopMarks) else text


@given(text=TEXTS, cuts=CUTS)
def test_a_reply_ends_at_its_first_mark_however_it_is_cut(text: str, cuts: list[int]) -> None:
    first = min((at for mark in TEXTUAL_MARKS if (at := text.find(mark)) >= 0), default=len(text))

    assert shown(StopMarks(TEXTUAL_MARKS), pieces(text, cuts)) == text[:first]


def test_without_marks_nothing_is_held_back() -> None:
    assert StopMarks(()).feed("[") == ("[", False)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("That is sad. It hurts. It will pass. More.", "That is sad. It hurts. It will pass."),
        ("That is sad. What hurts? And more.", "That is sad. What hurts?"),
        ("How are you? It is 3.5 miles. Yes", "How are you? It is 3.5 miles. Yes"),
        ("No end", "No end"),
    ],
)
def test_three_sentences_or_a_question_are_enough(text: str, kept: str) -> None:
    for cuts in ([], list(range(len(text)))):
        assert shown(SentenceLimit(3), pieces(text, cuts)) == kept


@given(text=TEXTS, cuts=CUTS)
def test_without_a_limit_all_is_shown(text: str, cuts: list[int]) -> None:
    assert shown(SentenceLimit(0), pieces(text, cuts)) == text
