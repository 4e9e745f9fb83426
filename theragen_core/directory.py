"""Where help is: emergency numbers and verified helplines of each country, without network.

Knows the two tables in resources/ and nothing of how they are shown. Emergency numbers are in
the order in which they are offered: whoever sends an ambulance comes first. Where it is not known
which service answers which number, each is labelled `emergency` and all are offered.
A number that is not in the tables is never shown to anybody; `dial_strings` is the test for that.

A row that cannot be read is left out, and the rest is used: a damaged table still offers help.
`problems` names what is wrong; docs/DIRECTORY.md tells what "verified" means.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

from theragen_core.resources import ROOT

FINDER_URL = "https://findahelpline.com"
_TERRITORY = re.compile(r"[a-z]{2,3}(?:[_-][A-Z][a-z]{3})?[_-]([A-Z]{2})(?![A-Za-z])")
_DIALABLE = re.compile(r"\+?[0-9]+(?:[ -][0-9]+)*(?: ext\. [0-9]+)?")
_PAGE = re.compile(r"https://[^\s/]+\.[^\s/]+(?:/\S*)?")
_CODE = re.compile(r"[A-Z]{2}")

EMERGENCY_TABLE = "emergency_numbers.csv"
LINES_TABLE = "helplines.csv"
_COLUMNS = {
    EMERGENCY_TABLE: ["iso2", "country", "label", "number", "source", "checked_at"],
    LINES_TABLE: [
        *("iso2", "name", "methods", "number", "keyword", "hours", "languages", "free"),
        *("url", "source", "verified_at"),
    ],
}

_Entry = TypeVar("_Entry")


class Service(StrEnum):
    """Who answers, in the order in which numbers are offered."""

    GENERAL = "general"  # one number for everything
    AMBULANCE = "ambulance"
    EMERGENCY = "emergency"  # an emergency service; which one is not known
    FIRE = "fire"
    POLICE = "police"


class Method(StrEnum):
    CALL = "call"
    TEXT = "text"
    CHAT = "chat"


# The combinations for which there are words.
_WAYS = ((Method.CALL,), (Method.TEXT,), (Method.CALL, Method.TEXT), (Method.CHAT,))


@dataclass(frozen=True, slots=True)
class EmergencyNumber:
    label: Service
    number: str
    source: str
    checked_at: date


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A helpline that was checked on `verified_at`. A chat has a `url` in place of a number."""

    name: str
    methods: tuple[Method, ...]
    number: str  # as dialled inside the country
    keyword: str  # what to text, where a first word is needed
    hours: str  # empty: see its page
    languages: tuple[str, ...]  # none: see its page
    free: bool
    url: str
    source: str
    verified_at: date


@dataclass(frozen=True, slots=True)
class CrisisResources:
    """All that can be offered in one country; for an unknown one, only the finder."""

    country: str
    country_name: str
    emergency: tuple[EmergencyNumber, ...] = ()
    lines: tuple[HelpLine, ...] = ()
    finder_url: str = FINDER_URL

    @property
    def dial_strings(self) -> frozenset[str]:
        """The digits of every number that may be shown."""
        numbers = [entry.number for entry in self.emergency] + [line.number for line in self.lines]
        return frozenset(digits(number) for number in numbers if number)


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables by country; `unreadable` says what had to be left out, and why."""

    names: dict[str, str] = field(default_factory=dict)
    emergency: dict[str, tuple[EmergencyNumber, ...]] = field(default_factory=dict)
    lines: dict[str, tuple[HelpLine, ...]] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    def help_for(self, country: str | None) -> CrisisResources:
        """What is known for an ISO 3166 code. Unknown or None: no number, only the finder."""
        code = (country or "").upper()
        if code not in self.names:
            return CrisisResources("", "")
        return CrisisResources(
            code, self.names[code], self.emergency[code], self.lines.get(code, ())
        )


class _Unreadable(Exception):
    """Why a table or a row cannot be used, in words."""


def digits(number: str) -> str:
    """Only what is dialled: an extension is keyed in after the call is answered."""
    return re.sub(r"\D", "", number.partition("ext")[0])


def help_for(country: str | None) -> CrisisResources:
    """What is known for an ISO 3166 code. Unknown or None: no number, only the finder."""
    return _shipped().help_for(country)


def countries() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country of the table, by name."""
    return tuple(sorted(_shipped().names.items(), key=lambda entry: _sort_key(entry[1])))


