"""One model, loaded and its context filled, in a process of its own: JSON with both sizes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from theragen_core import fit, gguf_header, hardware
from theragen_core.engines.base import Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.protocol import LoadOptions, LocalModel

_MIB = 2**20
_TOKEN = 5  # any; what is read makes no difference to memory


def main(path: Path, context: int | None = None) -> None:
    options = LoadOptions(context=context)
    plan = fit.choose(gguf_header.read(path), hardware.probe(), (), options)
    engine = LlamaEngine(LocalModel(path, options=options), Watch())
    read = engine._context.read([_TOKEN] * (plan.context - 1), Watch())
    assert read == plan.context - 1
    peak = peak_memory()
    result = {
        "context": plan.context,
        "estimate_mib": round(plan.ram.total / _MIB, 1),
        "peak_mib": round(peak / _MIB, 1),
        "error": round(plan.ram.total / peak - 1, 3),
    }
    print(json.dumps(result))


def peak_memory() -> int:
    """Most resident bytes since this program began; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
