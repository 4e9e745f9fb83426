"""Replies as a person would see them: {"id", "messages", "reply", "country"?} in, {"id", "action",
"reasons", "text"} out; the action is "pass" for a reply that is shown as it is, else "replace".
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from theragen_core import directory, safety
from theragen_core.cli import json_lines
from theragen_core.cli.json_lines import BadLine, add_arguments, field, messages_of
from theragen_core.conversation import Role
from theragen_core.guard import Guard
from theragen_core.resources import text

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    """Review stdin's replies, each as the answer to the conversation before it."""
    guard = json_lines.make_guard(options)

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        return {"id": row.get("id"), **_reviewed(guard, row)}

    return json_lines.process(answer, sys.stdin.buffer)


def _reviewed(guard: Guard, row: dict[str, Any]) -> dict[str, Any]:
    messages, reply = messages_of(row), field(row, "reply", str)
    resources = directory.help_for(_country(row))
    said = [message.text for message in messages if message.role is Role.USER]
    stream = safety.StreamGuard(
        resources.dial_strings, said[-1] if said else "", guard.assess(messages), guard.trained
    )
    shown = guard.filter(stream, reply)
    if stream.end is safety.End.BLOCKED:
        instead = safety.replacement(stream.risk, resources, 0)
        shown = f"{shown}\n\n{instead}" if shown else instead
    reasons = [*stream.reasons]
    if stream.end in (safety.End.LOOPING, safety.End.BROKEN):
        reasons.append(stream.end.value)
    return {
        "action": "pass" if shown == reply and not reasons else "replace",
        "reasons": reasons,
        "text": shown,
    }


def _country(row: dict[str, Any]) -> str | None:
    code = row.get("country")
    if code is None:
        return None
    code = field(row, "country", str)
    if code.upper() not in dict(directory.countries()):
        raise BadLine(text("cli.unknown_country", country=safety.clean(code)[:20]))
    return code.upper()