def country_from_locale(name: str | None) -> str | None:
    """The country in a locale's name: "de_AT.UTF-8" and "zh-Hant-TW" give "AT" and "TW"."""
    found = _TERRITORY.match(name or "")
    return found[1] if found else None


def read(folder: Path = ROOT) -> Tables:
    """The tables in a folder, as far as they can be read. Never raises for their content."""
    if not os.path.isdir(folder):  # Path's own raises where it may not look
        return Tables(unreadable=(f"there is no folder {_said(str(folder))}",))
    names: dict[str, str] = {}
    emergency: dict[str, tuple[EmergencyNumber, ...]] = {}
    lines: dict[str, tuple[HelpLine, ...]] = {}
    unreadable: list[str] = []
    for row, number in _entries(folder / EMERGENCY_TABLE, _emergency_number, unreadable):
        country = row["iso2"]
        if names.setdefault(country, row["country"]) != row["country"]:
            unreadable.append(f"{country}: it has two names")
        emergency[country] = (*emergency.get(country, ()), number)
    for row, line in _entries(folder / LINES_TABLE, _helpline, unreadable):
        lines[row["iso2"]] = (*lines.get(row["iso2"], ()), line)
    return Tables(names, emergency, lines, tuple(unreadable))


def validate(folder: Path = ROOT) -> tuple[str, ...]:
    """Every fault in a folder's tables, as sentences; empty when they may be shipped."""
    return problems(read(folder), date.today())


def problems(tables: Tables, today: date) -> tuple[str, ...]:
    """Every fault, as sentences; empty when the tables may be shipped."""
    faults = list(tables.unreadable)
    for country, numbers in tables.emergency.items():
        faults += [f"{country}: {fault}" for fault in _emergency_faults(numbers, today)]
    for country, lines in tables.lines.items():
        if country not in tables.names:
            faults.append(f"{country}: a helpline, and no emergency number")
        twice = _repeated([(line.name, line.number) for line in lines])
        faults += [f"{country}: {name} is listed twice" for name, _ in twice]
        for line in lines:
            faults += [f"{country}: {line.name} {fault}" for fault in _line_faults(line, today)]
    return tuple(faults)


def _emergency_faults(numbers: Sequence[EmergencyNumber], today: date) -> list[str]:
    faults = [f"{n.number} cannot be dialled" for n in numbers if not _DIALABLE.fullmatch(n.number)]
    twice = _repeated([(entry.number, entry.label) for entry in numbers])
    faults += [f"{number} ({label}) is listed twice" for number, label in twice]
    labels = [entry.label for entry in numbers]
    if labels != sorted(labels, key=list(Service).index):
        faults.append("the numbers are not in the order in which they are offered")
    if set(labels) <= {Service.POLICE, Service.FIRE}:
        faults.append("no number sends an ambulance")
    faults += [f"{entry.number} has no source" for entry in numbers if not entry.source]
    late = [entry.number for entry in numbers if entry.checked_at > today]
    return faults + [f"{number} was checked on a day that is still to come" for number in late]


def _line_faults(line: HelpLine, today: date) -> list[str]:
    return [fault for fault, found in _line_checks(line, today).items() if found]


def _line_checks(line: HelpLine, today: date) -> dict[str, bool]:
    chat_only = line.methods == (Method.CHAT,)
    return {
        "has a number that cannot be dialled": bool(line.number)
        and not _DIALABLE.fullmatch(line.number),
        "has no number": not line.number and not chat_only,
        "has a number, and is a chat": bool(line.number) and chat_only,
        "has no name": not line.name,
        "cannot be reached in a way that there are words for": line.methods not in _WAYS,
        "has a first word, and is not for texts": bool(line.keyword)
        and line.methods != (Method.TEXT,),
        "has no page that starts with https://": not _PAGE.fullmatch(line.url),
        "has no source": not line.source,
        "was verified on a day that is still to come": line.verified_at > today,
    }


