"""Speed of our engine in a process of its own: JSON with read and written, in tokens a second."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from theragen_core.cli.bench import DEPTH, TOKENS
from theragen_core.engines.base import Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.protocol import LocalModel


def main() -> None:
    engine = LlamaEngine(LocalModel(Path(sys.argv[1])), Watch())
    engine.speed(DEPTH, TOKENS)  # once for nothing, as llama-bench does
    read, written = engine.speed(DEPTH, TOKENS)
    print(json.dumps({"read": read, "written": written}))


if __name__ == "__main__":
    main()
