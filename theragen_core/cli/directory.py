"""The directory of help under inspection: what is in it, how old it is, and what is wrong with it.

For those who look after the tables, so its words are here and not in resources/texts; `--country`
shows what people see. Faults go to stderr, a sentence each, and make the exit code 2. What the
package phonenumbers doubts is only told: it does not know crisis lines that exist.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from theragen_core import directory, safety
from theragen_core.cli.chat_output import help_lines
from theragen_core.cli.lines import print_lines
from theragen_core.directory import Service, Tables
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.resources import ROOT


@dataclass(frozen=True, slots=True)
class _Entry:
    country: str
    what: str
    number: str
    on: date  # when it was checked or verified


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--country", metavar="XX", help="two letters: what people see there")
    parser.add_argument("--older-than", type=_days, default=365, metavar="DAYS")
    parser.add_argument("--table", type=Path, default=ROOT, metavar="FOLDER", help="another copy")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _days(word: str) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 6:
        raise argparse.ArgumentTypeError("give a number of days, such as 365")
    return int(word)


def run(options: argparse.Namespace) -> int:
    """Show the tables, or one country of them, and return 2 if they have a fault.

    Raises UserError for a country that is not in them.
    """
    tables, today = directory.read(options.table), date.today()
    faults = directory.problems(tables, today)
    if options.country is None or not tables.names:
        shown = _summary(tables, today, options.older_than)
        lines = _summary_lines(shown)
    else:
        shown = _country(tables, options.country)
        lines = [shown["name"], *(f"  {line}" for line in shown["lines"])]
    shown = {"valid": not faults, "faults": faults, **shown}
    print_lines([json.dumps(shown)] if options.json else lines)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 2 if faults else 0


def _country(tables: Tables, code: str) -> dict[str, Any]:
    found = tables.help_for(code)
    if not found.country:
        raise UserError(Fault.COUNTRY_UNKNOWN, country=safety.clean(code))
    return {"country": found.country, "name": found.country_name, "lines": help_lines(found)}


def _summary(tables: Tables, today: date, limit: int) -> dict[str, Any]:
    numbers = [number for found in tables.emergency.values() for number in found]
    labels = Counter(number.label for number in numbers)
    entries = sorted(_entries(tables), key=lambda entry: entry.on)
    return {
        "countries": len(tables.names),
        "countries_with_known_service": sum(_service_known(c, tables) for c in tables.names),
        "emergency_numbers": len(numbers),
        "by_label": {str(label): labels[label] for label in Service},
        "lines": sum(map(len, tables.lines.values())),
        "countries_with_lines": len(tables.lines),
        "oldest": _told(entries[0], today) if entries else None,
        "older_than_days": limit,
        "older": [_told(entry, today) for entry in entries if (today - entry.on).days > limit],
        "doubted_by_phonenumbers": _doubted(tables),
    }


def _summary_lines(shown: dict[str, Any]) -> list[str]:
    labels = ", ".join(f"{count} {label}" for label, count in shown["by_label"].items())
    oldest = _entry_line(shown["oldest"]) if shown["oldest"] else "none"
    doubted = shown["doubted_by_phonenumbers"]
    known = shown["countries_with_known_service"]
    return [
        f"Countries: {shown['countries']}; in {known} it is known who answers",
        f"Emergency numbers: {shown['emergency_numbers']} ({labels})",
        f"Verified lines: {shown['lines']} in {shown['countries_with_lines']} countries",
        f"Oldest entry: {oldest}",
        f"Older than {shown['older_than_days']} days: {len(shown['older'])}",
        *(f"  {_entry_line(entry)}" for entry in shown["older"]),
        "Not asked: the package phonenumbers is not installed"
        if doubted is None
        else f"Unknown to phonenumbers, which is no reason to leave a line out: {len(doubted)}",
        *(f"  {line}" for line in doubted or ()),
    ]


def _entries(tables: Tables) -> list[_Entry]:
    numbers = [
        _Entry(country, str(entry.label), entry.number, entry.checked_at)
        for country, found in tables.emergency.items()
        for entry in found
    ]
    return numbers + [
        _Entry(country, line.name, line.number, line.verified_at)
        for country, found in tables.lines.items()
        for line in found
    ]


def _told(entry: _Entry, today: date) -> dict[str, str | int]:
    return {
        "country": entry.country,
        "what": entry.what,
        "number": entry.number,
        "on": entry.on.isoformat(),
        "days": (today - entry.on).days,
    }


def _entry_line(entry: dict[str, Any]) -> str:
    name = " ".join(filter(None, (entry["country"], entry["what"], entry["number"])))
    return f"{name}, {entry['on']}, {entry['days']} days ago"


def _service_known(country: str, tables: Tables) -> bool:
    return any(entry.label is not Service.EMERGENCY for entry in tables.emergency[country])


def _doubted(tables: Tables) -> list[str] | None:
    """The lines whose number the package phonenumbers does not know; None where it is missing."""
    try:
        package: Any = importlib.import_module("phonenumbers")
    except ImportError:
        return None
    return [
        f"{country} {line.name} {line.number}"
        for country, found in tables.lines.items()
        for line in found
        if line.number and not _known(package, line.number, country)
    ]


def _known(package: Any, number: str, country: str) -> bool:
    try:
        parsed = package.parse(directory.digits(number), country)
    except package.NumberParseException:
        return False
    return bool(
        package.is_valid_number_for_region(parsed, country)
        or package.is_valid_short_number_for_region(parsed, country)
    )
