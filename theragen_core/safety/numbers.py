"""Whether a sentence gives someone a number to call that is not in the directory.

A model invents telephone numbers, and a wrong one fails a person when it matters. "Breathe in for
4" and "in 2019" are no numbers to call.
"""

from __future__ import annotations

import re

from theragen_core.directory import digits

_CONTACT = re.compile(
    r"\b(?:call|calling|text|texting|dial|phone|telephone|ring|reach|contact|hotline|helpline"
    r"|lifeline|line|number|tel|sms|whatsapp)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d(?:(?:[ .\-\u2010-\u2015]|\) ?)?\d)*")
_ALWAYS_OPEN = re.compile(r"\b24/7\b")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIGIT_WORDS = {
    word: str(digit)
    for digit, words in enumerate(
        ("zero oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
    for word in words.split()
}
_SPELLED = re.compile(
    rf"\b(?:{'|'.join(_DIGIT_WORDS)})(?:[ ,-]+(?:{'|'.join(_DIGIT_WORDS)})\b){{2,}}", re.IGNORECASE
)
_CONTACT_DIGITS, _ANY_DIGITS = 3, 7  # so many make a number to call: beside such a word, anywhere


def has_unlisted_number(sentence: str, before: str, listed: frozenset[str]) -> bool:
    """Whether the sentence, after the one `before` it, names a number that is not `listed`."""
    spelled = _SPELLED.sub(lambda words: _as_digits(words[0]), _ALWAYS_OPEN.sub("", sentence))
    enough = _CONTACT_DIGITS if _CONTACT.search(before + "\n" + spelled) else _ANY_DIGITS
    numbers = (digits(found[0]) for found in _NUMBER.finditer(spelled))
    return any(
        len(number) >= enough and number not in listed and not _YEAR.fullmatch(number)
        for number in numbers
    )


def _as_digits(words: str) -> str:
    return "".join(_DIGIT_WORDS[word] for word in re.split("[ ,-]+", words.lower()))
