from __future__ import annotations

import argparse
import json
import sys
import types
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from theragen_core.cli import directory as command
from theragen_core.cli.chat_output import help_lines
from theragen_core.directory import help_for
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.resources import ROOT

TABLES = ("emergency_numbers.csv", "helplines.csv")


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(arguments)


def copy(folder: Path, **replacements: str) -> Path:
    """The shipped tables with some words replaced."""
    for name in TABLES:
        content = (ROOT / name).read_text(encoding="utf-8")
        for old, new in replacements.items():
            content = content.replace(old, new)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command without the package phonenumbers: its code, stdout and stderr."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = command.run(parsed(*arguments))
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_the_shipped_tables_are_valid_and_counted(run: Any) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "Countries: 240;" in out
    assert "Emergency numbers: 518 (110 general, 39 ambulance, 301 emergency, " in out
    assert "Verified lines: 39 in 29 countries" in out
    assert "Oldest entry: US 988 Suicide & Crisis Lifeline 988, 2026-06-02, " in out
    assert "the package phonenumbers is not installed" in out


def test_json_has_the_same_counts(run: Any) -> None:
    code, out, _ = run("--json")
    told = json.loads(out)
    assert code == 0
    assert (told["valid"], told["faults"]) == (True, [])
    assert told["countries"] == 240
    assert sum(told["by_label"].values()) == told["emergency_numbers"] == 518
    assert (told["lines"], told["countries_with_lines"]) == (39, 29)
    assert told["oldest"]["days"] == (date.today() - date(2026, 6, 2)).days
    assert told["doubted_by_phonenumbers"] is None


def test_old_entries_are_listed_and_no_fault(run: Any, tmp_path: Path) -> None:
    folder = copy(tmp_path, **{"2026-06-02": "2001-02-03"})
    code, out, err = run("--table", str(folder), "--older-than", "7000")
    assert (code, err) == (0, "")
    assert "Older than 7000 days: 21\n" in out
    assert "  FR 3114, numéro national de prévention du suicide 3114, 2001-02-03, " in out
    assert "NZ 1737" not in out
    _, out, _ = run("--table", str(folder), "--older-than", "7000", "--json")
    assert len(json.loads(out)["older"]) == 21


def test_a_day_of_grace_is_not_older(run: Any) -> None:
    days = (date.today() - date(2026, 6, 2)).days
    assert f"Older than {days} days: 0\n" in run("--older-than", str(days))[1]
    assert f"Older than {days - 1} days: 21\n" in run("--older-than", str(days - 1))[1]


@pytest.mark.parametrize("code", ["FR", "fr", "AX", "AM", "NZ"])
def test_a_country_is_shown_as_people_see_it(run: Any, code: str) -> None:
    exit_code, out, err = run("--country", code)
    found = help_for(code)
    assert (exit_code, err) == (0, "")
    assert out.splitlines() == [found.country_name, *(f"  {line}" for line in help_lines(found))]
    _, out, _ = run("--country", code, "--json")
    told = json.loads(out)
    assert (told["country"], told["lines"]) == (code.upper(), help_lines(found))


def test_numbers_of_unknown_services_are_all_shown(run: Any) -> None:
    _, out, _ = run("--country", "AM")
    assert "Emergency services: 103 (if no one answers: 101, 102)" in out
    assert "findahelpline.com" in out


@pytest.mark.parametrize("code", ["ZZ", "", "France", "\u202e"])
def test_an_unknown_country_is_refused(code: str) -> None:
    with pytest.raises(UserError) as refused:
        command.run(parsed("--country", code))
    assert refused.value.fault is Fault.COUNTRY_UNKNOWN


@pytest.mark.parametrize("days", ["-1", "x", "", "1.5", "٣", "9" * 9])
def test_days_are_a_number(days: str) -> None:
    with pytest.raises(SystemExit):
        parsed("--older-than", days)


def test_each_fault_is_a_sentence_on_stderr(run: Any, tmp_path: Path) -> None:
    folder = copy(tmp_path, **{"https://3114.fr/": "3114.fr", "call,188,": "call,one,"})
    code, out, err = run("--table", str(folder))
    assert code == 2
    assert "Verified lines: 39" in out
    assert err.splitlines() == [
        "FR: 3114, numéro national de prévention du suicide has no page that starts with https://",
        "BR: CVV Ligue 188 has a number that cannot be dialled",
    ]


def test_a_fault_is_told_beside_a_country(run: Any, tmp_path: Path) -> None:
    folder = copy(tmp_path, **{"https://3114.fr/": "3114.fr"})
    code, out, err = run("--table", str(folder), "--country", "NZ", "--json")
    assert code == 2
    assert json.loads(out)["name"] == "New Zealand"
    assert json.loads(out)["faults"] == err.splitlines()


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"iso2\nFR\n"])
@pytest.mark.parametrize("name", TABLES)
def test_bad_files_are_told_without_a_traceback(
    run: Any, tmp_path: Path, name: str, content: bytes | None
) -> None:
    bad = copy(tmp_path) / name
    bad.unlink() if content is None else bad.write_bytes(content)
    for arguments in ((), ("--json",), ("--country", "NZ")):
        code, _, err = run("--table", str(tmp_path), *arguments)
        assert code == 2
        assert sum(line.startswith(f"{name} ") for line in err.splitlines()) == 1
        assert "Traceback" not in err


def test_a_missing_folder_is_one_sentence(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--table", str(tmp_path / "none"))
    assert code == 2
    assert err.splitlines() == [f"there is no folder {str(tmp_path / 'none')[:60]}"]


def stub(knows: set[str]) -> types.ModuleType:
    """A package phonenumbers that knows these digits only, and cannot parse three of them."""

    class NumberParseException(Exception):
        pass

    def parse(digits: str, region: str) -> str:
        if len(digits) == 3:
            raise NumberParseException
        return digits

    module = types.ModuleType("phonenumbers")
    vars(module).update(
        NumberParseException=NumberParseException,
        parse=parse,
        is_valid_number_for_region=lambda parsed, region: parsed in knows,
        is_valid_short_number_for_region=lambda parsed, region: False,
    )
    return module


def test_phonenumbers_doubts_and_never_vetoes(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", stub({"3114", "116123"}))
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "Unknown to phonenumbers, which is no reason to leave a line out: " in out
    doubted = json.loads(run("--json")[1])["doubted_by_phonenumbers"]
    assert "BR CVV Ligue 188 188" in doubted  # cannot be parsed
    assert "NZ 1737, need to talk? 1737" in doubted  # not valid
    assert not [line for line in doubted if line.startswith(("FR", "GB Samaritans"))]
    assert not [line for line in doubted if "chat" in line]
