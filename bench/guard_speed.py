"""What the guard costs: its answers while the engine decodes, and how much later and slower a reply
is written.

    python -m bench guard_speed

Guard and engine are the real processes, on the starter model; the session is driven as the window
drives it.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from bench.summary import milliseconds
from tests.support.host_process import HostProcess, generate
from theragen_core.conversation import Message, Role
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    Delta,
    Event,
    Finished,
    Generate,
    Load,
    Loaded,
    LocalModel,
    Review,
    Reviewed,
    SamplingOptions,
    TurnId,
)
from theragen_core.session import Ask, ChatSession, Outcomes

ROUNDS, REPLIES = 60, 20
STORIES, TOKENS = 8, 200
STORY = "Tell me a very long story about a garden by the sea."
WORDS = (
    "It has been a long week at the shop and my sister keeps calling about the house and what we"
    " should do with the garden now that our aunt has moved away and I did not sleep much but this"
    " morning I walked along the river and fed the ducks and thought that we might paint the"
    " kitchen yellow before the winter comes number {number}"
)
SENTENCE = "It sounds as if the walk by the river gave you a quiet moment, number {number}."


def measure() -> dict[str, Any]:
    with HostProcess() as guard, HostProcess() as engine:
        guard.send(Assess(NO_TURN, ()))
        started = time.perf_counter()
        guard.until(Assessed)
        loading_s = time.perf_counter() - started
        engine.send(Load(LocalModel(starter_path())))
        engine.until(Loaded)
        idle = _times(guard, "idle")
        long = SamplingOptions(0.8, 100_000, seed=5)
        turn = 10_000  # no turn of the sessions below
        engine.send(generate(turn, "Tell me a very long story.", options=long))
        engine.until(Delta)
        busy = _times(guard, "busy")
        engine.send(Cancel(TurnId(turn)))
        engine.until(Finished)
        begins = _first_words(engine, guard)
        alone, read = _written(engine, guard)
    return {
        "loading_s": round(loading_s, 2),
        "a reply begins": begins,
        "words": len(WORDS.split()),
        "idle": idle,
        "while the engine decodes": busy,
        "the engine's tokens a second": alone,
        "the same, while each sentence is read": read,
    }


def _first_words(engine: HostProcess, guard: HostProcess) -> dict[str, float]:
    """Medians from Enter to the engine's first token, to its first whole sentence, and to the first
    text that a person sees.
    """
    token: list[float] = []
    sentence: list[float] = []
    seen: list[float] = []
    session = ChatSession(guarded=True)  # one for all: a turn's number is never used again
    for number in range(REPLIES):
        session.forget()
        started = time.perf_counter()
        (asked,) = commands(session.submit(f"I walked by the river on day {number}."))
        guard.send(asked)
        (generate_it,) = commands(session.receive(_answer(guard)))
        assert isinstance(generate_it, Generate)
        engine.send(generate_it)
        while True:
            event = engine.next()
            assert event is not None
            if isinstance(event, Delta) and len(token) <= number:
                token.append(time.perf_counter() - started)
            reviews = commands(session.receive(event))
            if isinstance(event, Finished) or not session.busy:
                break  # too short, or held back: nothing to time
            if reviews and isinstance(reviews[0], Review):
                sentence.append(time.perf_counter() - started)
                guard.send(reviews[0])
                session.receive(_answer(guard))
                seen.append(time.perf_counter() - started)
                break
        for command in commands(session.stop()):
            engine.send(command)
        if not isinstance(event, Finished):
            engine.send(Cancel(generate_it.request.turn))
            engine.until(Finished)
    return {
        "first token ms": round(1000 * statistics.median(token)),
        "first whole sentence ms": round(1000 * statistics.median(sentence)),
        "first visible text ms": round(1000 * statistics.median(seen)),
    }


def _written(engine: HostProcess, guard: HostProcess) -> tuple[float, float]:
    """Medians of tokens a second without and with the guard, in turns."""
    alone, read = [], []
    for number in range(STORIES):
        alone.append(_tokens_a_second(engine, None, 20_000 + number, number))
        read.append(_tokens_a_second(engine, guard, 30_000 + number, number))
    return round(statistics.median(alone), 1), round(statistics.median(read), 1)


def _tokens_a_second(engine: HostProcess, guard: HostProcess | None, turn: int, seed: int) -> float:
    """Sentences are given to the guard as they are whole; nobody waits for its answers."""
    options = SamplingOptions(0.8, 100_000, seed=seed)
    engine.send(generate(turn, STORY, options=options))
    engine.until(Delta)
    started = time.perf_counter()
    sentence, asked, written = "", 0, 0
    while written < TOKENS and isinstance(event := engine.next(), Delta):
        written += 1
        sentence += event.text
        if guard and sentence.rstrip().endswith((".", "!", "?")):
            asked += 1
            guard.send(Review(TurnId(turn), asked, sentence, sentence, f"{STORY} {turn}"))
            sentence = ""
    seconds = time.perf_counter() - started
    if written == TOKENS:
        engine.send(Cancel(TurnId(turn)))
        engine.until(Finished)
    if guard:
        for _ in range(asked):
            guard.until(Reviewed)
    return written / seconds


def commands(outcomes: Outcomes) -> list[Command]:
    return [outcome.command for outcome in outcomes if isinstance(outcome, Ask)]


def _answer(guard: HostProcess) -> Event:
    event = guard.next()
    assert event is not None
    return event


def _times(guard: HostProcess, salt: str) -> dict[str, dict[str, float]]:
    """Every text is new, so that none is remembered."""
    messages, in_talk, sentences = [], [], []
    before = tuple(Message(Role.USER, WORDS.format(number=f"{salt} {n}")) for n in ("one", "two"))
    guard.send(Assess(TurnId(1), before))
    guard.until(Assessed)
    for number in range(ROUNDS):
        words = WORDS.format(number=f"{salt} {number}")
        third = Message(Role.USER, WORDS.format(number=f"{salt} {number} again"))
        sentence = SENTENCE.format(number=f"{salt} {number}")
        review = Review(TurnId(1), number, sentence, sentence, words)
        message = Assess(TurnId(1), (Message(Role.USER, words),))
        messages.append(_seconds(guard, message, Assessed))
        in_talk.append(_seconds(guard, Assess(TurnId(1), (*before, third)), Assessed))
        sentences.append(_seconds(guard, review, Reviewed))
    return {
        "message_ms": milliseconds(messages),
        "third message of a talk_ms": milliseconds(in_talk),
        "sentence_ms": milliseconds(sentences),
    }


def _seconds(guard: HostProcess, command: Command, answer: type[Event]) -> float:
    started = time.perf_counter()
    guard.send(command)
    guard.until(answer)
    return time.perf_counter() - started
