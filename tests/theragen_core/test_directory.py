from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theragen_core import directory, safety
from theragen_core.directory import CrisisResources, Method, Service
from theragen_core.resources import ROOT

EMERGENCY_HEAD = "iso2,country,label,number,source,checked_at\n"
LINES_HEAD = "iso2,name,methods,number,keyword,hours,languages,free,url,source,verified_at\n"
FIRE = "AA,Aland,emergency,9,us,2026-01-01\n"
LINE = "AA,Line,call,116,,,en,yes,https://x.org,us,2026-01-01\n"


def tables(folder: Path, emergency: str = FIRE, lines: str = LINE) -> Path:
    (folder / "emergency_numbers.csv").write_text(EMERGENCY_HEAD + emergency, encoding="utf-8")
    (folder / "helplines.csv").write_text(LINES_HEAD + lines, encoding="utf-8")
    return folder


def test_the_tables_have_no_fault() -> None:
    assert directory.validate() == ()


def test_a_sound_table_has_no_fault(tmp_path: Path) -> None:
    assert directory.validate(tables(tmp_path)) == ()


def test_the_whole_world_is_there() -> None:
    assert len(directory.countries()) == 240


def test_lines_are_verified_in_many_countries() -> None:
    shipped = directory.read()
    assert len(shipped.lines) >= 29
    assert sum(map(len, shipped.lines.values())) >= 39


def test_every_line_has_words() -> None:
    for country in directory.read().lines:
        assert safety.lines_text(directory.help_for(country))


def test_what_was_read_on_a_page_names_that_page() -> None:
    """Behind a line stands the dated CC0 set, or a page of its operator or of a government."""
    with (ROOT / "helplines.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if "Kouki-odaka/open-helplines" in row["source"]:
                assert row["verified_at"] == "2026-06-02"
                continue
            page, _, how = row["source"].partition(" (")
            assert page.startswith(("https://", "http://")), row["source"]
            who, _, when = how.removesuffix(")").partition(", as stored; read ")
            assert who in ("operator's page", "operator's pages", "government's page")
            assert when == row["verified_at"]
            assert "wikipedia" not in page


def test_free_is_said_only_where_the_page_says_so() -> None:
    free = {
        c: [line.free for line in directory.help_for(c).lines] for c in ("AU", "BE", "NO", "NZ")
    }
    assert free == {"AU": [False], "BE": [False], "NO": [False], "NZ": [True]}


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
    ("emergency", "fault"),
    [
        ("AA,Aland,general,help,us,2026-01-01\n", "AA: help cannot be dialled"),
        (
            "AA,Aland,general,1 ,us,2026-01-01\n",
            "line 2: number has characters that cannot be seen",
        ),
        ("AA,Aland,general,١٢,us,2026-01-01\n", "AA: ١٢ cannot be dialled"),
        (
            "AA,Aland,police,110,us,2026-01-01\nAA,Aland,ambulance,120,us,2026-01-01\n",
            "AA: the numbers are not in the order in which they are offered",
        ),
        (FIRE * 2, "AA: 9 (emergency) is listed twice"),
        ("AA,Aland,police,9,us,2026-01-01\n", "AA: no number sends an ambulance"),
        ("AA,Aland,general,9,,2026-01-01\n", "AA: 9 has no source"),
        (FIRE + "AA,Oland,fire,8,us,2026-01-01\n", "AA: it has two names"),
        ("AA,Aland,medic,9,us,2026-01-01\n", "line 2: “medic” is not a label"),
        ("AA,Aland,fire,9,us,June\n", "line 2: “June” is not a date such as 2026-11-25"),
        ("AA,Aland,fire,9,us,20260101\n", "line 2: “20260101” is not a date"),
        ("AA,,fire,9,us,2026-01-01\n", "line 2: the country has no name"),
        ("Aa,Aland,fire,9,us,2026-01-01\n", "line 2: “Aa” is not a country's two capital letters"),
        ("AA,Aland,fire,9,us\n", "line 2: it has more or fewer cells than there are columns"),
        (FIRE[:-1] + ",x\n", "line 2: it has more or fewer cells than there are columns"),
        ("AA,A\x1b[2Jland,fire,9,us,2026-01-01\n", "line 2: country has characters that cannot"),
        ("AA,Aland,\x1b[2J,9,us,2026-01-01\n", "line 2: label has characters that cannot be seen"),
    ],
)
def test_faults_of_emergency_numbers_are_named(tmp_path: Path, emergency: str, fault: str) -> None:
    found = directory.validate(tables(tmp_path, emergency))
    assert any(fault in sentence for sentence in found), found
    assert all(sentence.isprintable() for sentence in found)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (LINE.replace("AA", "BB"), "BB: a helpline, and no emergency number"),
        (LINE * 2, "AA: Line is listed twice"),
        (LINE.replace("116", ""), "AA: Line has no number"),
        (LINE.replace("116", "+"), "AA: Line has a number that cannot be dialled"),
        (LINE.replace("116", "1--6"), "AA: Line has a number that cannot be dialled"),
        (LINE.replace("call", "chat"), "AA: Line has a number, and is a chat"),
        (LINE.replace("Line", ""), "AA:  has no name"),
        (
            LINE.replace("call", "text|chat"),
            "AA: Line cannot be reached in a way that there are words",
        ),
        (LINE.replace("116,", "116,HOME"), "AA: Line has a first word, and is not for texts"),
        (LINE.replace("https", "http"), "AA: Line has no page that starts with https://"),
        (LINE.replace("x.org", ""), "AA: Line has no page that starts with https://"),
        (LINE.replace("us,", ","), "AA: Line has no source"),
        (LINE.replace("call", "fax"), "helplines.csv, line 2: “fax” is not a method"),
        (LINE.replace("yes", "maybe"), "helplines.csv, line 2: “maybe” is neither yes nor no"),
        (
            LINE.replace("2026-01", "2026-13"),
            "line 2: “2026-13-01” is not a date such as 2026-11-25",
        ),
    ],
)
def test_faults_of_lines_are_named(tmp_path: Path, lines: str, fault: str) -> None:
    found = directory.validate(tables(tmp_path, lines=lines))
    assert any(fault in sentence for sentence in found), found
    assert len(found) == 1


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    found = directory.validate(tables(tmp_path, FIRE.replace("us", "") + "AA\n", LINE * 2))
    assert len(found) == 3


