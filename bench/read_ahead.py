"""From Enter to the engine's first token, for a short and a long message that were typed.

    python -m bench read_ahead

Guard and engine are the real processes, on the starter model; the session is driven as the window
drives it: the draft is read ahead word by word, and in the pause of two seconds before Enter.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from bench.guard_speed import commands
from tests.support.host_process import HostProcess
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    Delta,
    Finished,
    Generate,
    Load,
    Loaded,
    LocalModel,
    Prefilled,
)
from theragen_core.session import ChatSession

LENGTHS = (20, 1000)  # words
ROUNDS = 7
PAUSE_S = 2.0
TEXT = (
    "it has been a long week at the shop and my sister keeps calling about the house and what we"
    " should do with the garden now that our aunt has moved away but this morning I walked along"
    " the river and fed the ducks and thought that we might paint the kitchen yellow"
)


def measure() -> dict[str, Any]:
    with HostProcess() as guard, HostProcess() as engine:
        guard.send(Assess(NO_TURN, ()))
        guard.until(Assessed)
        engine.send(Load(LocalModel(starter_path())))
        engine.until(Loaded)
        session = ChatSession(guarded=True)  # one for all: a turn's number is never used again
        found: dict[int, list[float]] = {length: [] for length in LENGTHS}
        cold: dict[int, list[float]] = {length: [] for length in LENGTHS}
        for number in range(ROUNDS):
            for length in LENGTHS:
                found[length].append(
                    _typed(session, engine, guard, _message(length, 2 * number), True)
                )
                cold[length].append(
                    _typed(session, engine, guard, _message(length, 2 * number + 1), False)
                )
    short, long = (statistics.median(found[length]) for length in LENGTHS)
    return {
        "typed, ms to the first token": {n: _milliseconds(found[n]) for n in LENGTHS},
        "not read ahead": {n: _milliseconds(cold[n]) for n in LENGTHS},
        "long to short": round(long / short, 2),
    }


def _message(length: int, number: int) -> str:
    """Others each time, from the first word on, so that nothing of an earlier one is known."""
    words = TEXT.split()
    shifted = words[number:] + words[:number]
    return " ".join(shifted[index % len(shifted)] for index in range(length))


def _typed(
    session: ChatSession, engine: HostProcess, guard: HostProcess, message: str, ahead: bool
) -> float:
    """Seconds from Enter to the first token of the reply."""
    session.forget()
    if ahead:
        for whole in (False, True):
            for command in commands(session.read_ahead(message, None, whole)):
                _send(command, engine, guard)
        time.sleep(PAUSE_S)
    started = time.perf_counter()
    for command in commands(session.submit(message)):
        _send(command, engine, guard)
    (generate,) = commands(session.receive(guard.until(Assessed)[-1]))
    assert isinstance(generate, Generate)
    engine.send(generate)
    first = engine.until(Delta, Finished)[-1]  # a reply may be nothing but its end
    seconds = time.perf_counter() - started
    session.stop()
    if isinstance(first, Delta):
        engine.send(Cancel(generate.request.turn))
        engine.until(Finished)
    return seconds


def _send(command: Command, engine: HostProcess, guard: HostProcess) -> None:
    """What is read ahead is waited for, as the pause would do."""
    if isinstance(command, Assess):
        guard.send(command)
        if command.turn == NO_TURN:
            guard.until(Assessed)
    else:
        engine.send(command)
        engine.until(Prefilled)


def _milliseconds(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 1)
