"""When something was checked, in words: the day, and how long ago that is."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, QLocale

from theragen_core.resources import LANGUAGE, text

_A_MONTH = 31  # days; below it days are counted


def checked_words(day: date, today: date | None = None) -> str:
    """For example "Checked on 2 June 2026, 5 months ago"."""
    shown = QLocale(LANGUAGE).toString(QDate(day.year, day.month, day.day), "d MMMM yyyy")
    age = _age(day, today or date.today())
    return text("window.checked_age", date=shown, age=age) if age else _without_age(shown)


def _without_age(shown: str) -> str:
    return text("window.checked", date=shown)


def _age(day: date, today: date) -> str:
    """Whole days, months or years; empty where the clock says that the day is still to come."""
    days = (today - day).days
    if days < 0:
        return ""
    if days < _A_MONTH:
        return text("window.age_today") if days == 0 else _count("day", days)
    months = (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day)
    return _count("month", max(1, months)) if months < 12 else _count("year", months // 12)


def _count(unit: str, count: int) -> str:
    key = f"window.age_{unit}"
    return text(key) if count == 1 else text(f"{key}s", count=count)
