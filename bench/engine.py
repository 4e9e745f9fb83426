"""Our engine beside llama-bench and the binding's own chat, on the same library and model.

Rounds are interleaved, so that whatever else the machine does falls on all. The median of the
ratios stands with its interval: the order statistics that hold it in 95 of 100 cases.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench import llama_bench
from theragen_core import hardware
from theragen_core.model_profile import starter_path

ROUNDS = 11
_INTERVAL = (1, 9)  # of eleven ordered values: 98.8 %; (2, 8) would hold it in 93.5 %


def measure(model: Path | None = None, rounds: int = ROUNDS) -> dict[str, Any]:
    """Tokens a second of reading and of writing, and ratios to llama-bench."""
    path, threads = model or starter_path(), hardware.probe().cores
    try:
        llama_bench.program()
    except RuntimeError as error:
        return {"skipped": str(error)}
    found = []
    for _ in range(rounds):
        ours = _child("bench.engine_probe", path)
        raw = dict(zip(("read", "written"), llama_bench.speed(path, threads), strict=True))
        plain = _child("bench.binding_probe", path)
        found.append((ours, raw, plain))
    return {
        "model": path.name,
        "threads": threads,
        "rounds": rounds,
        **{
            name: {
                "ours_tok_s": round(median(ours[key] for ours, _, _ in found), 1),
                "llama_bench_tok_s": round(median(raw[key] for _, raw, _ in found), 1),
                "ratio": _ratio([ours[key] / raw[key] for ours, raw, _ in found]),
            }
            for name, key in (("prefill_256", "read"), ("decode_64_at_256", "written"))
        },
        "create_chat_completion": {
            "decode_tok_s": round(median(plain["written"] for _, _, plain in found), 1),
            "ratio": _ratio([plain["written"] / raw["written"] for _, raw, plain in found]),
        },
    }


def _ratio(values: list[float]) -> dict[str, Any]:
    ordered = [round(value, 3) for value in sorted(values)]
    low, high = _INTERVAL if len(ordered) == ROUNDS else (0, len(ordered) - 1)
    return {"median": round(median(ordered), 3), "interval": [ordered[low], ordered[high]]}


def _child(module: str, model: Path) -> dict[str, float]:
    output = subprocess.check_output([sys.executable, "-m", module, model])
    result: dict[str, float] = json.loads(output)
    return result
