"""The risk that conversations show: {"id", "messages"} in, {"id", "tier", "topics"} out."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from theragen_core.cli import json_lines
from theragen_core.cli.json_lines import add_arguments, messages_of

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    """Assess stdin's conversations; each tier is that of the conversation's end."""
    guard = json_lines.make_guard(options)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        assessed = guard.assess(messages_of(row))
        topics = sorted(topic.value for topic in assessed.topics)
        return {"id": row.get("id"), "tier": int(assessed.tier), "topics": topics}

    return json_lines.process(answer, sys.stdin.buffer)
