"""Our engine beside llama-bench and the binding's own chat, on the same library and model.

Rounds are interleaved, so that whatever else the machine does falls on all. The median of the
ratios stands with its interval: the order statistics that hold it in 98.8 of 100 cases.
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
# llama-bench as it comes, with flash attention as on a processor here, and the binding's own chat.
_BESIDE = ("llama-bench", "llama-bench -fa off", "create_chat_completion")
_INTERVAL = (1, 9)  # places in order; (2, 8) would hold it in 93.5 of 100


def measure() -> dict[str, Any]:
    """Tokens a second of reading and of writing, and ratios to llama-bench."""
    path, threads = starter_path(), hardware.probe().cores
    try:
        llama_bench.program()
    except RuntimeError as error:
        return {"skipped": str(error)}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ("ours", *_BESIDE)}
    for _ in range(ROUNDS):
        found["ours"].append(_child("bench.engine_probe", path))
        found["llama-bench"].append(llama_bench.speed(path, threads, "auto"))
        found["llama-bench -fa off"].append(llama_bench.speed(path, threads, "off"))
        found["create_chat_completion"].append(_child("bench.binding_probe", path))
    return {
        "model": path.name,
        "threads": threads,
        "rounds": ROUNDS,
        "prefill of 256, tokens a second": _compare(found, "read"),
        "decode of 64 behind 256, tokens a second": _compare(found, "written"),
    }


def _compare(found: dict[str, list[dict[str, float]]], key: str) -> dict[str, Any]:
    """Medians, and our ratio to each of the others."""
    ours = [speed[key] for speed in found["ours"]]
    compared: dict[str, Any] = {"ours": round(median(ours), 1)}
    for name in _BESIDE:
        others = [speed[key] for speed in found[name] if key in speed]
        if others:
            ratios = [mine / other for mine, other in zip(ours, others, strict=True)]
            compared[name] = {"median": round(median(others), 1), "ratio": _ratio(ratios)}
    return compared


def _ratio(values: list[float]) -> dict[str, Any]:
    ordered = [round(value, 3) for value in sorted(values)]
    return {"median": median(ordered), "interval": [ordered[place] for place in _INTERVAL]}


def _child(module: str, model: Path) -> dict[str, float]:
    output = subprocess.check_output([sys.executable, "-m", module, model])
    result: dict[str, float] = json.loads(output)
    return result
