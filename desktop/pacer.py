"""The pace at which a reply appears: bursts of sentences flow on as an even stream of words.

Knows text and time in seconds; has no clock, no timer and no window of its own.
"""

from __future__ import annotations

import re

LAG_S = 0.8  # what has arrived is shown completely within this time of the last arrival
SLOWEST = 40.0  # characters a second, so that a short rest does not dribble

_REST_OF_WORD = re.compile(r"\S{0,24}\s?")


class Pacer:
    """Text goes in as it arrives, and comes out in whole words at an even speed."""

    def __init__(self) -> None:
        self._waiting = ""
        self._speed = SLOWEST
        self._allowance = 0.0
        self._last: float | None = None

    @property
    def idle(self) -> bool:
        return not self._waiting

    def feed(self, text: str) -> None:
        self._waiting += text
        self._speed = max(SLOWEST, len(self._waiting) / LAG_S)

    def take(self, now: float) -> str:
        """The part to show at this moment; `now` never runs backwards."""
        elapsed = 0.0 if self._last is None else now - self._last
        self._last = now
        if not self._waiting:
            self._allowance = 0.0  # a silence earns no burst
            return ""
        self._allowance += elapsed * self._speed
        return self._cut(self._allowance)

    def drain(self) -> str:
        """All that waits, at once."""
        rest, self._waiting = self._waiting, ""
        self._allowance = 0.0
        return rest

    def _cut(self, allowance: float) -> str:
        if allowance < 1:
            return ""
        # Whole words read better than letters, and never split what is drawn as one character.
        word = _REST_OF_WORD.match(self._waiting, int(allowance))
        end = word.end() if word else len(self._waiting)
        part, self._waiting = self._waiting[:end], self._waiting[end:]
        self._allowance = allowance - len(part)
        return part
