"""The risk that conversations show: {"id", "messages"} in, {"id", "tier", "topics"} out."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from theragen_core import process
from theragen_core.cli.json_lines import messages_of
from theragen_core.cli.json_lines import process as process_lines
from theragen_core.guard import Guard
from theragen_core.resources import text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", action="store_true", help="by rules alone, without the encoder")


def run(options: argparse.Namespace) -> int:
    """Assess stdin's conversations; each tier is that of the conversation's end."""
    process.forbid_memory_dumps()
    guard = Guard(load=lambda: None) if options.rules else Guard()
    if not guard.trained and not options.rules:
        print(text("cli.rules_alone"), file=sys.stderr)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        assessed = guard.assess(messages_of(row))
        topics = sorted(topic.value for topic in assessed.topics)
        return {"id": row.get("id"), "tier": int(assessed.tier), "topics": topics}

    return process_lines(answer, sys.stdin.buffer)
