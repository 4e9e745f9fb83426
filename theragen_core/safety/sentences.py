"""Cuts a streamed reply into sentences, each as soon as it is complete.

Where a sentence ends does not depend on how the stream was cut, and the sentences join to exactly
what was fed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLAUSE, _LINE, _LONGEST = 200, 400, 800  # characters after which less and less must end to cut

_BREAK = re.compile("\\s|[。！？]")  # noqa: RUF001 - full stops of Chinese and Japanese
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]*$")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[a-z]|e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|no|approx|a\.m|p\.m|u\.s|u\.k)|^\W*\d+)\.\W*$",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^\s*```", re.MULTILINE)


class Cutter:
    """Holds the part of a reply that is not yet a whole sentence."""

    def __init__(self) -> None:
        self._held = ""
        self._searched = 0  # no sentence ends before this index of what is held
        self._in_code = False

    def feed(self, piece: str) -> Iterator[str]:
        """Take in the next piece of the stream; the sentences that it completes."""
        self._held += piece
        while end := self._sentence_end():
            yield self._cut(end)

    def finish(self) -> str:
        """The stream is over: what is left, if anything."""
        rest, self._held = self._held, ""
        return rest

    def _cut(self, end: int) -> str:
        sentence, self._held = self._held[:end], self._held[end:]
        self._searched = 0
        if len(_FENCE.findall(sentence)) % 2:
            self._in_code = not self._in_code
        return sentence

    def _sentence_end(self) -> int:
        """Where the first sentence held ends; 0 while that cannot be said.

        Looks at no character beyond the one it stops at, so the cuts of the stream do not matter.
        """
        for found in _BREAK.finditer(self._held, self._searched, _LONGEST):
            end = found.start() if found[0].isspace() else found.end()
            if self._ends(self._held[:end], found[0]):
                return found.end()
        self._searched = min(len(self._held), _LONGEST)
        return _LONGEST if len(self._held) >= _LONGEST else 0

    def _ends(self, sentence: str, mark: str) -> bool:
        if not sentence.strip():
            return False
        if mark == "\n" or len(sentence) >= _LINE:
            return True
        if self._in_code or _FENCE.search(sentence):
            return False
        if not mark.isspace() or (len(sentence) >= _CLAUSE and sentence[-1] in ",;:—–"):
            return True
        return bool(_SENTENCE_END.search(sentence)) and not _ABBREVIATION.search(sentence)
