"""One measured reply of our engine, in a process of its own: JSON with depth, tokens, seconds."""

from __future__ import annotations

import json
import time

from theragen_core.conversation import Message, Role
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.model_profile import starter_path
from theragen_core.protocol import GenerateRequest, LocalModel, SamplingOptions, TurnId

TOKENS = 64
ENOUGH = 48
QUESTION = "Please tell me a long story about a walk along the sea with an old friend."


def main() -> None:
    engine = LlamaEngine(LocalModel(starter_path()), Watch())
    depth = 0
    for seed in range(50):
        stats = TurnStats()
        seconds = _reply(engine, seed, stats)
        depth = max(depth, stats.evaluated)  # later replies find the system prompt in the cache
        if stats.written >= ENOUGH:  # shorter ones say little about speed
            result = {"depth": depth, "tokens": stats.written - 1, "seconds": seconds}
            print(json.dumps(result))
            return
    raise SystemExit("no reply was long enough")


def _reply(engine: LlamaEngine, seed: int, stats: TurnStats) -> float:
    """Seconds from the first token to the last."""
    message = Message(Role.USER, QUESTION)
    options = SamplingOptions(temperature=1.0, max_tokens=TOKENS, seed=seed)
    request = GenerateRequest(TurnId(1), (message,), options)
    first = last = 0.0
    for _ in engine.generate(request, Watch(), stats):
        last = time.perf_counter()
        first = first or last
    return last - first


if __name__ == "__main__":
    main()
