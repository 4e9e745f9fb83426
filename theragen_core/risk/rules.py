"""The risk of one message by plain rules: fast, explainable, no network, no learned part.

Knows the rules in resources/cues.json. Refuses to know meaning: what is only implied is beyond
it. A message is normalised, cut into sentences and searched for cues; a cue is lowered by the
frame of its sentence (negation, past, fiction, hyperbole). Results name rules and never repeat a
person's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json
from theragen_core.risk.combination import combine
from theragen_core.risk.spelling import normalise, words_of

_WINDOW, _STEP = 60, 45  # words of an endless sentence that are read at a time
_SENTENCE_END = re.compile(r"[.!?;\n…]+|\bbut\b|\bhowever\b")
# "I never sleep and I want to die": what is denied or past before it says nothing of a clause in
# the present.
_CLAUSE = re.compile(
    r"(?:,|\band\b) *(?=i(?:ll|m)? (?:\w+ )?"
    r"(?:want|need|think|feel|wish|have|keep|will|going|gonna|cant|kill|cut|might|could|should)\b)"
)
_LEFT_BEHIND = {"negated", "past", "long_past"}
_NOT_A_WORD = re.compile(r"[\W_]+")
_WORDS_BEFORE = re.compile(r"(?:\w+ ){0,4}$")


@dataclass(frozen=True, slots=True)
class _Cue:
    name: str
    tier: Tier
    topic: Topic | None
    pattern: re.Pattern[str]
    lowered: dict[str, Tier]  # frame -> the tier that is left inside it


@dataclass(frozen=True, slots=True)
class _Rules:
    idioms: re.Pattern[str]
    frames: dict[str, re.Pattern[str]]
    cues: tuple[_Cue, ...]


def assess_message(text: str) -> RiskAssessment:
    """The risk of one message on its own."""
    return combine(hit for words, frames in _read(normalise(text)) for hit in _hits(words, frames))


def has_grave_words(text: str) -> bool:
    """Whether a text holds any word that talk of danger often holds, harmless or not."""
    return bool(_grave_words().search(words_of(text)))


def speaks_of_another(text: str) -> bool:
    """Whether a text names someone near and what happens there, and the person only as a witness:
    "my student told me that her uncle touches her". Says nothing of danger.
    """
    plain = words_of(text)
    named, witnessed, oneself = _another()
    return bool(named.search(plain)) and not oneself.search(witnessed.sub("~", plain))


def grave_cues() -> frozenset[str]:
    """The names of all rules that by themselves are reason for concern."""
    return frozenset(cue.name for cue in _rules().cues if cue.tier >= Tier.CONCERN)


def _read(text: str) -> Iterator[tuple[str, set[str]]]:
    """Sentences, and of these once more the clauses in the present; each with its frames."""
    for sentence in _SENTENCE_END.split(text):
        around = set[str]()
        for words in _windows(sentence):
            frames = _frames(words)
            around |= frames - _LEFT_BEHIND
            yield words, frames
        for clause in _CLAUSE.split(sentence)[1:]:
            for words in _windows(clause):
                yield words, _frames(words) | around


def _windows(sentence: str) -> Iterator[str]:
    """Words with single spaces and no idioms; an endless sentence in overlapping windows."""
    words = _NOT_A_WORD.sub(" ", sentence).split()
    for start in range(0, max(1, len(words) - _WINDOW + _STEP), _STEP) if words else ():
        yield _rules().idioms.sub("~", " ".join(words[start : start + _WINDOW]))


def _frames(plain: str) -> set[str]:
    found = {name for name, pattern in _rules().frames.items() if pattern.search(plain)}
    return found - {"past", "long_past"} if "present" in found else found


def _hits(plain: str, frames: set[str]) -> Iterator[RiskAssessment]:
    for cue in _rules().cues:
        for match in cue.pattern.finditer(plain):
            yield _hit(cue, frames & cue.lowered.keys(), match)


def _hit(cue: _Cue, frames: set[str], match: re.Match[str]) -> RiskAssessment:
    if "negated" in frames and not _is_negated(match):
        frames = frames - {"negated"}
    if frames:
        lowest = min(sorted(frames), key=lambda frame: cue.lowered[frame])
        return RiskAssessment(cue.lowered[lowest], frozenset(), (f"{cue.name}/{lowest}",))
    return RiskAssessment(cue.tier, frozenset([cue.topic] if cue.topic else ()), (cue.name,))


def _is_negated(match: re.Match[str]) -> bool:
    """Whether a negation stands inside the match or up to four words before it."""
    before = _WORDS_BEFORE.search(match.string, max(0, match.start() - 60), match.start())
    start = before.start() if before else match.start()
    return bool(_rules().frames["negated"].search(match.string, start, match.end()))


@cache
def _grave_words() -> re.Pattern[str]:
    return _any_of(read_json("cues.json")["grave_words"], {})


@cache
def _another() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    data = read_json("cues.json")
    named, witnessed, oneself = (
        _any_of(data["another"][key], data["words"]) for key in ("named", "witnessed", "oneself")
    )
    return named, witnessed, oneself


@cache
def _rules() -> _Rules:
    data = read_json("cues.json")
    words: dict[str, str] = data["words"]
    return _Rules(
        idioms=_any_of(data["idioms"], words),
        frames={name: _any_of([pattern], words) for name, pattern in data["frames"].items()},
        cues=tuple(
            _Cue(
                name=cue["name"],
                tier=Tier(cue["tier"]),
                topic=Topic(cue["topic"]) if "topic" in cue else None,
                pattern=_any_of(cue["patterns"], words),
                lowered={frame: Tier(tier) for frame, tier in cue["lowered"].items()},
            )
            for cue in data["cues"]
        ),
    )


def _any_of(patterns: Sequence[str], words: dict[str, str]) -> re.Pattern[str]:
    """One expression for whole words; <name> stands for an entry of `words`."""
    return re.compile(r"(?<!\w)(?:" + _filled("|".join(patterns), words) + r")(?!\w)")


def _filled(pattern: str, words: dict[str, str]) -> str:
    return re.sub("<([a-z_]+)>", lambda name: _filled(words[name[1]], words), pattern)
