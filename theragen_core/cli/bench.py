"""How fast a model is on this computer: one JSON object.

The turns are those of the window, which has what was said read ahead between two of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from theragen_core import hardware
from theragen_core.conversation import Message, Role
from theragen_core.engines.base import Engine, Watch
from theragen_core.engines.turn import run_turn
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    Delta,
    Finished,
    GenerateRequest,
    LocalModel,
    Prefill,
    SamplingOptions,
    TemplateChoice,
    TurnId,
)
from theragen_core.resources import text

DEPTH, TOKENS = 256, 64  # read, and then written
REPLY = SamplingOptions(max_tokens=48, seed=1)
SAID = (
    "I had a long week at work and I am glad that it is over.",
    "My manager changed again, and I have to explain everything once more.",
    "On Sunday I want to see my sister and walk by the river.",
    "We have not talked much since she moved.",
    "I sleep badly when there is so much to think of.",
)
TURNS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file")
    parser.add_argument("--template", choices=[str(t) for t in TemplateChoice], default="file")


def run(options: argparse.Namespace) -> int:
    """Measure and print. Raises UserError when the model cannot be loaded."""
    from theragen_core.engines.llama import LlamaEngine

    path = options.model or starter_path()
    engine = LlamaEngine(LocalModel(path, TemplateChoice(options.template)), Watch())
    read, written = engine.speed(DEPTH, TOKENS)
    turns = _turns(engine)
    found: dict[str, Any] = {
        "model": str(path),
        "threads": engine.loaded.threads,
        "load_s": round(engine.loaded.seconds, 3),
        "prefill_tok_s": round(read, 1),
        "decode_tok_s": round(written, 1),
        "ttft_s": [round(turn.first_token_s, 4) for turn in turns],
        "evaluated_tokens": [turn.evaluated for turn in turns],
        "peak_rss": hardware.peak_memory(),
    }
    engine.close()
    print(json.dumps(found))
    return 0


def _turns(engine: Engine) -> list[Finished]:
    """A conversation of twenty turns."""
    said: list[Message] = []
    found = []
    for number in range(1, TURNS + 1):
        engine.prefill(Prefill(tuple(said), REPLY), Watch())
        said.append(Message(Role.USER, SAID[number % len(SAID)]))
        reply = ""
        for event in run_turn(engine, GenerateRequest(TurnId(number), tuple(said), REPLY), Watch()):
            if isinstance(event, Delta):
                reply += event.text
            elif isinstance(event, Finished):
                found.append(event)
        said.append(Message(Role.ASSISTANT, reply))
        if sys.stderr.isatty():
            print(text("cli.bench_turn", done=number, total=TURNS), end="\r", file=sys.stderr)
    return found
