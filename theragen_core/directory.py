"""Where help is: emergency numbers and verified helplines of each country, without network.

Knows the two tables in resources/ and nothing of how they are shown. Emergency numbers are in
the order in which they are offered: whoever sends an ambulance comes first. Where it is not known
which service answers which number, each is labelled `emergency` and all are offered.
A number that is not in the tables is never shown to anybody; `dial_strings` is the test for that.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from theragen_core.resources import ROOT

FINDER_URL = "https://findahelpline.com"
_TERRITORY = re.compile(r"[a-z]{2,3}(?:[_-][A-Z][a-z]{3})?[_-]([A-Z]{2})(?![A-Za-z])")
_DIALABLE = re.compile(r"\+?\d[\d -]*(?: ext\. \d+)?")


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
    languages: tuple[str, ...]
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
class _Directory:
    names: dict[str, str]
    emergency: dict[str, tuple[EmergencyNumber, ...]]
    lines: dict[str, tuple[HelpLine, ...]]


def digits(number: str) -> str:
    """Only what is dialled: an extension is keyed in after the call is answered."""
    return re.sub(r"\D", "", number.partition("ext")[0])


def help_for(country: str | None) -> CrisisResources:
    """What is known for an ISO 3166 code. Unknown or None: no number, only the finder."""
    tables = _directory()
    code = (country or "").upper()
    if code not in tables.names:
        return CrisisResources("", "")
    return CrisisResources(
        code, tables.names[code], tables.emergency[code], tables.lines.get(code, ())
    )


def countries() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country of the table, by name."""
    return tuple(sorted(_directory().names.items(), key=lambda entry: _sort_key(entry[1])))


def country_from_locale(name: str | None) -> str | None:
    """The country in a locale's name: "de_AT.UTF-8" and "zh-Hant-TW" give "AT" and "TW"."""
    found = _TERRITORY.match(name or "")
    return found[1] if found else None


def validate(folder: Path = ROOT) -> tuple[str, ...]:
    """Every fault in the two tables, as sentences; empty when they may be shipped.

    Raises ValueError for a date, label or method that cannot be read at all.
    """
    tables = _directory(folder)
    faults: list[str] = []
    for country, numbers in tables.emergency.items():
        faults += [f"{country}: {fault}" for fault in _emergency_faults(numbers)]
    for country, lines in tables.lines.items():
        if country not in tables.names:
            faults.append(f"{country}: a helpline, and no emergency number")
        if len({(line.name, line.number) for line in lines}) < len(lines):
            faults.append(f"{country}: a helpline is listed twice")
        faults += [f"{country}: {line.name} {fault}" for line in lines for fault in _faults(line)]
    return tuple(faults)


def _emergency_faults(numbers: Sequence[EmergencyNumber]) -> list[str]:
    faults = [f"{n.number} cannot be dialled" for n in numbers if not _DIALABLE.fullmatch(n.number)]
    if len({(entry.label, entry.number) for entry in numbers}) < len(numbers):
        faults.append("a number is listed twice")
    labels = [entry.label for entry in numbers]
    if labels != sorted(labels, key=list(Service).index):
        faults.append("the numbers are not in the order in which they are offered")
    if not all(entry.source for entry in numbers):
        faults.append("a number has no source")
    return faults


def _faults(line: HelpLine) -> list[str]:
    faults = []
    if line.number and not _DIALABLE.fullmatch(line.number):
        faults.append("has a number that cannot be dialled")
    if not line.number and line.methods != (Method.CHAT,):
        faults.append("has no number")
    if not line.url.startswith("https://"):
        faults.append("has no page")
    if not line.source:
        faults.append("has no source")
    return faults


def _sort_key(name: str) -> str:
    return name.replace("Å", "A").replace("ü", "u").casefold()


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _directory(folder: Path = ROOT) -> _Directory:
    names: dict[str, str] = {}
    emergency: dict[str, tuple[EmergencyNumber, ...]] = {}
    lines: dict[str, tuple[HelpLine, ...]] = {}
    for row in _rows(folder / "emergency_numbers.csv"):
        country = row["iso2"]
        names[country] = row["country"]
        emergency[country] = (*emergency.get(country, ()), _emergency_number(row))
    for row in _rows(folder / "helplines.csv"):
        country = row["iso2"]
        lines[country] = (*lines.get(country, ()), _helpline(row))
    return _Directory(names, emergency, lines)


def _emergency_number(row: dict[str, str]) -> EmergencyNumber:
    checked = date.fromisoformat(row["checked_at"])
    return EmergencyNumber(Service(row["label"]), row["number"], row["source"], checked)


def _helpline(row: dict[str, str]) -> HelpLine:
    return HelpLine(
        name=row["name"],
        methods=tuple(Method(method) for method in row["methods"].split("|")),
        number=row["number"],
        keyword=row["keyword"],
        hours=row["hours"],
        languages=tuple(row["languages"].split("|")),
        free=row["free"] == "yes",
        url=row["url"],
        source=row["source"],
        verified_at=date.fromisoformat(row["verified_at"]),
    )
