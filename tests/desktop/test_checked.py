from __future__ import annotations

from datetime import date

import pytest

from desktop.checked import checked_words

TODAY = date(2026, 12, 3)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 12, 3), "Checked on 3 December 2026, today"),
        (date(2026, 12, 2), "Checked on 2 December 2026, yesterday"),
        (date(2026, 11, 23), "Checked on 23 November 2026, 10 days ago"),
        (date(2026, 11, 2), "Checked on 2 November 2026, 1 month ago"),
        (date(2026, 6, 2), "Checked on 2 June 2026, 6 months ago"),
        (date(2026, 6, 4), "Checked on 4 June 2026, 5 months ago"),
        (date(2025, 12, 4), "Checked on 4 December 2025, 11 months ago"),
        (date(2025, 12, 3), "Checked on 3 December 2025, 1 year ago"),
        (date(2024, 1, 1), "Checked on 1 January 2024, 2 years ago"),
        (date(2026, 12, 4), "Checked on 4 December 2026"),  # the clock is wrong
    ],
)
def test_tells_the_day_and_the_whole_units_since(day: date, words: str) -> None:
    assert checked_words(day, TODAY) == words


def test_a_month_of_31_days_is_one_month() -> None:
    assert checked_words(date(2026, 1, 30), date(2026, 3, 2)).endswith("1 month ago")


def test_counts_from_the_clock() -> None:
    assert checked_words(date.today()).endswith("today")
