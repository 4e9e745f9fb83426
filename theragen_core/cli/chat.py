"""Terminal chat: the same session and engines as the window, without a child process.

With piped stdin each line is one turn. With --json each line of output is one object with
"event": ready, crisis, warning, delta, retracted, finished or failed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from theragen_core import directory, process, safety
from theragen_core.cli import load_options
from theragen_core.cli.chat_output import JsonOutput, Output, PlainOutput
from theragen_core.cli.load_options import MOST, between
from theragen_core.engines.base import Engine, Watch
from theragen_core.engines.turn import run_turn
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.guard import Guard
from theragen_core.host import make_engine
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    Assess,
    Assessed,
    Command,
    EchoModel,
    Event,
    Generate,
    HostedModel,
    LocalModel,
    ModelSpec,
    Review,
    Reviewed,
    SamplingOptions,
    TemplateChoice,
)
from theragen_core.resources import text
from theragen_core.safety import Sentence
from theragen_core.session import Ask, ChatSession, Outcomes

QUIT_COMMANDS = ("/quit", "/exit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file")
    parser.add_argument("--engine", choices=("llama", "replicate", "echo"), default="llama")
    parser.add_argument("--hosted", metavar="OWNER/NAME", default="", help="at Replicate")
    parser.add_argument("--deployment", action="store_true", help="--hosted names a deployment")
    parser.add_argument(
        "--token-stdin",
        action="store_true",
        help="the first line of stdin is the Replicate token; else the keyring's is used",
    )
    parser.add_argument(
        "--include-danger",
        action="store_true",
        help="send what was said in danger to Replicate too, in later turns",
    )
    parser.add_argument("--template", choices=[str(t) for t in TemplateChoice], default="file")
    parser.add_argument("--country", metavar="XX", help="two letters, for help lines")
    parser.add_argument("--temperature", type=between(float, 0, 2))
    parser.add_argument("--max-tokens", type=between(int, 1, MOST))
    parser.add_argument("--seed", type=between(int, 0, MOST), help="makes replies repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    load_options.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Chat until stdin ends. Raises UserError when the model cannot be loaded."""
    process.forbid_memory_dumps()
    session = ChatSession(
        country=_country(options.country),
        options=SamplingOptions(options.temperature, options.max_tokens),
    )
    if options.seed is not None:
        session.new_seed = lambda: options.seed
    interactive = sys.stdin.isatty() and not options.json
    model = _model(options)
    session.cloud = hosted = isinstance(model, HostedModel)
    session.cloud_agreed = options.include_danger
    if hosted:  # asked to end, it still cancels what is at work at Replicate
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = JsonOutput() if options.json else PlainOutput(interactive, hosted)
    engine = _load(model, output)
    guard = Guard()
    session.guarded = guard.trained
    if not guard.trained:
        output.rules_alone()
    try:
        _converse(_Talk(session, engine, guard, output), interactive)
    finally:
        engine.close()
    return 0


def _country(code: str | None) -> str | None:
    if code is None:
        names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        return directory.country_from_locale(next(filter(None, names), None))
    if code.upper() not in dict(directory.countries()):
        raise UserError(Fault.COUNTRY_UNKNOWN, country=safety.clean(code))
    return code.upper()


def _model(options: argparse.Namespace) -> ModelSpec:
    if options.engine == "echo":
        return EchoModel()
    if options.engine == "replicate":
        token = sys.stdin.buffer.readline() if options.token_stdin else b""
        return HostedModel(options.hosted, token.decode("ascii", "replace"), options.deployment)
    return LocalModel(
        options.model or starter_path(),
        TemplateChoice(options.template),
        load_options.load_options(options),
    )


def _load(model: ModelSpec, output: Output) -> Engine:
    try:
        engine = make_engine(model, Watch())
    except UserError as error:
        output.failed(error.fault, error.details)
        raise
    output.ready(engine.loaded)
    return engine


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who takes part in a conversation at a terminal."""

    session: ChatSession
    engine: Engine
    guard: Guard
    output: Output


def _converse(talk: _Talk, interactive: bool) -> None:
    session, output = talk.session, talk.output
    for line in _lines(output, interactive):
        if interactive and line.strip() in QUIT_COMMANDS:
            return
        if interactive and line.strip() == "/help":
            output.help(directory.help_for(session.country))
        elif interactive and session.cloud and line.strip() == "/include":
            session.cloud_agreed = True
            print(text("cli.included"))
        elif interactive and line.strip() == "/new":
            session.forget()
        elif interactive and line.strip() == "/correct":
            _take_turn(talk, session.correct())
        else:
            _take_turn(talk, session.submit(line))


def _lines(output: Output, interactive: bool) -> Iterator[str]:
    while True:
        if interactive:
            output.prompt()
        line = sys.stdin.buffer.readline()
        if not line:
            return
        yield line.decode("utf-8", errors="replace")


def _take_turn(talk: _Talk, outcomes: Outcomes) -> None:
    for outcome in outcomes:
        talk.output.show(outcome, talk.session)
        if not isinstance(outcome, Ask):
            continue
        if isinstance(outcome.command, Generate):
            _generate(talk, outcome.command)
        elif (answer := _guard_answer(talk.guard, outcome.command)) is not None:
            _take_turn(talk, talk.session.receive(answer))


def _guard_answer(guard: Guard, command: Command) -> Event | None:
    """What the guard's process would say; here it is asked directly."""
    match command:
        case Assess(turn=turn, messages=messages, corrected=corrected):
            return Assessed(turn, guard.assess(messages, corrected))
        case Review(turn=turn, number=number):
            sentence = Sentence(command.sentence, command.before, command.answers, command.risk)
            verdict = guard.review(sentence)
            return Reviewed(turn, number, verdict.reasons, verdict.joint)
        case _:
            return None


def _generate(talk: _Talk, command: Generate) -> None:
    """Stream the reply. Ctrl+C ends it at a terminal, and the program elsewhere."""
    session = talk.session
    watch = Watch(should_stop=lambda: not session.busy)
    try:
        for event in run_turn(talk.engine, command.request, watch):
            _take_turn(talk, session.receive(event))
    except KeyboardInterrupt:
        _take_turn(talk, session.stop())
        if not sys.stdin.isatty():
            raise
