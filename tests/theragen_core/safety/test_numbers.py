from __future__ import annotations

import pytest

from theragen_core import directory
from theragen_core.safety.numbers import has_unlisted_number


@pytest.mark.parametrize(
    "sentence",
    [
        "Please call 555-0199 now.",
        "Dial 911.",
        "Text us: nine eight eight",
        "The hotline is 1-800-HELPNOW.",
        "You reach them under +49 30 1234567.",
        "It is 0800 123 4567.",
        "Ring 0800\N{NON-BREAKING HYPHEN}555\N{NON-BREAKING HYPHEN}01.",
    ],
)
def test_numbers_that_nobody_checked_are_seen(sentence: str) -> None:
    assert has_unlisted_number(sentence, "", frozenset())


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "Breathe in for 4, hold for 4, breathe out for 6.",
        "You can call a friend at 5 in the evening.",
        "I called that the year 2020.",
        "About 250 people walked there.",
        "They answer 24/7, so call.",
    ],
)
def test_other_figures_are_left_alone(sentence: str) -> None:
    assert not has_unlisted_number(sentence, "", frozenset())


def test_numbers_of_the_directory_pass() -> None:
    known = directory.help_for("GB").dial_strings
    assert not has_unlisted_number("Call 116 123 or 999.", "", known)
    assert not has_unlisted_number("Call one one six, one two three.", "", known)
    assert has_unlisted_number("Call 116 124.", "", known)


def test_a_number_on_the_line_after_the_word_is_a_number_to_call() -> None:
    assert not has_unlisted_number("555\n", "", frozenset())
    assert has_unlisted_number("555\n", "Here is a number you can call:\n", frozenset())
