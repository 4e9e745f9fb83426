"""`python -m theragen_core chat --engine replicate`, as its users run it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conftest import assert_clean
from tests.support.replicate_peer import ReplicatePeer
from tests.support.replicate_server import TOKEN

ROOT = Path(__file__).resolve().parents[2]
CHAT = [sys.executable, "-m", "theragen_core", "chat", "--engine", "replicate", "--token-stdin"]
HOSTED = ("--hosted", "someone/theragen", "--country", "GB")

Done = subprocess.CompletedProcess[bytes]


def chat(*arguments: str, said: str = "", token: str = TOKEN) -> Done:
    stdin = f"{token}\n{said}".encode()
    return subprocess.run(
        [*CHAT, *arguments], cwd=ROOT, input=stdin, capture_output=True, timeout=60
    )


def events(done: Done) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_conversation_as_json(peer: ReplicatePeer) -> None:
    done = chat("--json", *HOSTED, said="Good morning.\nI walked to the harbour.\n")
    heard = events(done)
    assert [e["event"] for e in heard if e["event"] != "delta"] == ["ready", "finished", "finished"]
    assert "someone/theragen" in heard[0]["model"]
    assert heard[-1]["text"] == "Good to hear."
    record = assert_clean(peer, posts=2)
    assert "harbour" in record["predictions"][1]["input"]["prompt"]
    assert TOKEN.encode() not in done.stdout + done.stderr


def test_a_deployment(peer: ReplicatePeer) -> None:
    done = chat("--json", "--hosted", "someone/quick", "--deployment", said="Good morning.\n")
    assert events(done)[-1]["text"] == "Good to hear."
    assert peer.creates()[0]["path"] == "/v1/deployments/someone/quick/predictions"


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (("--hosted", "someone/nothing"), TOKEN, "has no someone/nothing"),
        (("--hosted", "someone"), TOKEN, "not the name of a model"),
        ((), TOKEN, "No model at Replicate is named"),
        (HOSTED, "r8_wrong", "does not accept the token"),
        (HOSTED, "", "no Replicate token"),
    ],
)
def test_bad_usage_is_one_sentence(
    peer: ReplicatePeer, arguments: tuple[str, ...], token: str, words: str
) -> None:
    done = chat(*arguments, token=token)
    told = done.stderr.decode().strip().splitlines()
    assert done.returncode == 2
    assert len(told) == 1
    assert words in told[0]
    assert "r8_" not in told[0]


def test_a_failure_in_a_turn_is_an_event_and_the_chat_goes_on(peer: ReplicatePeer) -> None:
    peer.plan(create={"status": 500}, times=1)
    heard = events(chat("--json", *HOSTED, said="Good morning.\nStill there?\n"))
    failed = next(e for e in heard if e["event"] == "failed")
    assert failed["reason"] == "cloud_server_error"
    assert "500" in failed["text"]
    assert heard[-1]["text"] == "Good to hear."


def test_danger_is_answered_here_and_not_sent(peer: ReplicatePeer) -> None:
    heard = events(chat("--json", *HOSTED, said="I want to kill myself.\n"))
    assert [e["event"] for e in heard] == ["ready", "crisis", "delta", "finished"]
    assert peer.creates() == []


TWO_TURNS = "I want to kill myself.\nI went for a walk.\n"


def test_danger_is_left_out_of_later_turns_and_that_is_said(peer: ReplicatePeer) -> None:
    heard = events(chat("--json", *HOSTED, said=TWO_TURNS))
    warnings = [e["text"] for e in heard if e["event"] == "warning"]
    assert len(warnings) == 1
    assert "not sent to Replicate" in warnings[0]
    (made,) = assert_clean(peer)["predictions"]
    assert made["input"]["prompt"].startswith("I went for a walk.")
    assert "kill" not in made["input"]["prompt"]


def test_danger_goes_out_after_a_yes(peer: ReplicatePeer) -> None:
    heard = events(chat("--json", *HOSTED, "--include-danger", said=TWO_TURNS))
    assert not [e for e in heard if e["event"] == "warning"]
    (made,) = assert_clean(peer)["predictions"]
    assert "kill myself" in made["input"]["prompt"]


def test_the_filter_works_for_a_rented_model_too(peer: ReplicatePeer) -> None:
    bad = "I hear you. Call 555 0123 4567 now. "
    peer.plan(stream=[{"event": "output", "data": bad}, {"event": "done", "data": "{}"}])
    heard = events(chat("--json", *HOSTED, said="Good morning.\n"))
    assert "I hear you." in heard[-1]["text"]
    assert "0123" not in heard[-1]["text"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_what_is_at_work(peer: ReplicatePeer, sign: int) -> None:
    peer.plan(
        stream=[
            {"event": "output", "data": "Some words. And ", "id": "1"},
            {"until_cancelled": 20},
        ]
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*CHAT, "--json", *HOSTED], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
    )
    with process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{TOKEN}\nGood morning.\n".encode())
        process.stdin.flush()
        while b"delta" not in process.stdout.readline():
            pass
        process.send_signal(sign)
        assert process.wait(10) == 130
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1
