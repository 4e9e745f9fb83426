"""Speed of our engine in a process of its own: JSON with read and written, in tokens a second.

In a context as small as llama-bench's, which holds what it reads and writes and no more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from theragen_core.cli.bench import DEPTH, TOKENS
from theragen_core.engines.base import Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.protocol import LoadOptions, LocalModel

CONTEXT = 512


def main() -> None:
    model = LocalModel(Path(sys.argv[1]), options=LoadOptions(context=CONTEXT))
    engine = LlamaEngine(model, Watch())
    engine.speed(DEPTH, TOKENS)  # once for nothing, as llama-bench does
    read, written = engine.speed(DEPTH, TOKENS)
    print(json.dumps({"read": read, "written": written}))


if __name__ == "__main__":
    main()
