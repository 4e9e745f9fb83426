"""How small models break down: they go round in circles, or write what is no sentence at all."""

from __future__ import annotations

import re
from collections import Counter

_REPEATS = 3
_RUN, _RUN_MEMORY = 6, 90  # words of a run that may not come a third time within so many words

# Marks of a chat template, or the other speaker's lines: the model plays both sides.
_MARKS = re.compile(
    r"<\|[a-z_]*\|?>?|\[/?INST\]|<</?SYS>>|</?s>|^\s*(?:user|human|person|system|assistant)\s*:"
    r"|###\s*(?:instruction|response|human|user)",
    re.IGNORECASE,
)
_LONGEST_WORD = 60  # web addresses are left out of the count
_ADDRESS = re.compile(r"https?://\S+")
_FEWEST_LETTERS = 0.4  # of the characters of a sentence, from _LONG_ENOUGH on
_LONG_ENOUGH = 40
_SAME_SIGN = re.compile(r"([^\s\d])\1{11,}")


class Circles:
    """Remembers what a reply said, to notice when it says it over and over."""

    def __init__(self) -> None:
        self._said: Counter[str] = Counter()
        self._words: list[str] = []

    def closed_by(self, sentence: str) -> bool:
        """Whether with this sentence the reply goes round in circles."""
        words = re.findall(r"\w+", sentence.lower())
        if len(words) >= _REPEATS:  # "Yes." may be said often
            self._said[" ".join(words)] += 1
        self._words = (self._words + words)[-max(_RUN_MEMORY, len(words)) :]
        runs = Counter(zip(*(self._words[i:] for i in range(_RUN)), strict=False))
        return max(self._said.values(), default=0) >= _REPEATS or (
            max(runs.values(), default=0) >= _REPEATS
        )


def is_broken(sentence: str) -> bool:
    """Whether this is no sentence but debris: template marks, other speakers, mere signs."""
    if "\ufffd" in sentence or _MARKS.search(sentence) or _SAME_SIGN.search(sentence):
        return True
    plain = _ADDRESS.sub("", sentence)
    if max((len(word) for word in plain.split()), default=0) > _LONGEST_WORD:
        return bool(re.search(r"[a-zA-Z]", plain))  # scripts without spaces have long "words"
    letters = sum(character.isalpha() or character.isspace() for character in plain)
    return len(plain) >= _LONG_ENOUGH and letters < _FEWEST_LETTERS * len(plain)
