"""No model: repeats the newest message, word by word. For tests and demonstrations."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from theragen_core import resources
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.protocol import EchoModel, GenerateRequest, Loaded, Phase, Prefill

_CONTEXT = 8192
_NAP_S = 0.01


class EchoEngine:
    """Implements engines.base.Engine; a word counts as a token."""

    loaded: Loaded

    def __init__(self, spec: EchoModel) -> None:
        self._delay_s = spec.delay_s
        self.loaded = Loaded(resources.text("models.echo_name"), _CONTEXT, threads=1, seconds=0.0)

    def prefill(self, ahead: Prefill, watch: Watch) -> int:
        """Nothing to read."""
        return 0

    def generate(self, request: GenerateRequest, watch: Watch, stats: TurnStats) -> Iterator[str]:
        """See engines.base.Engine."""
        message = request.messages[-1].text
        stats.evaluated = len(message.split())
        watch.phase = Phase.WRITING
        for word in re.findall(r"\s*\S+", resources.text("models.echo_reply", message=message)):
            if watch.should_stop():
                break
            stats.written += 1
            watch.steps += 1
            yield word
            self._wait(watch)
        watch.phase = Phase.IDLE

    def leave(self) -> None:
        """Nobody else is at work."""

    def close(self) -> None:
        """Nothing to free."""

    def _wait(self, watch: Watch) -> None:
        """A pause as long as a slow model's, in naps, so that Stop is obeyed at once."""
        until = time.monotonic() + self._delay_s
        while (left := until - time.monotonic()) > 0 and not watch.should_stop():
            time.sleep(min(left, _NAP_S))
            watch.steps += 1
