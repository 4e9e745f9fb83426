"""Text as rules read it: lower-case, without the disguises in which grave words are written.

Knows look-alike letters, leet, spaced-out words and invisible characters. Refuses to know what any
word means.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from theragen_core.resources import read_json

MAX_CHARACTERS = 100_000  # of a longer message, its beginning and its end are read

_LEET = str.maketrans("013457@$!", "oieastasi")
_TOKEN = re.compile(r"[a-z0-9@$!]+")
_SPACED_LETTERS = re.compile(r"(?<![^\W_])[a-z](?:[ .\-_*]{1,2}[a-z](?![^\W_])){2,}")
_APOSTROPHE = re.compile(
    "['`\N{ACUTE ACCENT}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}]"
)
_UNSEEN = ("Cc", "Cf", "Cs", "Mn", "Me")
_NOT_A_WORD = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Undisguised text with one spelling for each of the commonest words, without apostrophes."""
    return _replaced(undisguise(text), "aliases")


def undisguise(text: str) -> str:
    """Lower-case text without accents, look-alike letters, leet, spaced-out and code words."""
    plain = lowered(text).translate(_homoglyphs())
    plain = _SPACED_LETTERS.sub(lambda spaced: _NOT_A_WORD.sub("", spaced[0]), plain)
    plain = _TOKEN.sub(lambda token: _without_leet(token[0]), plain)
    return _replaced(plain, "code_words")


def lowered(text: str) -> str:
    """Visible text in lower case without apostrophes."""
    return _APOSTROPHE.sub("", visible(text).lower())


def visible(text: str) -> str:
    """Compatible forms and no accents or unseen characters; of an immense text, both its ends."""
    plain = _bounded(unicodedata.normalize("NFKD", _bounded(text)))
    return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in _UNSEEN)


def words_of(text: str) -> str:
    """The normalised words of a text with single spaces between them."""
    return " ".join(_NOT_A_WORD.sub(" ", normalise(text)).split())


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS // 2] + "\n" + text[-MAX_CHARACTERS // 2 :]


def _without_leet(token: str) -> str:
    word = token.rstrip("!")
    if word.isalpha() or not any(c.isalpha() for c in word):
        return token
    return word.replace("11", "ll").translate(_LEET) + token[len(word) :]


@cache
def _homoglyphs() -> dict[int, str]:
    return str.maketrans(read_json("cues.json")["homoglyphs"])


def _replaced(plain: str, table: str) -> str:
    for pattern, word in _table(table):
        plain = pattern.sub(word, plain)
    return plain


@cache
def _table(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(old), new) for old, new in read_json("cues.json")[name].items())
