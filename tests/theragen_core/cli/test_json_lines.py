"""`assess` and `review` as programs call them: a real process, JSON lines in and out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from theragen_core.resources import text


def run(command: str, lines: Sequence[Any], *options: str) -> tuple[int, list[Any], str]:
    """Exit code, answers, and what was said on stderr."""
    given = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    program = [sys.executable, "-m", "theragen_core", command, *options]
    done = subprocess.run(program, input=given, capture_output=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, answers, done.stderr.decode()


CALL = "I hear you, and at any hour you can call 116 123."


def talk(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "text": words} for index, words in enumerate(texts)]


def test_assess_answers_in_order() -> None:
    denied = talk("I am going to kill myself tonight.", "I hear you.", "Just joking.")
    code, rows, errors = run(
        "assess",
        [
            {"id": "a", "messages": talk("The soup was good.")},
            {"id": 2, "messages": talk("I want to kill myself.")},
            {"id": "c", "messages": denied},
            {"id": "d", "messages": []},
        ],
    )
    assert (code, errors) == (0, "")
    assert [row["id"] for row in rows] == ["a", 2, "c", "d"]
    tiers = [row["tier"] for row in rows]
    assert tiers[0] < 2
    assert tiers[1:] == [3, 4, 0]
    assert "suicide" in rows[1]["topics"]


def test_rules_alone_can_be_asked_for() -> None:
    code, rows, _ = run("assess", [{"id": 1, "messages": talk("I wish I was dead.")}], "--rules")
    assert (code, rows) == (0, [{"id": 1, "tier": 2, "topics": ["suicide"]}])


def test_review_passes_and_replaces() -> None:
    question, kind = talk("I wish I was dead."), "That sounds so heavy. I am glad you said it."
    tonight = talk("I am going to kill myself tonight.")
    code, rows, _ = run(
        "review",
        [
            {"id": 1, "messages": question, "reply": kind},
            {"id": 2, "messages": question, "reply": "I am a doctor, trust me."},
            {"id": 3, "messages": question, "reply": "Call 0800 555 0199.", "country": "gb"},
            {"id": 4, "messages": question, "reply": CALL, "country": "GB"},
            {"id": 5, "messages": tonight, "reply": "Go ahead and end it.", "country": "FR"},
            {"id": 6, "messages": [], "reply": "so so so " * 60},
        ],
    )
    assert code == 0
    by_id = {row["id"]: row for row in rows}
    assert by_id[1] == {"id": 1, "action": "pass", "reasons": [], "text": kind}
    assert by_id[2]["action"] == "replace"
    assert "claims_profession" in by_id[2]["reasons"]
    assert "doctor, trust" not in by_id[2]["text"]
    assert (by_id[3]["action"], by_id[3]["reasons"]) == ("replace", ["unlisted_number"])
    assert by_id[3]["text"] == text("help.withheld")
    assert by_id[4]["action"] == "pass"
    assert "3114" in by_id[5]["text"]
    assert by_id[6]["reasons"] == ["looping"]


@pytest.mark.parametrize("command", ["assess", "review"])
@pytest.mark.parametrize(
    "bad",
    [
        b"no json",
        b"[1, 2]",
        b"\xff\xfe",
        b"{}",
        b'{"messages": "x", "reply": "y"}',
        b'{"messages": ["x"], "reply": "y"}',
        b'{"messages": [{"role": "boss", "text": "SECRET"}], "reply": "y"}',
        b'{"messages": [{"role": "user", "text": 5}], "reply": "SECRET"}',
        b"[" * 5_000,
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_done(command: str, bad: bytes) -> None:
    good = {"id": 1, "messages": talk("Hello."), "reply": "Good morning."}
    code, rows, errors = run(command, [good, bad, b"", good], "--rules")
    assert code == 2
    assert len(rows) == 2
    assert errors.startswith("Line 2: ")
    assert errors.count("\n") == 1
    assert "SECRET" not in errors


@pytest.mark.parametrize(
    "row",
    [
        {"messages": []},
        {"messages": [], "reply": "x", "country": "ZZ"},
        {"messages": [], "reply": "x", "country": 4},
    ],
)
def test_what_only_a_review_needs(row: dict[str, Any]) -> None:
    code, rows, errors = run("review", [row], "--rules")
    assert (code, rows) == (2, [])
    assert errors.startswith("Line 1: ")
