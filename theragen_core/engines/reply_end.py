"""Where a streamed reply ends, when the model does not say so by itself.

Knows streams of text, cut anywhere. Refuses to know models and what a reply says.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopMarks:
    """Ends a reply where the model writes a mark; holds back what may become one."""

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = marks
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text that may be shown by now, and whether the reply ends with it."""
        held = self._held + text
        found = [at for mark in self._marks if (at := held.find(mark)) >= 0]
        if found:
            self._held = ""
            return held[: min(found)], True
        safe = len(held) - self._length_of_beginning(held)
        self._held = held[safe:]
        return held[:safe], False

    def finish(self) -> str:
        """What was held back and did not become a mark."""
        return self._held

    def _length_of_beginning(self, text: str) -> int:
        """The length of the longest end of `text` with which a mark begins."""
        longest = min(len(text), max((len(mark) - 1 for mark in self._marks), default=0))
        for length in range(longest, 0, -1):
            if any(mark.startswith(text[-length:]) for mark in self._marks):
                return length
        return 0


class SentenceLimit:
    """Ends a reply after so many sentences, or after a question that is not its first sentence.

    A small model drifts with every sentence; a question is where a listener stops. 0: no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sentences = 0
        self._last = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text up to the reply's end, and whether that has come."""
        for at, letter in enumerate(text if self._limit else ""):
            if letter.isspace() and self._last in (".", "!", "?"):
                self._sentences += 1
                asked = self._last == "?" and self._sentences > 1
                if asked or self._sentences == self._limit:
                    return text[:at], True
            self._last = letter
        return text, False
