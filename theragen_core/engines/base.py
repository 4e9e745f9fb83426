"""What every engine is: load it, generate with it, close it. One thread at a time.

An engine lives in the host process. It never prints, never logs a person's words, and looks at
`should_stop` often enough that a person who presses Stop is obeyed within 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from theragen_core.protocol import GenerateRequest, Loaded, Phase, Prefill

Reporter = Callable[[Phase, int, int], None]


def ignore_progress(phase: Phase, done: int, total: int) -> None:
    """The default for those who do not care."""


@dataclass(slots=True)
class Watch:
    """How an engine and its host see each other while native code runs.

    `should_stop` is asked by the engine; `should_yield` by one that reads ahead, which then stops
    at the next place where no work is lost. `phase` and `steps` are written by the engine: a host
    that sees `steps` stand still in a phase that should move knows that native code hangs.
    `report` receives progress (loading: thousandths; reading: tokens).
    """

    should_stop: Callable[[], bool] = lambda: False
    should_yield: Callable[[], bool] = lambda: False
    report: Reporter = ignore_progress
    phase: Phase = Phase.IDLE
    steps: int = 0


@dataclass(slots=True)
class TurnStats:
    """Filled in by an engine during a turn."""

    evaluated: int = 0  # tokens read before the first one was written
    written: int = 0  # tokens written
    first_visible: int = 0  # index of the first message that the model still sees


class Engine(Protocol):
    """One loaded model."""

    loaded: Loaded

    def generate(self, request: GenerateRequest, watch: Watch, stats: TurnStats) -> Iterator[str]:
        """Yield the reply piece by piece; pieces are whole characters.

        `stats.first_visible` and `stats.evaluated` are set before the first piece, `written`
        grows with each token. Returns early when `watch.should_stop()`.
        Raises MessageTooLong when the newest message alone does not fit.
        """
        ...

    def prefill(self, ahead: Prefill, watch: Watch) -> int:
        """Read ahead what a request begins with that continues these messages, of which the last
        may be a draft; without messages, what every request begins with.

        Returns how many tokens were evaluated for it. Given up, with what was read kept, when
        `watch.should_stop()` or `watch.should_yield()`; does nothing for what does not fit.
        """
        ...

    def leave(self) -> None:
        """The process is about to end, told from another thread; a second or two, no more.

        An engine that has others work for it tells them to stop.
        """
        ...

    def close(self) -> None:
        """Free the memory. The engine is not used again."""
        ...
