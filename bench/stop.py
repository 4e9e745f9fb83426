"""From Stop to a quiet engine, while it reads and while it writes.

    python -m bench stop

The real host on the starter model; each turn is stopped at another moment. Beside the times: the
processor's share in the second after, and how little is read again of a message that was stopped.
"""

from __future__ import annotations

import time
from typing import Any

import psutil

from bench.summary import milliseconds
from tests.support.host_process import HostProcess, generate
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    Cancel,
    Delta,
    Finished,
    Load,
    Loaded,
    LocalModel,
    SamplingOptions,
    TurnId,
)

ROUNDS = 40
LONG = "and then we walked along the river and talked about the garden, day {number}, " * 40
OPTIONS = SamplingOptions(0.8, 2000, seed=5)


def measure() -> dict[str, Any]:
    with HostProcess() as engine:
        engine.send(Load(LocalModel(starter_path())))
        engine.until(Loaded)
        reading = [_stopped(engine, number, 0.005 * number) for number in range(1, ROUNDS)]
        writing = [_stopped(engine, ROUNDS + n, None, n) for n in range(1, ROUNDS)]
        whole, again = _read_again(engine)
        busy = psutil.Process(engine.process.pid).cpu_percent(interval=1.0)
    return {
        "reading_ms": milliseconds(reading),
        "writing_ms": milliseconds([second for second in writing if second]),
        "tokens of a message": whole,
        "read again after a stop at its half": again,
        "processor after it, per cent of a core": busy,
    }


def _stopped(engine: HostProcess, turn: int, after_s: float | None, words: int = 0) -> float:
    """Seconds from Cancel to the turn's end, after so long a reading or so many words."""
    text = LONG.format(number=turn) if after_s is not None else "Tell me a very long story."
    engine.send(generate(turn, text, options=OPTIONS))
    if after_s is None:
        for _ in range(words):
            if isinstance(engine.until(Delta, Finished)[-1], Finished):
                return 0.0  # it ended by itself
    else:
        time.sleep(after_s)
    started = time.perf_counter()
    engine.send(Cancel(TurnId(turn)))
    engine.until(Finished)
    return time.perf_counter() - started


def _read_again(engine: HostProcess) -> tuple[int, int]:
    """Tokens of a message read whole, and of the same read after it was stopped half-way."""
    turn = 10 * ROUNDS
    counts: list[int] = []
    whole_s = 0.0
    for number, stop in ((0, False), (1, True), (1, False)):
        turn += 1
        text = LONG.format(number=f"{turn} {number}" if not counts else number)
        started = time.perf_counter()
        engine.send(generate(turn, text, options=SamplingOptions(0.0, 2, seed=1)))
        if stop:
            time.sleep(whole_s / 2)
            engine.send(Cancel(TurnId(turn)))
        finished = engine.until(Finished)[-1]
        assert isinstance(finished, Finished)
        counts.append(finished.evaluated)
        whole_s = time.perf_counter() - started
    return counts[0], counts[2]
