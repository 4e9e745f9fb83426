"""The terminal chat as its users run it: a process, with words on stdin and lines on stdout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.gguf_files import chat_model
from theragen_core.cli.chat_output import PlainOutput
from theragen_core.conversation import MessageId, Role
from theragen_core.session import Append, ChatSession

ROOT = Path(__file__).resolve().parents[3]
CHAT = [sys.executable, "-m", "theragen_core", "chat"]
ECHO = ("--engine", "echo")
SHORT = ("--country", "GB", "--max-tokens", "16", "--seed", "1")
CALM = ("--temperature", "0")  # another reply might be held back, and have no figures

Done = subprocess.CompletedProcess[bytes]


def chat(*arguments: str, stdin: bytes = b"") -> Done:
    return subprocess.run(
        [*CHAT, *arguments], cwd=ROOT, input=stdin, capture_output=True, timeout=60
    )


def events(done: Done) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinds(heard: Sequence[dict[str, Any]]) -> list[str]:
    """The events in their order; several deltas in a row count as one."""
    names = [event["event"] for event in heard]
    return [
        name
        for before, name in zip(["", *names], names, strict=False)
        if (before, name) != ("delta", "delta")
    ]


def assert_refused(done: Done, *words: str) -> None:
    """Bad usage or input: code 2 and one sentence, which holds these words."""
    told = done.stderr.decode()
    assert done.returncode == 2, told
    sentences = [line for line in told.splitlines() if not line.startswith(("usage:", " "))]
    assert len(sentences) == 1, told
    assert all(word in told for word in words), told


# Conversations -----------------------------------------------------------------------------------


def test_turns_of_the_starter_model_as_json() -> None:
    heard = events(
        chat("--json", *SHORT, *CALM, stdin=b"Good morning.\nI walked to the harbour.\n")
    )
    assert kinds(heard) == ["ready", "delta", "finished", "delta", "finished"]
    assert heard[0]["model"]
    assert heard[0]["context"] > 1000
    for finished in (event for event in heard if event["event"] == "finished"):
        assert 0 < finished["tokens"] <= 16
        assert finished["evaluated_tokens"] > 0
        assert finished["seconds"] >= finished["first_token_seconds"] > 0
        assert finished["text"].strip()


def test_the_deltas_are_the_reply() -> None:
    heard = events(chat("--json", *SHORT, stdin=b"Good morning.\n"))
    deltas = "".join(event["text"] for event in heard if event["event"] == "delta")
    assert heard[-1]["text"] == deltas


def test_the_same_seed_gives_the_same_reply() -> None:
    first, second = (chat(*SHORT, stdin=b"Good morning.\n").stdout for _ in range(2))
    assert first == second != b""


def test_plain_output_is_the_replies_and_nothing_else() -> None:
    done = chat(*ECHO, stdin="Grüße, 你好.\n".encode())
    assert done.returncode == 0
    assert "Grüße, 你好." in done.stdout.decode()
    assert b"TheraGen:" not in done.stdout
    assert done.stderr == b""


def test_an_explicit_statement_shows_help_before_anything_else() -> None:
    heard = events(chat("--json", *ECHO, "--country", "gb", stdin=b"I want to kill myself.\n"))
    assert kinds(heard) == ["ready", "crisis", "delta", "finished"]
    assert heard[1]["tier"] == 3
    assert any("116 123" in line for line in heard[1]["lines"])
    assert heard[-1]["evaluated_tokens"] == 0  # no model was asked


def test_a_line_too_long_for_the_model_is_refused_and_the_chat_goes_on() -> None:
    line = b"a quiet day " * 9000  # a hundred kilobytes
    heard = events(chat("--json", *SHORT, stdin=line + b"\nGood morning.\n"))
    assert kinds(heard) == ["ready", "failed", "delta", "finished"]
    assert heard[1]["reason"] == "too_long"
    assert heard[1]["tokens"] > heard[1]["limit"] > 1000


@pytest.mark.parametrize("nothing", [b"", b"\n", b"  \n\t\n"])
def test_empty_input_asks_nothing(nothing: bytes) -> None:
    assert kinds(events(chat("--json", *ECHO, stdin=nothing))) == ["ready"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    heard = events(chat("--json", *ECHO, stdin=bytes(range(256)) + b"\nGood morning.\n"))
    assert "Good morning." in heard[-1]["text"]


# Bad usage ---------------------------------------------------------------------------------------


def test_a_model_file_that_is_not_there() -> None:
    assert_refused(chat("--model", "/no/such/model.gguf"), "model.gguf", "not there")


def test_a_model_file_that_is_something_else(tmp_path: Path) -> None:
    notes = tmp_path / "notes.gguf"
    notes.write_text("only some notes")
    assert_refused(chat("--model", str(notes)), "notes.gguf", "not a GGUF")


def test_a_model_file_that_is_cut_short(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(chat_model()[:-100])
    assert_refused(chat("--model", str(cut)), "cut.gguf", "incomplete")


def test_a_model_that_cannot_be_loaded_is_an_event_too() -> None:
    done = chat("--json", "--model", "/no/such/model.gguf")
    assert_refused(done, "model.gguf")
    assert json.loads(done.stdout)["reason"] == "model_missing"


def test_how_the_model_is_loaded_can_be_fixed() -> None:
    ready = events(chat("--json", "--context", "1024", "--kv-type", "q8_0", "--threads", "1"))[0]

    assert (ready["event"], ready["context"]) == ("ready", 1024)
    assert "memory is short" not in ready["note"].lower()


def test_load_options_that_clash() -> None:
    assert_refused(chat("--batch", "64", "--ubatch", "128"), "micro-batch of 128", "64 or less")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--country", "ZZ"),
        ("--temperature", "nonsense"),
        ("--temperature", "nan"),
        ("--temperature", "-1"),
        ("--max-tokens", "0"),
        ("--max-tokens", "-5"),
        ("--seed", "-1"),
        ("--seed", "4294967296"),
        ("--engine", "steam"),
        ("--engine", "replicate"),
        ("--template", "vicuna"),
    ],
)
def test_a_value_that_makes_no_sense(option: str, value: str) -> None:
    assert_refused(chat(*ECHO, option, value, stdin=b"Good morning.\n"))


# Ends --------------------------------------------------------------------------------------------


def start(*arguments: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*CHAT, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("after", [b"ready", b"delta"])
def test_ctrl_c_during_a_reply_ends_a_piped_chat(after: bytes) -> None:
    with start("--json", "--max-tokens", "2000") as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"Please tell me a very long story about the sea.\n")
        process.stdin.flush()
        while after not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize("form", ["--json", "--country=GB"])
def test_a_reader_that_goes_away_is_no_fault(form: str) -> None:
    process = start(*ECHO, form)
    assert process.stdout
    process.stdout.close()
    _, told = process.communicate(b"Good morning.\n" * 200, timeout=60)
    assert process.returncode == 0
    assert told == b""


# A model's words ---------------------------------------------------------------------------------


def test_no_escape_sequence_of_a_model_reaches_the_terminal(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    words = "calm\x1b[2J\x1b]0;title\x07 \x9b31m\u202ewords\n"
    PlainOutput(interactive=True).show(
        Append(MessageId(1), Role.ASSISTANT, words), ChatSession(country="GB")
    )
    shown = capfdbinary.readouterr().out
    assert shown == b"calm[2J]0;title 31mwords\n"
