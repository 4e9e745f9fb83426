"""Whether one thread for each physical core, which is what is chosen, is the right number.

Every number from one to the logical cores and one more, by turns, each with a fresh context.
"""

from __future__ import annotations

import os
from statistics import median

from theragen_core import hardware
from theragen_core.cli.bench import DEPTH, TOKENS
from theragen_core.engines.base import Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LoadOptions, LocalModel

ROUNDS = 5


def measure() -> dict[str, object]:
    """Tokens a second of reading and of writing for each number of threads."""
    counts = range(1, (os.cpu_count() or 1) + 2)
    rounds = [{count: _speeds(count) for count in counts} for _ in range(ROUNDS)]
    speeds = {
        str(count): {
            "read_tok_s": round(median(found[count][0] for found in rounds), 1),
            "write_tok_s": round(median(found[count][1] for found in rounds), 1),
        }
        for count in counts
    }
    best = {kind: max(found[kind] for found in speeds.values()) for kind in speeds["1"]}
    chosen = speeds[str(hardware.probe().cores)]
    return {
        "chosen": hardware.probe().cores,
        "logical_cores": os.cpu_count(),
        "by_threads": speeds,
        "chosen_beside_best": {kind: round(chosen[kind] / best[kind], 3) for kind in best},
        "rounds": ROUNDS,
    }


def _speeds(threads: int) -> tuple[float, float]:
    options = LoadOptions(context=1024, threads=threads)
    engine = LlamaEngine(LocalModel(starter_path(), options=options), Watch())
    speeds = engine.speed(DEPTH, TOKENS)
    engine.close()
    return speeds