def _repeated(keys: Sequence[_Entry]) -> list[_Entry]:
    return [key for key, times in Counter(keys).items() if times > 1]


def _sort_key(name: str) -> str:
    return name.replace("Å", "A").replace("ü", "u").casefold()


@cache
def _shipped() -> Tables:
    return read()


def _entries(
    table: Path, parse: Callable[[dict[str, str]], _Entry], unreadable: list[str]
) -> Iterator[tuple[dict[str, str], _Entry]]:
    """The rows of a table with what each says; reasons to leave something out are added."""
    try:
        rows = _rows(table)
    except _Unreadable as reason:
        unreadable.append(f"{table.name} {reason}")
        return
    for number, row in rows:
        try:
            entry = parse(_checked(row))
        except _Unreadable as reason:
            unreadable.append(f"{table.name}, line {number}: {reason}")
        else:
            yield row, entry


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Each row with the number of the line on which it ends."""
    content = _content(table)
    if not content.strip():
        raise _Unreadable("is empty")
    reader = csv.DictReader(io.StringIO(content, newline=""))
    try:
        if reader.fieldnames != _COLUMNS[table.name]:
            raise _Unreadable(f"does not have the columns {', '.join(_COLUMNS[table.name])}")
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error:
        raise _Unreadable("is not a table of comma-separated values") from None
    if not rows:
        raise _Unreadable("has no rows")
    return rows


def _content(table: Path) -> str:
    try:
        return table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _Unreadable("is missing") from None
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8 text") from None
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from None


def _checked(row: dict[str, str]) -> dict[str, str]:
    """The row, when it has a cell for each column, and no cell hides something."""
    if None in row or None in row.values():
        raise _Unreadable("it has more or fewer cells than there are columns")
    for column, cell in row.items():
        if not cell.isprintable() or cell != cell.strip():
            raise _Unreadable(f"{column} has characters that cannot be seen")
    if not _CODE.fullmatch(row["iso2"]):
        raise _Unreadable(f"“{_said(row['iso2'])}” is not a country's two capital letters")
    return row


def _emergency_number(row: dict[str, str]) -> EmergencyNumber:
    if not row["country"]:
        raise _Unreadable("the country has no name")
    label = _one_of(Service, row["label"], "label")
    return EmergencyNumber(label, row["number"], row["source"], _date(row["checked_at"]))


def _helpline(row: dict[str, str]) -> HelpLine:
    if row["free"] not in ("yes", "no"):
        raise _Unreadable(f"“{_said(row['free'])}” is neither yes nor no")
    return HelpLine(
        name=row["name"],
        methods=tuple(_one_of(Method, word, "method") for word in row["methods"].split("|")),
        number=row["number"],
        keyword=row["keyword"],
        hours=row["hours"],
        languages=tuple(filter(None, row["languages"].split("|"))),
        free=row["free"] == "yes",
        url=row["url"],
        source=row["source"],
        verified_at=_date(row["verified_at"]),
    )


def _one_of(kind: Callable[[str], _Entry], word: str, what: str) -> _Entry:
    try:
        return kind(word)
    except ValueError:
        raise _Unreadable(f"“{_said(word)}” is not a {what}") from None


def _date(word: str) -> date:
    try:
        found = date.fromisoformat(word)
    except ValueError:
        found = None
    if found is None or found.isoformat() != word:  # 20261125 and 2026-W48 are dates for Python
        raise _Unreadable(f"“{_said(word)}” is not a date such as 2026-11-25")
    return found


def _said(word: str) -> str:
    """A word of a table for a sentence: short, and nothing that a terminal would obey."""
    return "".join(c for c in word if c.isprintable())[:60]
