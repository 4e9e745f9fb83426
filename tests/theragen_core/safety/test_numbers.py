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
        "Listeners: 116 125",
        "Try the listeners on 555 123.",
        "Call 1999 now.",
        "Dial 2020.",
        "Call 9/9/8.",
        "Call triple eight.",
        "Ring double one two.",
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
        "You can call them 24 hours a day, 7 days a week.",
        "Contact a doctor if your temperature is over 103.",
        "Reach for 100 steps a day.",
        "Text a friend when you have walked 300 steps.",
        "The number of people is 300.",
    ],
)
def test_other_figures_are_left_alone(sentence: str) -> None:
    assert not has_unlisted_number(sentence, "", frozenset())


def test_numbers_of_the_directory_pass() -> None:
    known = directory.help_for("GB").dial_strings
    assert not has_unlisted_number("Call 116 123 or 999.", "", known)
    assert not has_unlisted_number("Call one one six, one two three.", "", known)
    assert not has_unlisted_number("You can call 999 24 hours a day.", "", known)
    assert has_unlisted_number("Call 116 124.", "", known)


def test_numbers_below_a_heading_are_numbers_to_call() -> None:
    assert has_unlisted_number("- Listeners 116 1", "Here are some hotlines:\n", frozenset())


def test_a_number_on_the_line_after_the_word_is_a_number_to_call() -> None:
    assert not has_unlisted_number("555\n", "", frozenset())
    assert has_unlisted_number("555\n", "Here is a number you can call:\n", frozenset())
