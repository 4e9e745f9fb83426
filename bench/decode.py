"""Decode speed: our engine beside llama.cpp's own loop in C, on the same library and model.

Pairs are interleaved, so that whatever else the machine does falls on both. Sampling is included
on both sides; the yardstick reads as deep a prompt first as ours had.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from theragen_core import hardware
from theragen_core.model_profile import starter_path

PAIRS = 9


def measure() -> dict[str, object]:
    """Tokens a second of both, and the median ratio with its range."""
    with tempfile.TemporaryDirectory() as folder:
        program = build_yardstick(Path(folder))
        pairs = [_pair(program) for _ in range(PAIRS)]
    ratios = sorted(ours / raw for ours, raw in pairs)
    return {
        "ours_tok_s": round(median(ours for ours, _ in pairs), 1),
        "llama_cpp_tok_s": round(median(raw for _, raw in pairs), 1),
        "ratio": round(median(ratios), 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "pairs": PAIRS,
    }


def build_yardstick(folder: Path) -> Path:
    """Compile raw_decode.c against the very library that the binding loads."""
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    source, program = Path(__file__).with_name("raw_decode.c"), folder / "raw_decode"
    libraries = package / "lib"
    subprocess.run(
        [
            *("cc", "-O2", f"-I{package.parent / 'include'}", source, "-o", program),
            *(f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lllama", "-lggml-base"),
        ],
        check=True,
    )
    return program


def _pair(program: Path) -> tuple[float, float]:
    """Tokens a second of our engine, then of the yardstick at the same depth."""
    ours = json.loads(subprocess.check_output([sys.executable, "-m", "bench.decode_probe"]))
    machine = hardware.probe()
    extra_buffers = "0" if hardware.has_amx() else "1"  # as engines/llama.py decides
    numbers = [machine.cores, ours["depth"], ours["tokens"], extra_buffers]
    raw = subprocess.check_output([program, starter_path(), *map(str, numbers)])
    return ours["tokens"] / ours["seconds"], float(raw)
