"""Whether a sentence gives someone a number to call that is not in the directory.

A model invents telephone numbers, and a wrong one fails a person when it matters. "Breathe in for
4" and "in 2019" are no numbers to call.
"""

from __future__ import annotations

import re

from theragen_core.directory import digits

_CONTACT = re.compile(
    r"\b(?:call|calling|text|texting|dial|phone|telephone|ring|reach(?! for)|contact"
    r"|(?:hot|help|life)?lines?|numbers?(?! of)|tel|sms|whatsapp)\b"
    r"|\b(?:on|at) \d{3}[ -]\d{3}\b"
    r"|^\W*[A-Z][\w’' ]+: \d{3}[ -]\d{3}\b",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"\d(?:(?:[ .\-\u2010-\u2015]|\) ?)?\d)*")
_HOURS = re.compile(r"\b(?:24/7|24[ -]?(?:hours?|hrs?|h)|(?:7|365) days)\b", re.IGNORECASE)
_SLASHED = re.compile(r"\b(\d)/(\d)/(\d)\b")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIALLED = re.compile(r"\b(?:call|dial|text|ring|phone) $", re.IGNORECASE)
# "Contact a doctor if it is over 103", "text me when you have walked 100 steps"
_MEASURED = re.compile(r"\b(?:over|above|below|under|than) $", re.IGNORECASE)
_UNIT = re.compile(
    r" ?(?:%|°|degrees?|steps?|people|percent|times|minutes?|days?|m?g\b|kg|calories|pages|words)",
    re.IGNORECASE,
)
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
_REPEATED = re.compile(rf"\b(double|triple)[ -]({'|'.join(_DIGIT_WORDS)})\b", re.IGNORECASE)
_CONTACT_DIGITS, _ANY_DIGITS = 3, 7  # so many make a number to call: beside such a word, anywhere


def has_unlisted_number(sentence: str, before: str, listed: frozenset[str]) -> bool:
    """Whether the sentence, after the one `before` it, names a number that is not `listed`."""
    plain = _in_digits(_HOURS.sub("", sentence))
    enough = _CONTACT_DIGITS if _CONTACT.search(f"{before}\n{plain}") else _ANY_DIGITS
    return any(
        len(digits(found[0])) >= enough
        and digits(found[0]) not in listed
        and not _counts_something(found)
        for found in _NUMBER.finditer(plain)
    )


def _counts_something(found: re.Match[str]) -> bool:
    """A year, so many of a thing, or more than so many; but nothing that someone shall dial."""
    before = found.string[: found.start()]
    if _DIALLED.search(before):
        return False
    number = digits(found[0])
    counts = _MEASURED.search(before) or _UNIT.match(found.string, found.end())
    return bool(_YEAR.fullmatch(number) or counts)


def _in_digits(sentence: str) -> str:
    """With digits for "nine nine nine", "triple nine" and "9/9/9"."""
    plain = _SLASHED.sub(r"\1\2\3", sentence)
    plain = _REPEATED.sub(
        lambda said: " ".join([said[2]] * (2 if said[1].lower() == "double" else 3)), plain
    )
    return _SPELLED.sub(lambda words: _as_digits(words[0]), plain)


def _as_digits(words: str) -> str:
    return "".join(_DIGIT_WORDS[word] for word in re.split("[ ,-]+", words.lower()))
