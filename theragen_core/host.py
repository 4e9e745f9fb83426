"""Main loop of a child process: commands come in on stdin, events go out on stdout.

Three threads share one process: the main thread runs the engine, a reader sees Cancel and the end
of stdin while native code is busy, and a pulse shows the window that the process is alive and
whether native code makes progress. File descriptor 1 is kept for the protocol alone: native
libraries print to it at will, so it is duplicated and the original pointed at stderr first.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import replace
from typing import BinaryIO

from theragen_core import backends, process, wire
from theragen_core.engines.base import Engine, Reporter, Watch, ignore_progress
from theragen_core.engines.turn import report_bug, run_turn
from theragen_core.errors import ProtocolError, UserError
from theragen_core.faults import Fault
from theragen_core.guard import Guard
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    EchoModel,
    Event,
    Failed,
    Generate,
    GenerateRequest,
    Heartbeat,
    HostedModel,
    Load,
    LocalModel,
    ModelSpec,
    Phase,
    Prefill,
    Prefilled,
    Progress,
    Review,
    Reviewed,
    Shutdown,
    TurnId,
)
from theragen_core.safety import Sentence

PULSE_S = 0.5


def make_engine(spec: ModelSpec, watch: Watch) -> Engine:
    """Load the engine for `spec`. Raises UserError when it cannot be had.

    Engines are imported here: llama.cpp alone takes a quarter of a second.
    """
    match spec:
        case LocalModel():
            backends.check_processor()  # before the library that it is about is loaded
            from theragen_core.engines.llama import LlamaEngine

            return LlamaEngine(spec, watch)
        case EchoModel():
            from theragen_core.engines.echo import EchoEngine

            return EchoEngine(spec)
        case HostedModel():
            from theragen_core.credentials import TokenStore
            from theragen_core.engines.replicate import ReplicateEngine

            # No native code can hang here, so the end of stdin is enough of an end; the other one
            # would leave no time to cancel what is at work at Replicate.
            process.outlive_parent()
            token = spec.token or TokenStore().load().token
            return ReplicateEngine(replace(spec, token=token), watch)


class Host:
    """Carries out commands one after another, in the order in which they came."""

    def __init__(self, commands: BinaryIO, events: int) -> None:
        self._lines = commands
        self._events = events
        self._sending = threading.Lock()
        self._ending = threading.Lock()
        self._queue: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._cancelled: set[TurnId] = set()
        self._ahead_cancelled = False
        self._watch = Watch()
        self._engine: Engine | None = None
        self._guard: Guard | None = None
        self._load_failure: Failed | None = None
        self._spec: ModelSpec | None = None

    def run(self) -> None:
        """Serve until stdin ends, which ends the process at once."""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._pulse, daemon=True).start()
        while True:
            self._carry_out(self._queue.get())

    # The reader and the pulse

    def _read(self) -> None:
        for line in self._lines:
            try:
                command = wire.decode_command(line)
            except ProtocolError:
                self._send(Failed(NO_TURN, Fault.ENGINE_BUG))
                continue
            if isinstance(command, Shutdown):
                break
            if not isinstance(command, Cancel):
                self._ahead_cancelled = False
                self._queue.put(command)
            elif command.turn == NO_TURN:
                self._ahead_cancelled = True
            else:
                self._cancelled.add(command.turn)
        self._end()

    def _end(self) -> None:
        with self._ending:  # whoever comes second waits for the end
            if self._engine is not None:
                self._engine.leave()
            # Not sys.exit: native code in the main thread must not be waited for, nor torn down
            # while it runs.
            os._exit(0)

    def _pulse(self) -> None:
        while True:
            self._send(Heartbeat(self._watch.phase, self._watch.steps))
            time.sleep(PULSE_S)

    def _send(self, event: Event) -> None:
        line = memoryview(wire.encode(event))
        try:
            with self._sending:
                while line:
                    line = line[os.write(self._events, line) :]
        except OSError:  # nobody listens any more
            self._end()

    # Commands

    def _carry_out(self, command: Command) -> None:
        match command:
            case Load(model=spec):
                self._load(spec)
            case Generate(request=request):
                self._generate(request)
            case Prefill():
                self._prefill(command)
            case Assess():
                self._assess(command)
            case Review():
                self._review(command)
            case Cancel() | Shutdown():
                raise AssertionError("handled by the reader")

    def _load(self, spec: ModelSpec) -> None:
        self._spec = spec
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        self._watch = Watch(report=self._reporter(NO_TURN), phase=Phase.LOADING)
        try:
            self._engine = make_engine(spec, self._watch)
        except UserError as error:
            self._load_failure = Failed(NO_TURN, error.fault, error.details)
            self._send(self._load_failure)
        except Exception as error:
            report_bug(error)
            self._load_failure = Failed(NO_TURN, Fault.ENGINE_BUG)
            self._send(self._load_failure)
        else:
            self._load_failure = None
            self._send(self._engine.loaded)
            # What every prompt begins with is read while the person reads or types.
            self._engine.prefill(Prefill(), self._watch_ahead())
        self._watch.phase = Phase.IDLE

    def _prefill(self, ahead: Prefill) -> None:
        evaluated = 0
        if self._engine is not None and self._queue.empty():
            watch = self._watch_ahead(self._reporter(NO_TURN))
            try:
                evaluated = self._engine.prefill(ahead, watch)
            except Exception as error:  # nobody waits for it: the turn itself will fail and say so
                report_bug(error)
        self._send(Prefilled(evaluated))

    def _watch_ahead(self, report: Reporter = ignore_progress) -> Watch:
        """Anything that comes goes before what is read ahead."""
        self._watch = Watch(
            should_stop=lambda: self._ahead_cancelled,
            should_yield=lambda: not self._queue.empty(),
            report=report,
        )
        return self._watch

    def _generate(self, request: GenerateRequest) -> None:
        turn = request.turn
        if self._engine is None and isinstance(self._spec, HostedModel):
            self._load(self._spec)  # what was not there a moment ago may be there now
        if self._engine is None:
            failure = self._load_failure or Failed(NO_TURN, Fault.MODEL_NOT_LOADED)
            self._send(Failed(turn, failure.fault, failure.details))
            return
        self._watch = Watch(
            should_stop=lambda: turn in self._cancelled,
            report=self._reporter(turn),
            phase=Phase.READING,
        )
        for event in run_turn(self._engine, request, self._watch):
            self._send(event)
        self._watch.phase = Phase.IDLE

    def _assess(self, command: Assess) -> None:
        guard = self._guarded()
        assessment = guard.assess(command.messages, command.corrected)
        self._send(Assessed(command.turn, assessment, by_rules_alone=not guard.trained))

    def _review(self, command: Review) -> None:
        sentence = Sentence(command.sentence, command.before, command.answers, command.risk)
        verdict = self._guarded().review(sentence)
        self._send(Reviewed(command.turn, command.number, verdict.reasons, verdict.joint))

    def _guarded(self) -> Guard:
        """Made when it is first asked: a host that runs a model is never asked."""
        if self._guard is None:
            self._guard = Guard()
        return self._guard

    def _reporter(self, turn: TurnId) -> Reporter:
        return lambda phase, done, total: self._send(Progress(turn, phase, done, total))


def main() -> None:
    """Run as a child process; returns never."""
    process.end_with_parent()
    process.forbid_memory_dumps()
    os.environ["GGML_NO_BACKTRACE"] = "1"  # an abort would otherwise run a debugger on itself
    os.environ.pop("LLAMA_CPP_LIB_PATH", None)  # or anyone could plant a library
    events = os.dup(1)
    os.dup2(2, 1)
    Host(sys.stdin.buffer, events).run()


if __name__ == "__main__":
    main()
