"""What a model takes beside what was said before it was loaded: estimate and peak memory.

Peak resident memory of a process of its own that loads the model and fills the whole context, with
mapped weights. Models of zeros have the memory of real ones: the starter model is the real one.
Beside it, the time that reading a header takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.support import gguf_files
from tests.support.synthetic_llama import Q4_0, Q8_0, Shape, metadata, tensors, write_sparse
from theragen_core import gguf_header
from theragen_core.model_profile import starter_path

# Fewer blocks than the real ones have: blocks are alike, and a context is read in minutes.
SHAPES = {
    "llama-2-7b, 8 of 32 blocks": Shape(4096, 11008, 8, 32, 32, 4096, 32_000, Q4_0),
    "llama-2-7b, 2 of 32 blocks, tied": Shape(4096, 11008, 2, 32, 32, 4096, 32_000, Q4_0, True),
    "llama-3-8b, 4 of 32 blocks": Shape(4096, 14336, 4, 32, 8, 8192, 128_256, Q4_0),
    "llama-3.2-1b, 4 of 16 blocks, tied": Shape(2048, 8192, 4, 32, 8, 8192, 128_256, Q8_0, True),
    "tinyllama, 6 of 22 blocks": Shape(2048, 5632, 6, 32, 4, 2048, 32_000, Q8_0),
}
WHOLE = {"llama-2-7b": Shape(4096, 11008, 32, 32, 32, 4096, 32_000, Q4_0)}
_READINGS = 9


def measure(shapes: dict[str, Shape] = SHAPES) -> dict[str, object]:
    """MiB of both and their ratio for each model, and milliseconds for its header."""
    found = {"starter": _model(starter_path())}
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in shapes.items():
            path = write_sparse(Path(folder, "model.gguf"), shape)
            found[name] = _model(path)
            path.unlink()
        large = _write_large_header(Path(folder, "large.gguf"))
        header_ms = round(_header_s(large) * 1000, 1)
    worst = max(abs(model["error"]) for model in found.values())
    return {"models": found, "worst_error": worst, "llama_3_header_ms": header_ms}


def _model(path: Path) -> dict[str, Any]:
    printed = subprocess.check_output([sys.executable, "-m", "bench.fit_probe", path])
    return {**json.loads(printed), "header_ms": round(_header_s(path) * 1000, 1)}


def _write_large_header(path: Path) -> Path:
    """As many tokens and merges as LLaMA-3 has, the most of the catalogue's kind."""
    shape = Shape(64, 64, 2, vocabulary=128_256)
    pairs = [f"w{number} w{number}" for number in range(280_147)]
    listed = tensors(shape)
    described = b"".join(gguf_files.tensor(name, lengths, kind) for name, lengths, kind in listed)
    merges = {**metadata(shape), "tokenizer.ggml.merges": pairs}
    path.write_bytes(gguf_files.header(merges, len(listed)) + described + bytes(2**26))
    return path


def _header_s(path: Path) -> float:
    times = []
    for _ in range(_READINGS):
        started = time.perf_counter()
        gguf_header.read(path)
        times.append(time.perf_counter() - started)
    return median(times)


if __name__ == "__main__":  # the whole LLaMA-2-7B, which takes a quarter of an hour on two cores
    print(json.dumps(measure(WHOLE), indent=2))
