from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from theragen_core import directory
from theragen_core.directory import CrisisResources, Method, Service

EMERGENCY_HEAD = "iso2,country,label,number,source,checked_at\n"
LINES_HEAD = "iso2,name,methods,number,keyword,hours,languages,free,url,source,verified_at\n"


def tables(folder: Path, emergency: str, lines: str = "") -> Path:
    (folder / "emergency_numbers.csv").write_text(EMERGENCY_HEAD + emergency, encoding="utf-8")
    (folder / "helplines.csv").write_text(LINES_HEAD + lines, encoding="utf-8")
    return folder


def test_the_tables_have_no_fault() -> None:
    assert directory.validate() == ()


def test_most_of_the_world_is_there() -> None:
    assert len(directory.countries()) >= 190


@pytest.mark.parametrize("country", [code for code, _ in directory.countries()])
def test_every_country_has_a_number_and_the_finder(country: str) -> None:
    resources = directory.help_for(country)
    assert resources.country == country
    assert resources.country_name
    assert resources.emergency
    assert resources.finder_url == directory.FINDER_URL
    assert resources.emergency[0].label is not Service.POLICE
    assert all(entry.checked_at <= date.today() for entry in resources.emergency)
    assert all(line.verified_at <= date.today() for line in resources.lines)


@pytest.mark.parametrize(
    ("country", "label", "number"),
    [
        ("US", Service.GENERAL, "911"),
        ("GB", Service.GENERAL, "999"),
        ("DE", Service.GENERAL, "112"),
        ("AU", Service.GENERAL, "000"),
        ("IN", Service.GENERAL, "112"),
        ("JP", Service.AMBULANCE, "119"),
        ("CN", Service.AMBULANCE, "120"),
        ("BR", Service.AMBULANCE, "192"),
        ("NO", Service.AMBULANCE, "113"),
    ],
)
def test_who_is_called_first(country: str, label: Service, number: str) -> None:
    first = directory.help_for(country).emergency[0]
    assert (first.label, first.number) == (label, number)


def test_helplines_carry_what_a_person_needs() -> None:
    france = directory.help_for("FR").lines
    assert [line.number for line in france] == ["3114"]
    text_line = directory.help_for("GB").lines[1]
    assert (text_line.methods, text_line.number) == ((Method.TEXT,), "85258")
    assert text_line.keyword == "SHOUT"
    assert text_line.verified_at == date(2026, 6, 2)


@pytest.mark.parametrize("country", [None, "", "ZZ", "Atlantis", "\ud800"])
def test_an_unknown_country_has_only_the_finder(country: str | None) -> None:
    assert directory.help_for(country) == CrisisResources("", "")
    assert directory.help_for(country).dial_strings == frozenset()


def test_a_code_in_small_letters_is_known() -> None:
    assert directory.help_for("at") == directory.help_for("AT")


def test_dial_strings_are_digits_without_extensions() -> None:
    assert {"112", "119"} <= directory.help_for("ID").dial_strings
    assert "01202793" + "38" in directory.help_for("JP").dial_strings
    assert all(number.isdigit() for number in directory.help_for("BR").dial_strings)


def test_countries_are_in_the_order_of_their_names() -> None:
    names = [name for _, name in directory.countries()]
    assert names[:3] == ["Afghanistan", "Åland Islands", "Albania"]
    assert names.index("Tunisia") < names.index("Türkiye") < names.index("Turkmenistan")


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("de_AT.UTF-8", "AT"),
        ("en-US", "US"),
        ("en_GB", "GB"),
        ("zh-Hant-TW", "TW"),
        ("sr_RS@latin", "RS"),
        ("fil_PH", "PH"),
        ("C", None),
        ("C.UTF-8", None),
        ("POSIX", None),
        ("en", None),
        ("es_419", None),
        ("", None),
        (None, None),
    ],
)
def test_country_of_a_locale(name: str | None, country: str | None) -> None:
    assert directory.country_from_locale(name) == country


@pytest.mark.parametrize(
    ("emergency", "lines", "fault"),
    [
        ("AA,Aland,general,help,us,2026-01-01\n", "", "AA: help cannot be dialled"),
        (
            "AA,Aland,police,110,us,2026-01-01\nAA,Aland,ambulance,120,us,2026-01-01\n",
            "",
            "AA: the numbers are not in the order in which they are offered",
        ),
        ("AA,Aland,fire,9,us,2026-01-01\n" * 2, "", "AA: a number is listed twice"),
        ("AA,Aland,fire,9,,2026-01-01\n", "", "AA: a number has no source"),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "BB,Line,call,116,,,en,yes,https://x.org,us,2026-01-01\n",
            "BB: a helpline, and no emergency number",
        ),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "AA,Line,call,116,,,en,yes,https://x.org,us,2026-01-01\n" * 2,
            "AA: a helpline is listed twice",
        ),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "AA,Line,call,,,,en,yes,https://x.org,us,2026-01-01\n",
            "AA: Line has no number",
        ),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "AA,Line,call,+,,,en,yes,x.org,,2026-01-01\n",
            "AA: Line has a number that cannot be dialled",
        ),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "AA,Line,call,116,,,en,yes,x.org,us,2026-01-01\n",
            "AA: Line has no page",
        ),
        (
            "AA,Aland,fire,9,us,2026-01-01\n",
            "AA,Line,call,116,,,en,yes,https://x.org,,2026-01-01\n",
            "AA: Line has no source",
        ),
    ],
)
def test_faults_of_a_table_are_named(
    tmp_path: Path, emergency: str, lines: str, fault: str
) -> None:
    assert fault in directory.validate(tables(tmp_path, emergency, lines))


@pytest.mark.parametrize("row", ["AA,Aland,medic,9,us,2026-01-01", "AA,Aland,fire,9,us,June"])
def test_unreadable_rows_are_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(ValueError, match=r"medic|June"):
        directory.validate(tables(tmp_path, row))
