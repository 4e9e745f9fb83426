"""A model at Replicate, with the same duties as one on this computer; see engines.base.

names      what a person writes -> which model
inputs     a conversation -> the input that the model's schema asks for
transport  who may see the token, how long to wait, what a failure means
api        the client package behind values of ours
turn       one reply, from its creation to its end
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

from theragen_core import hosted_names, resources
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.replicate.api import Api
from theragen_core.engines.replicate.inputs import CHARACTERS, InputBuilder
from theragen_core.engines.replicate.transport import (
    CANCEL_AFTER_S,
    ApiTransport,
    base_url,
    connections,
)
from theragen_core.engines.replicate.turn import End, HostedTurn, Text, Waiting
from theragen_core.engines.reply_end import StopMarks
from theragen_core.errors import CloudError, UserError
from theragen_core.faults import Fault
from theragen_core.protocol import GenerateRequest, HostedModel, Loaded, Phase, Prefill

_LOOK_S = 0.02  # how soon Stop is seen
_SHORT_WAIT_S = 2  # a wait that needs no words
_LEAVE_S = 1.5


class ReplicateEngine:
    """Implements engines.base.Engine. Tokens are estimated from letters."""

    loaded: Loaded

    def __init__(self, spec: HostedModel, watch: Watch) -> None:
        """Looks the model up, which tries the token too. Raises CloudError."""
        started = time.monotonic()
        reference = hosted_names.parse(spec.name, spec.deployment)
        self._token = _checked(spec.token)
        self._name = spec.name.strip()
        self._base = base_url()
        self._connections = connections(self._base)
        self._turns: list[HostedTurn] = []
        try:
            api = self._api(watch.should_stop, lambda seconds: None)
            self._hosted = api.look_up(reference)
            self._inputs = InputBuilder(self._hosted.schema, self._name)
        except UserError:
            self._connections.close()
            raise
        shown = resources.text("models.hosted_name", name=self._name)
        seconds = time.monotonic() - started
        self.loaded = Loaded(shown, self._inputs.context, threads=0, seconds=seconds)

    def prefill(self, ahead: Prefill, watch: Watch) -> int:
        """Nothing: what is not sent yet stays here, and a machine that is woken is paid for."""
        return 0

    def generate(self, request: GenerateRequest, watch: Watch, stats: TurnStats) -> Iterator[str]:
        """See engines.base.Engine. Raises CloudError; what came before it has been yielded."""
        made = self._inputs.build(request)
        stats.first_visible, stats.evaluated = made.first_visible, made.tokens
        self._turns = [turn for turn in self._turns if not turn.over]
        turn = HostedTurn(self._api, self._hosted, made.values)
        self._turns.append(turn)
        marks = StopMarks(self._inputs.stops)
        watch.phase = Phase.WAKING
        letters = 0
        try:
            for piece in self._pieces(turn, watch):
                shown, ended = marks.feed(piece)
                letters += len(shown)
                stats.written = max(1, letters // CHARACTERS)
                if shown:
                    yield shown
                if ended:
                    return
            if rest := marks.finish():
                yield rest
        except CloudError:
            if rest := marks.finish():
                yield rest
            raise
        finally:
            watch.phase = Phase.IDLE
            turn.give_up()

    def leave(self) -> None:
        """Cancel what is still at work there."""
        until = time.monotonic() + _LEAVE_S
        for turn in self._turns:
            turn.give_up()
        for turn in self._turns:
            turn.wait(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        self.leave()
        self._connections.close()

    def _pieces(self, turn: HostedTurn, watch: Watch) -> Iterator[str]:
        """What arrives, until the end or until Stop. Meanwhile the wait is reported."""
        clock = _Clock(watch)
        while not watch.should_stop():
            watch.steps += 1
            try:
                news = turn.news.get(timeout=_LOOK_S)
            except queue.Empty:
                clock.tick()
                continue
            match news:
                case Text(text=text):
                    watch.phase = Phase.WRITING
                    clock.stop()
                    yield text
                case Waiting(seconds=seconds):
                    watch.report(Phase.QUEUED, seconds, seconds)
                case End(error=error):
                    if error is not None:
                        raise error
                    return

    def _api(self, should_stop: Callable[[], bool], waiting: Callable[[int], None]) -> Api:
        transport = ApiTransport(
            self._connections, self._token, self._name, self._base, should_stop, waiting
        )
        return Api(transport, self._base)


class _Clock:
    """Reports each second that passes before the first word."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._started = time.monotonic()
        self._told = _SHORT_WAIT_S
        self._stopped = False

    def tick(self) -> None:
        seconds = int(time.monotonic() - self._started)
        if seconds > self._told and not self._stopped:
            self._told = seconds
            self._watch.report(Phase.WAKING, seconds, CANCEL_AFTER_S)

    def stop(self) -> None:
        self._stopped = True


def _checked(token: str) -> str:
    """A header takes letters that can be seen, and nothing else."""
    token = token.strip()
    if not token:
        raise CloudError(Fault.CLOUD_TOKEN_MISSING)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise CloudError(Fault.CLOUD_TOKEN_REFUSED)
    return token
