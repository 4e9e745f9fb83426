"""How long an assessment and a review take in the guard's own process while the engine decodes.

python -m bench guard_speed
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from tests.support.host_process import HostProcess, generate
from theragen_core.conversation import Message, Role
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Delta,
    Finished,
    Load,
    Loaded,
    LocalModel,
    Review,
    Reviewed,
    SamplingOptions,
    TurnId,
)

ROUNDS = 60
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
        turn = 1
        engine.send(generate(turn, "Tell me a very long story.", options=long))
        engine.until(Delta)
        busy = _times(guard, "busy")
        engine.send(Cancel(TurnId(turn)))
        engine.until(Finished)
    return {
        "loading_s": round(loading_s, 2),
        "words": len(WORDS.split()),
        "idle": idle,
        "while the engine decodes": busy,
    }


def _times(guard: HostProcess, salt: str) -> dict[str, dict[str, float]]:
    """Every text is new, so that none is remembered."""
    messages, sentences = [], []
    for number in range(ROUNDS):
        words = WORDS.format(number=f"{salt} {number}")
        started = time.perf_counter()
        guard.send(Assess(TurnId(1), (Message(Role.USER, words),)))
        guard.until(Assessed)
        messages.append(time.perf_counter() - started)
        started = time.perf_counter()
        sentence = SENTENCE.format(number=f"{salt} {number}")
        guard.send(Review(TurnId(1), number, sentence, sentence, words))
        guard.until(Reviewed)
        sentences.append(time.perf_counter() - started)
    return {"message_ms": _summary(messages), "sentence_ms": _summary(sentences)}


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": round(1000 * statistics.median(ordered), 1),
        "p95": round(1000 * ordered[int(0.95 * len(ordered))], 1),
    }
