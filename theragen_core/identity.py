"""Messages without what people say about who they are.

Whom someone loves, where they come from and what they believe must not change whether their pain is
noticed. To the guard's encoder it did: behind "I'm a Chinese woman" it saw one in ten fewer of the
gravest messages. It therefore reads a message with such words left out, or "a person" for them, and
no age of an adult. Men and women stay: they change nothing. So does the age of a child, who is
answered in another way.
"""

from __future__ import annotations

import re
from functools import cache

from theragen_core.resources import read_json

_MANNER = r"(?:a |an |the |only |proud |openly |very |also |still |just |really |half |both ){0,3}"
_OF_SELF = (
    r"(?:i(?:['\u2019]?m| am| was)|we(?:['\u2019]?re| are| were)|s?he(?:['\u2019]?s| is| was)"
    r"|they(?:['\u2019]re| are| were)|as|be|being|(?:identify|came out|come out|coming out|out) as)"
)
# Behind a name of people; anything else is what they are only a name of, as in "a Thai restaurant".
_NO_THING = (
    r"(?! and blue| as (?:a sheet|night|coal|snow)\b)"
    r"(?=\s*(?:[.,;:!?()\n]|$)"
    r"|\s+(?:and|or|but|who|in|with|from|at|i|so|my|when|while|because|as|too|on|of|by|to|living"
    r"|here|there|since|born|now|myself|if|that|where|for|like)\b)"
)
_AGE = r"(?:1[89]|[2-9]\d|10\d)"
_OF_AGE = rf"{_AGE}[ -]?(?:(?:years?|yrs?)[ -]old|y/?o)\b"
_PLACE = r"[A-Z][\w'-]+(?: (?:and |of |the )*[A-Z][\w'-]+){0,3}"
_FROM_PLACE = (
    rf"\b((?:[Ii]['\u2019]?m|I am|i am|[Ww]e['\u2019]re|[Ww]e are|originally) from) {_PLACE}"
)


def neutral(text: str) -> str:
    """A message in which nobody says what kind of person they are."""
    for pattern, instead in _patterns():
        text = pattern.sub(instead, text)
    return text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    listed = read_json("guard/identities.json")
    said, names, people = (
        _any_of(listed[key]) for key in ("said_of_people", "names_of_people", "people")
    )
    alone = _any_of(set(listed["said_of_people"]) - set(listed["only_before_a_person"]))
    several = rf"{said}(?:(?:,? and |, | |-|/){said}){{0,3}}"
    whole = [
        # an Asian man: a man
        (rf"an? {several}[ -](?=(?:\w+[ -])?{people}\b)", "a "),
        (rf"{several}[ -](?={people}\b)", ""),
        # I'm Jewish, as a lesbian: I'm a person, as a person
        (
            rf"({_OF_SELF}) {_MANNER}(?:{said}[ /-]){{0,3}}(?:{alone}|{names}){_NO_THING}",
            r"\1 a person",
        ),
        (rf"(an?|another|the only) (?:{said} ){{0,3}}{names}{_NO_THING}", r"\1 person"),
        # I'm 82, a 45-year-old man
        (rf"(i(?:['\u2019]?m| am) )(?:{_OF_AGE}|{_AGE}{_NO_THING})", r"\1an adult"),
        (rf"an? {_OF_AGE}", "an adult"),
        (_OF_AGE, "adult"),
    ]
    return (
        *((re.compile(rf"\b{found}", re.IGNORECASE), instead) for found, instead in whole),
        (re.compile(_FROM_PLACE), r"\1 here"),
    )


def _any_of(words: list[str] | set[str]) -> str:
    """Longer ones first, so that "south asian" is not taken for "south" something."""
    return f"(?:{'|'.join(sorted(words, key=lambda word: (-len(word), word)))})"
