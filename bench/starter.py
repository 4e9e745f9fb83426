"""Prints what the starter model replies to everyday worries, to be read by a person.

    python -m bench.starter            with its profile in resources/models.json
    python -m bench.starter --plain    with plain defaults, for comparison

Nothing here judges a reply; docs/STARTER.md holds what a reader counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from theragen_core import model_profile
from theragen_core.conversation import Message, Role
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.llama import LlamaEngine
from theragen_core.model_profile import ModelProfile
from theragen_core.protocol import GenerateRequest, LocalModel, SamplingOptions, TurnId

PROMPTS = Path(__file__).with_name("starter_prompts.json")

PLAIN = ModelProfile(
    display_name="Starter model with plain defaults",
    note="",
    system_prompt="You are a helpful assistant.",
    primer=(),
    temperature=0.8,
    top_k=40,
    top_p=0.95,
    min_p=0.05,
    repeat_penalty=1.0,
    max_tokens=160,
    max_sentences=0,
)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the starter model replies.")
    parser.add_argument("--plain", action="store_true", help="with plain defaults")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    spec = LocalModel(model_profile.starter_path())
    engine = LlamaEngine(spec, Watch(), PLAIN if arguments.plain else None)
    for number, turns in enumerate(json.loads(PROMPTS.read_text(encoding="utf-8")), start=1):
        print(f"\n## {number}")
        converse(engine, turns, arguments.seed)
    engine.close()


def converse(engine: LlamaEngine, turns: Sequence[str], seed: int) -> None:
    messages: list[Message] = []
    for number, text in enumerate(turns, start=1):
        messages.append(Message(Role.USER, text))
        request = GenerateRequest(TurnId(number), tuple(messages), SamplingOptions(seed=seed))
        reply = "".join(engine.generate(request, Watch(), TurnStats())).strip()
        messages.append(Message(Role.ASSISTANT, reply))
        print(f"\n> {text}\n\n{reply}")


if __name__ == "__main__":
    main()
