"""How the terminal chat shows outcomes: as text for people, as JSON lines for programs."""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol, assert_never

from theragen_core import safety
from theragen_core.conversation import Role
from theragen_core.directory import CrisisResources
from theragen_core.faults import Fault
from theragen_core.protocol import Loaded
from theragen_core.resources import fault_text, text
from theragen_core.session import (
    Append,
    Ask,
    ChatSession,
    Drop,
    Outcome,
    Replace,
    ReturnText,
    ShowCrisis,
    ShowProgress,
    ShowTrimmed,
    ShowWarning,
    TurnEnded,
    TurnFailed,
)


def help_lines(resources: CrisisResources) -> list[str]:
    """Every number and address of the country, a line each."""
    listed = f"{safety.emergency_text(resources)}\n{safety.lines_text(resources)}"
    return [line.removeprefix("- ").replace("**", "") for line in listed.splitlines()]


class Output(Protocol):
    def ready(self, loaded: Loaded) -> None: ...
    def failed(self, fault: Fault, details: dict[str, str | int]) -> None: ...
    def prompt(self) -> None: ...
    def help(self, resources: CrisisResources) -> None: ...
    def rules_alone(self) -> None: ...
    def show(self, outcome: Outcome, session: ChatSession) -> None: ...


class PlainOutput:
    """Text for people. What a model writes is printed without control characters."""

    def __init__(self, interactive: bool, hosted: bool = False) -> None:
        self._interactive = interactive
        self._hosted = hosted

    def ready(self, loaded: Loaded) -> None:
        if self._interactive:
            _print(text("cli.welcome_hosted" if self._hosted else "cli.welcome"))
            _print(text("cli.ready", name=loaded.name) + "\n")
            _print(f"{loaded.note}\n\n" if loaded.note else "\n")

    def failed(self, fault: Fault, details: dict[str, str | int]) -> None:
        """The caller prints the sentence on stderr."""

    def prompt(self) -> None:
        _print(text("cli.prompt"))

    def rules_alone(self) -> None:
        _print(f"({text('cli.rules_alone')})\n")

    def help(self, resources: CrisisResources) -> None:
        _print("".join(f"  {line}\n" for line in help_lines(resources)) + "\n")

    def show(self, outcome: Outcome, session: ChatSession) -> None:
        match outcome:
            case ShowCrisis(resources=resources):
                self.help(resources)
            case ShowWarning(text_id=text_id):
                _print(f"\n({text(text_id)})\n")
            case Append(role=role, text=piece):
                if role is Role.ASSISTANT:
                    _print(piece)
            case Replace(text=whole):
                _print(f"\n{text('cli.replaced')}\n{whole}")
            case ShowTrimmed(first_visible=first):
                if first is not None:
                    _print(f"{text('cli.trimmed')}\n")
            case ReturnText(tokens=tokens, limit=limit):
                _print(text("cli.too_long", tokens=tokens, limit=limit) + "\n\n")
            case TurnEnded():
                _print("\n\n")
            case TurnFailed(fault=fault, details=details):
                print(f"\n{fault_text(fault, details)}\n", file=sys.stderr, flush=True)
            case Ask() | Drop() | ShowProgress():
                pass
            case _:
                assert_never(outcome)


class JsonOutput:
    """One object a line."""

    def ready(self, loaded: Loaded) -> None:
        told = {"model": loaded.name, "context": loaded.context, "note": loaded.note}
        _emit("ready", **told, seconds=loaded.seconds)

    def failed(self, fault: Fault, details: dict[str, str | int]) -> None:
        _emit("failed", reason=fault.value, text=fault_text(fault, details))

    def prompt(self) -> None:
        pass

    def help(self, resources: CrisisResources) -> None:
        pass

    def rules_alone(self) -> None:
        _emit("warning", text=text("cli.rules_alone"))

    def show(self, outcome: Outcome, session: ChatSession) -> None:
        match outcome:
            case ShowCrisis(tier=tier, resources=resources):
                _emit("crisis", tier=int(tier), lines=help_lines(resources))
            case ShowWarning(text_id=text_id):
                _emit("warning", text=text(text_id))
            case Append(role=role, text=piece):
                if role is Role.ASSISTANT:
                    _emit("delta", text=piece)
            case Replace(text=whole):
                _emit("retracted")
                _emit("delta", text=whole)
            case ShowTrimmed(first_visible=first):
                if first is not None:
                    _emit("warning", text=text("cli.trimmed"))
            case ReturnText(tokens=tokens, limit=limit):
                words = text("cli.too_long", tokens=tokens, limit=limit)
                _emit("failed", reason="too_long", tokens=tokens, limit=limit, text=words)
            case TurnEnded():
                self._finished(outcome, session)
            case TurnFailed(fault=fault, details=details):
                self.failed(fault, details)
            case Ask() | Drop() | ShowProgress():
                pass
            case _:
                assert_never(outcome)

    def _finished(self, ended: TurnEnded, session: ChatSession) -> None:
        done = ended.finished
        reply = "" if ended.message is None else session.conversation.get(ended.message).text
        _emit(
            "finished",
            tokens=done.tokens if done else 0,
            evaluated_tokens=done.evaluated if done else 0,
            seconds=round(done.seconds, 4) if done else 0.0,
            first_token_seconds=round(done.first_token_s, 4) if done else 0.0,
            stopped=ended.stopped,
            text=reply,
        )


def _emit(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def _print(words: str) -> None:
    # A model may write terminal escape sequences; none may reach the terminal.
    printable = "".join(c for c in words if c.isprintable() or c in "\n\t")
    sys.stdout.buffer.write(printable.encode("utf-8", errors="replace"))
    sys.stdout.flush()