def test_no_day_is_still_to_come(tmp_path: Path) -> None:
    read = directory.read(tables(tmp_path))
    checked = date(2026, 1, 1)
    assert directory.problems(read, checked) == ()
    assert directory.problems(read, checked - timedelta(days=1)) == (
        "AA: 9 was checked on a day that is still to come",
        "AA: Line was verified on a day that is still to come",
    )


@pytest.mark.parametrize("name", ["emergency_numbers.csv", "helplines.csv"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"a,b\n1,2\n", "does not have the columns iso2, "),
        (b"\xff\xfe\x00\x01", "is not UTF-8 text"),
        (b"\x00\x01\x02", "does not have the columns iso2, "),
        (b'"' + b"x" * 200_000, "is not a table of comma-separated values"),
        ("head", "has no rows"),
        ("folder", "cannot be read: "),
    ],
)
def test_a_table_that_is_none_is_one_fault(
    tmp_path: Path, name: str, content: bytes | str | None, reason: str
) -> None:
    bad = tables(tmp_path) / name
    head = bad.read_bytes().splitlines()[0]
    bad.unlink()
    if content == "folder":
        bad.mkdir()
    elif content is not None:
        bad.write_bytes(head if isinstance(content, str) else content)
    about = [fault for fault in directory.validate(tmp_path) if fault.startswith(f"{name} ")]
    assert len(about) == 1
    assert reason in about[0]


@pytest.mark.parametrize("folder", ["nowhere", "a\0b", "x" * 300])
def test_a_folder_that_is_none_is_one_fault(tmp_path: Path, folder: str) -> None:
    (fault,) = directory.validate(tmp_path / folder)
    assert fault.startswith("there is no folder ")
    assert fault.isprintable()


def test_what_can_be_read_of_a_damaged_table_is_offered(tmp_path: Path) -> None:
    read = directory.read(tables(tmp_path, "??,,,,,\n" + FIRE, LINE + "AA,Line\n"))
    found = read.help_for("aa")
    assert [entry.number for entry in found.emergency] == ["9"]
    assert [line.name for line in found.lines] == ["Line"]
    assert len(read.unreadable) == 2


def test_a_line_may_leave_hours_and_languages_to_its_page(tmp_path: Path) -> None:
    (line,) = directory.read(tables(tmp_path, lines=LINE.replace(",en,", ",,"))).lines["AA"]
    assert (line.hours, line.languages) == ("", ())


@given(emergency=st.binary(max_size=300), lines=st.text(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_content_ends_the_reading(tmp_path: Path, emergency: bytes, lines: str) -> None:
    (tmp_path / "emergency_numbers.csv").write_bytes(EMERGENCY_HEAD.encode() + emergency)
    (tmp_path / "helplines.csv").write_bytes((LINES_HEAD + lines).encode("utf-8", "replace"))
    assert all(fault.isprintable() for fault in directory.validate(tmp_path))
