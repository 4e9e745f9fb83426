"""One turn of an engine as protocol events; shared by the host and the terminal chat."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from theragen_core.engines.base import Engine, TurnStats, Watch
from theragen_core.errors import MessageTooLong, UserError
from theragen_core.faults import Fault
from theragen_core.protocol import (
    Delta,
    Event,
    Failed,
    Finished,
    GenerateRequest,
    Refused,
    Trimmed,
)


def run_turn(engine: Engine, request: GenerateRequest, watch: Watch) -> Iterator[Event]:
    """Trimmed, Delta*, then exactly one of Finished, Refused and Failed. Never raises."""
    turn = request.turn
    try:
        yield from _stream(engine, request, watch)
    except MessageTooLong as error:
        yield Refused(turn, error.tokens, error.limit)
    except UserError as error:
        yield Failed(turn, error.fault, error.details)
    except Exception as error:
        report_bug(error)
        yield Failed(turn, Fault.ENGINE_BUG)


def _stream(engine: Engine, request: GenerateRequest, watch: Watch) -> Iterator[Event]:
    turn, stats = request.turn, TurnStats()
    started = time.monotonic()
    first_token_s = 0.0
    for piece in engine.generate(request, watch, stats):
        if not first_token_s:
            first_token_s = time.monotonic() - started
            yield Trimmed(turn, stats.first_visible)
        yield Delta(turn, piece)
    seconds = time.monotonic() - started
    stopped = watch.should_stop()
    yield Finished(turn, stats.written, stats.evaluated, seconds, first_token_s, stopped)


def report_bug(error: BaseException) -> None:
    """Say where it happened; the message is left out, as it may quote a person."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    print(f"theragen: {type(error).__name__} at {where}", file=sys.stderr)
