"""What a service can do to a client, and what comes of it, by the server's own record."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.cloud.conftest import Heard, assert_clean, load, load_fault, talk
from tests.support.replicate_peer import ReplicatePeer
from tests.support.replicate_server import TOKEN, VERSION, told
from theragen_core.engines.replicate import turn
from theragen_core.faults import Fault
from theragen_core.protocol import Phase, SamplingOptions

Plan = dict[str, Any]
FAST = SamplingOptions(temperature=0.5, max_tokens=64, seed=7)


def output(data: str, id: str = "1") -> Plan:
    return {"event": "output", "data": data, "id": id}


DONE = {"event": "done", "data": "{}"}
ERROR = {"event": "error", "data": '{"detail": "it broke"}'}
DONE_ERROR = {"event": "done", "data": '{"reason": "error"}'}
FOREVER = {"until_cancelled": 30}


def run(peer: ReplicatePeer, plan: Plan, name: str = "someone/theragen", **more: Any) -> Heard:
    peer.plan(**plan)
    engine = load(name)
    heard = talk(engine, **more)
    engine.close()
    return heard


# Which endpoint, and what is in the request -----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "deployment", "path"),
    [
        ("meta/llama-2-7b-chat", False, "/v1/models/meta/llama-2-7b-chat/predictions"),
        ("someone/theragen", False, "/v1/predictions"),
        (f"someone/theragen:{VERSION}", False, "/v1/predictions"),
        ("someone/quick", True, "/v1/deployments/someone/quick/predictions"),
    ],
)
def test_a_model_a_version_a_deployment(
    peer: ReplicatePeer, name: str, deployment: bool, path: str
) -> None:
    engine = load(name, deployment=deployment)
    heard = talk(engine, options=FAST)
    engine.close()
    assert heard.text == "Good to hear."
    assert heard.finished is not None
    record = assert_clean(peer)
    (create,) = peer.creates()
    assert create["path"] == path
    assert ("version" in json.loads(create["body"])) == (path == "/v1/predictions")
    # The connections carry the token, the requests nothing that could be stored or logged.
    assert {r["headers"].get("authorization") for r in record["requests"]} == {f"Bearer {TOKEN}"}


# A reply that arrives ---------------------------------------------------------------------------

ARRIVES: dict[str, tuple[Plan, str]] = {
    "pieces": ({"stream": told("One", " two", " three.")}, "One two three."),
    "without ids": (
        {"stream": [{"event": "output", "data": "Good."}, {"event": "done", "data": ""}]},
        "Good.",
    ),
    "lines in one event": ({"stream": [output("a\n\nb"), DONE]}, "a\n\nb"),
    "separators that are no line ends": (
        {"stream": [output("a\u2028b\u2029c\x0bd\x85e"), DONE]},
        "a\u2028b\u2029c\x0bd\x85e",
    ),
    "white space at the edges": ({"stream": [output(" a "), output(" b"), DONE]}, " a  b"),
    "other scripts and emoji": ({"stream": [output("你好 🌱"), DONE]}, "你好 🌱"),
    "events of other kinds": (
        {"stream": [{"event": "logs", "data": "loading"}, output("Good."), DONE]},
        "Good.",
    ),
    "comments between": (
        {"stream": [{"comment": " hello"}, output("Go"), {"comment": "x"}, output("od."), DONE]},
        "Good.",
    ),
    "carriage returns": (
        {"stream": [{"raw": "event: output\r\ndata: Good.\r\n\r\n"}, DONE]},
        "Good.",
    ),
    "a comment that only looks like 408": (
        {"stream": [output("Number :408\n:408 is no end", "1"), DONE]},
        "Number :408\n:408 is no end",
    ),
    "a connection that ended while nothing came yet": (
        {"streams": [[{"comment": "408 no events"}], [{"sleep": 0.1}], told("Awake", " now.")]},
        "Awake now.",
    ),
    "the end lost, the prediction a success": (
        {"stream": [output("Half "), {"status": "succeeded", "output": ["Half ", "and half."]}]},
        "Half and half.",
    ),
    "no stream at all, the prediction a success": (
        {"stream": [{"status": "succeeded", "output": ["All ", "at once."]}]},
        "All at once.",
    ),
    "a model that does not stream": ({"polled": ["Now ", "and ", "then."]}, "Now and then."),
    "429 with a header": (
        {"create": {"status": 429, "headers": {"Retry-After": "1"}}, "times": 1},
        "Good to hear.",
    ),
    "429 with a sentence": (
        {
            "create": {"status": 429, "body": {"detail": "Your rate limit resets in ~1s."}},
            "times": 1,
        },
        "Good to hear.",
    ),
}


@pytest.mark.parametrize("scenario", ARRIVES)
def test_a_reply_arrives(peer: ReplicatePeer, scenario: str) -> None:
    plan, wanted = ARRIVES[scenario]
    heard = run(peer, plan)
    assert heard.fault is None
    assert heard.text == wanted
    record = assert_clean(peer, posts=2 if scenario.startswith("429") else 1)
    assert sum(p["cancels"] for p in record["predictions"]) == 0  # nothing to cancel


def test_a_character_cut_in_two_arrives_whole(peer: ReplicatePeer) -> None:
    heard = run(peer, {"stream": [output("Gr\u00fc\u00dfe " * 2000), DONE]})
    assert heard.text == "Gr\u00fc\u00dfe " * 2000


# A reply that does not ---------------------------------------------------------------------------

FAILS: dict[str, tuple[Plan, Fault, str]] = {
    "402": ({"create": {"status": 402}}, Fault.CLOUD_NO_CREDIT, ""),
    "403": ({"create": {"status": 403}}, Fault.CLOUD_FORBIDDEN, ""),
    "404": ({"create": {"status": 404}}, Fault.CLOUD_NOT_FOUND, ""),
    "422": ({"create": {"status": 422}}, Fault.CLOUD_INPUT_REFUSED, ""),
    "429 for long": (
        {"create": {"status": 429, "headers": {"Retry-After": "300"}}},
        Fault.CLOUD_RATE_LIMITED,
        "",
    ),
    "500": ({"create": {"status": 500}}, Fault.CLOUD_SERVER_ERROR, ""),
    "503": ({"create": {"status": 503}}, Fault.CLOUD_SERVER_ERROR, ""),
    "418": ({"create": {"status": 418}}, Fault.CLOUD_BAD_ANSWER, ""),
    "no JSON": ({"create": {"do": "garbage", "status": 201}}, Fault.CLOUD_BAD_ANSWER, ""),
    "a list": ({"create": {"status": 201, "body": []}}, Fault.CLOUD_BAD_ANSWER, ""),
    "fields missing": ({"create": {"status": 201, "body": {}}}, Fault.CLOUD_BAD_ANSWER, ""),
    "nine megabytes": ({"create": {"do": "huge"}}, Fault.CLOUD_BAD_ANSWER, ""),
    "cut before the answer": ({"create": {"do": "cut"}}, Fault.CLOUD_CUT, ""),
    "aborted at once": ({"first_status": "aborted"}, Fault.CLOUD_ABORTED, ""),
    "an error before the first word": (
        {"stream": [ERROR, DONE_ERROR]},
        Fault.CLOUD_STREAM_ERROR,
        "",
    ),
    "an error, and then success": ({"stream": [ERROR, DONE]}, Fault.CLOUD_STREAM_ERROR, ""),
    "done with an error alone": ({"stream": [DONE_ERROR]}, Fault.CLOUD_STREAM_ERROR, ""),
    "an error after some words": (
        {"stream": [output("Some words "), ERROR, DONE_ERROR]},
        Fault.CLOUD_STREAM_ERROR,
        "Some words ",
    ),
    "an error and no end": (
        {"stream": [output("Some "), ERROR, {"status": "failed"}]},
        Fault.CLOUD_STREAM_ERROR,
        "Some ",
    ),
    "canceled elsewhere": (
        {"stream": [output("Some "), {"event": "done", "data": '{"reason": "canceled"}'}]},
        Fault.CLOUD_CANCELED,
        "Some ",
    ),
    "a reason from the future": (
        {"stream": [output("Some "), {"event": "done", "data": '{"reason": "moon"}'}]},
        Fault.CLOUD_FAILED,
        "Some ",
    ),
    "an end that cannot be read": (
        {"stream": [output("Some "), {"status": "failed"}, {"raw": "event: done\ndata: {\n\n"}]},
        Fault.CLOUD_FAILED,
        "Some ",
    ),
    "an end of file after some words": (
        {"stream": [output("Some words ")]},
        Fault.CLOUD_CUT,
        "Some words ",
    ),
    "a reset after some words": (
        {"stream": [output("Some words "), {"sleep": 0.1}, {"cut": True}]},
        Fault.CLOUD_CUT,
        "Some words ",
    ),
    "an end that is cut short": (
        {"stream": [output("Some "), {"raw": "event: done\ndata: {}"}]},
        Fault.CLOUD_CUT,
        "Some ",
    ),
    "408 after some words": (
        {"stream": [output("Some words "), {"comment": "408 timeout"}]},
        Fault.CLOUD_STALLED,
        "Some words ",
    ),
    "failed before any stream": ({"stream": [{"status": "failed"}]}, Fault.CLOUD_FAILED, ""),
    "aborted before any stream": ({"stream": [{"status": "aborted"}]}, Fault.CLOUD_ABORTED, ""),
    "canceled before any stream": ({"stream": [{"status": "canceled"}]}, Fault.CLOUD_CANCELED, ""),
    "a success with other words": (
        {"stream": [output("Some "), {"status": "succeeded", "output": ["Other"]}]},
        Fault.CLOUD_CUT,
        "Some ",
    ),
    "a stream that is a page": ({"type": "text/html"}, Fault.CLOUD_BAD_ANSWER, ""),
    "a stream that is not there": ({"stream_answer": {"status": 404}}, Fault.CLOUD_NOT_FOUND, ""),
    "a stream with a server error": (
        {"stream_answer": {"status": 502}},
        Fault.CLOUD_SERVER_ERROR,
        "",
    ),
    "asked for, failed": (
        {"polled": ["Some "], "polled_end": "failed"},
        Fault.CLOUD_FAILED,
        "Some ",
    ),
    "asked for, aborted": ({"polled": [], "polled_end": "aborted"}, Fault.CLOUD_ABORTED, ""),
    "asked for, answered with 500": (
        {"polled": ["Some "], "get": {"status": 500}, "times": 1},
        Fault.CLOUD_SERVER_ERROR,
        "",
    ),
}


@pytest.mark.parametrize("scenario", FAILS)
def test_a_failure_has_its_sentence_and_leaves_nothing_at_work(
    peer: ReplicatePeer, scenario: str
) -> None:
    plan, fault, kept = FAILS[scenario]
    heard = run(peer, plan)
    assert heard.fault is fault
    assert heard.text == kept
    assert heard.finished is None  # nothing truncated is called complete
    assert "{" not in heard.sentence
    assert_clean(peer)


def test_every_failure_has_a_sentence_of_its_own() -> None:
    from theragen_core.resources import read_json

    sentences = read_json("texts/en/faults.json")
    assert set(sentences) == {fault.value for fault in Fault}
    assert len(set(sentences.values())) == len(sentences)


def test_429_without_an_end_is_given_up_with_its_wait(peer: ReplicatePeer) -> None:
    heard = run(peer, {"create": {"status": 429, "body": {"detail": "resets in 1s"}}})
    assert heard.fault is Fault.CLOUD_RATE_LIMITED
    assert "1 seconds" in heard.sentence
    assert (Phase.QUEUED, 1) in heard.progress
    assert_clean(peer, posts=3)


def test_a_redirect_is_not_followed(peer: ReplicatePeer, foreign: ReplicatePeer) -> None:
    heard = run(peer, {"create": {"do": "redirect", "to": foreign.url}})
    assert heard.fault is Fault.CLOUD_BAD_ANSWER
    assert foreign.record()["requests"] == []
    assert_clean(peer)


def test_a_redirected_look_up_is_not_followed(peer: ReplicatePeer, foreign: ReplicatePeer) -> None:
    peer.plan(model={"do": "redirect", "to": foreign.url})
    assert load_fault().fault is Fault.CLOUD_BAD_ANSWER
    assert foreign.record()["requests"] == []


@pytest.mark.parametrize("host", ["{foreign}", "http://[::1", "ftp://127.0.0.1", "not an address"])
def test_a_stream_elsewhere_gets_no_token_and_the_reply_arrives(
    peer: ReplicatePeer, foreign: ReplicatePeer, host: str
) -> None:
    where = host.format(foreign=foreign.url)
    peer.plan(stream_host=where, first_status="succeeded")
    engine = load()
    heard = talk(engine)
    engine.close()
    assert heard.fault is None  # asked for instead, and there were no words
    assert foreign.record()["requests"] == []
    assert peer.record()["predictions"][0]["streams"] == 0


@pytest.mark.usefixtures("impatient")
def test_no_answer_to_a_post_is_a_time_out_and_not_repeated(peer: ReplicatePeer) -> None:
    heard = run(peer, {"create": {"do": "hang", "seconds": 5}})
    assert heard.fault is Fault.CLOUD_TIMEOUT
    assert_clean(peer)


@pytest.mark.usefixtures("impatient")
def test_a_stream_that_falls_silent_is_cancelled(peer: ReplicatePeer) -> None:
    heard = run(peer, {"stream": [output("Some "), FOREVER]})
    assert heard.fault is Fault.CLOUD_TIMEOUT
    assert heard.text == "Some "
    record = assert_clean(peer)
    assert record["predictions"][0]["cancels"] == 1


def test_done_without_a_word_is_an_empty_reply(peer: ReplicatePeer) -> None:
    heard = run(peer, {"stream": [DONE]})
    assert heard.text == ""
    assert heard.finished is not None  # the session calls it an empty reply
    assert_clean(peer)


def test_a_reply_without_end_is_ended(peer: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_MOST_LETTERS", 1000)
    heard = run(peer, {"stream": [output("a" * 400, str(n)) for n in range(9)] + [FOREVER]})
    assert 1000 < len(heard.text) <= 1600
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


@pytest.mark.parametrize("mark", ["[INST]", "</s>", "<|eot_id|>", "<|im_start|>"])
def test_a_model_that_writes_the_persons_turn_is_ended_there(
    peer: ReplicatePeer, mark: str
) -> None:
    cut = len(mark) // 2
    pieces = [output("I hear you. " + mark[:cut]), output(mark[cut:] + " I am fine", "2")]
    heard = run(peer, {"stream": [*pieces, FOREVER]})
    assert heard.text == "I hear you. "
    assert heard.fault is None
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


def test_what_looked_like_a_mark_is_shown_when_the_reply_breaks_off(peer: ReplicatePeer) -> None:
    assert run(peer, {"stream": [output("a <")]}).text == "a <"


# Waiting and stopping ---------------------------------------------------------------------------


def test_a_cold_start_is_told_with_its_seconds(peer: ReplicatePeer) -> None:
    heard = run(peer, {"stream": [{"sleep": 4.3}, *told("Awake.")]})
    assert heard.text == "Awake."
    assert [seconds for phase, seconds in heard.progress if phase is Phase.WAKING] == [3, 4]
    assert_clean(peer)


def stopped(peer: ReplicatePeer, plan: Plan, wait_for: str = "") -> Heard:
    """Stop, pressed when these words have come; how long that took is checked."""
    peer.plan(**plan)
    engine = load()
    pressed: list[float] = []

    def finger(heard: Heard) -> bool:
        enough = wait_for in heard.text and time.monotonic() - begun > 0.3
        if enough and not pressed:
            pressed.append(time.monotonic())
        return enough

    begun = time.monotonic()
    heard = talk(engine, stop_when=finger)
    assert time.monotonic() - pressed[0] < 0.3
    engine.close()  # waits for what was sent after Stop
    assert heard.fault is None
    assert heard.finished is not None
    assert heard.finished.stopped
    return heard


def test_stop_while_the_model_wakes(peer: ReplicatePeer) -> None:
    stopped(peer, {"stream": [FOREVER]})
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


def test_stop_in_the_middle_of_a_reply(peer: ReplicatePeer) -> None:
    heard = stopped(peer, {"stream": [output("Some words "), FOREVER]}, "Some")
    assert heard.text == "Some words "
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


def test_stop_before_the_prediction_has_a_name(peer: ReplicatePeer) -> None:
    stopped(peer, {"slow_create": 0.8, "stream": [FOREVER]})
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


def test_stop_while_a_model_without_stream_works(peer: ReplicatePeer) -> None:
    stopped(peer, {"polled": ["a"] * 50}, "a")
    assert assert_clean(peer)["predictions"][0]["cancels"] == 1


def test_stop_while_waiting_for_a_turn(peer: ReplicatePeer) -> None:
    stopped(peer, {"create": {"status": 429, "headers": {"Retry-After": "15"}}})
    assert_clean(peer)


def test_stop_with_a_service_that_cannot_cancel(peer: ReplicatePeer) -> None:
    stopped(peer, {"stream": [FOREVER], "cancel": {"status": 500}})
    record = peer.record()
    cancels = [r for r in record["requests"] if r["path"].endswith("/cancel")]
    assert len(cancels) == 1  # and the deadline, which each request has, does the rest
    assert peer.creates()[0]["headers"]["cancel-after"] == "300s"


def test_turns_after_a_stop_go_on_as_if_nothing_had_been(peer: ReplicatePeer) -> None:
    peer.plan(streams=[[output("Some "), FOREVER]])
    engine = load()
    for _ in range(3):
        assert talk(engine, stop_when=lambda heard: bool(heard.text)).text == "Some "
    engine.close()
    record = assert_clean(peer, posts=3)
    assert [p["cancels"] for p in record["predictions"]] == [1, 1, 1]


# Loading ----------------------------------------------------------------------------------------

UNUSABLE: dict[str, tuple[str, Plan, Fault]] = {
    "no such model": ("someone/nothing", {}, Fault.CLOUD_NOT_FOUND),
    "no such version": ("someone/theragen:0123abcd", {}, Fault.CLOUD_NOT_FOUND),
    "a model of pictures": ("someone/images", {}, Fault.CLOUD_WRONG_KIND),
    "a model that asks for more": ("someone/needy", {}, Fault.CLOUD_WRONG_KIND),
    "a model with no version": ("someone/empty", {}, Fault.CLOUD_WRONG_KIND),
    "no name": ("", {}, Fault.CLOUD_NAME_MISSING),
    "half a name": ("someone", {}, Fault.CLOUD_NAME),
    "an address": ("https://replicate.com/someone/theragen", {}, Fault.CLOUD_NAME),
    "a way out of the path": ("someone/..", {}, Fault.CLOUD_NAME),
    "a server error": ("someone/theragen", {"model": {"status": 500}}, Fault.CLOUD_SERVER_ERROR),
    "a page": ("someone/theragen", {"model": {"do": "garbage"}}, Fault.CLOUD_BAD_ANSWER),
    "nothing": ("someone/theragen", {"model": {"do": "cut"}}, Fault.CLOUD_CUT),
    "other fields": (
        "someone/theragen",
        {"model": {"status": 200, "body": {"name": 3}}},
        Fault.CLOUD_BAD_ANSWER,
    ),
}


@pytest.mark.parametrize("scenario", UNUSABLE)
def test_what_cannot_be_used_is_told_when_it_is_loaded(peer: ReplicatePeer, scenario: str) -> None:
    name, plan, fault = UNUSABLE[scenario]
    peer.plan(**plan)
    assert load_fault(name).fault is fault
    assert peer.creates() == []


def test_an_example_that_the_package_cannot_read_does_no_harm(peer: ReplicatePeer) -> None:
    assert load("someone/example").close() is None


def test_no_such_deployment(peer: ReplicatePeer) -> None:
    assert load_fault("someone/theragen", deployment=True).fault is Fault.CLOUD_NOT_FOUND


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("", Fault.CLOUD_TOKEN_MISSING),
        (" \n", Fault.CLOUD_TOKEN_MISSING),
        ("r8_wrong", Fault.CLOUD_TOKEN_REFUSED),
        ("r8_two\r\nX-Header: lines", Fault.CLOUD_TOKEN_REFUSED),
        ("r8_ünusual", Fault.CLOUD_TOKEN_REFUSED),
    ],
)
def test_a_token_that_is_none(peer: ReplicatePeer, token: str, fault: Fault) -> None:
    assert load_fault(token=token).fault is fault
    assert peer.creates() == []
