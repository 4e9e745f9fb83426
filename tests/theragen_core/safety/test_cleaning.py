from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theragen_core import safety


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
