"""How worried to be about what a person writes, by plain rules: fast, explainable, no network.

Knows the rules in resources/cues.json and how people disguise words. Refuses to know meaning: what
is only implied is beyond it. Each message is normalised, cut into sentences and searched for cues;
a cue is lowered by the frame of its sentence (negation, past, fiction, hyperbole). The risk of a
conversation is that of its worst recent message, and fades slowly: a denial alone resets nothing.
Results name rules and never repeat a person's words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from theragen_core.conversation import Message, Role
from theragen_core.protocol import RiskAssessment, Tier, Topic
from theragen_core.resources import read_json

MAX_CHARACTERS = 100_000  # of a longer message, its beginning and its end are read
MESSAGES_PER_TIER = 3  # the risk of a message falls by one tier with every so many later ones
REMEMBERED = MESSAGES_PER_TIER * Tier.IMMINENT
MEANS_WITH_DISTRESS = "means_with_distress"

_WINDOW, _STEP = 60, 45  # words of an endless sentence that are read at a time
_LEET = str.maketrans("013457@$!", "oieastasi")
_TOKEN = re.compile(r"[a-z0-9@$!]+")
_SPACED_LETTERS = re.compile(r"(?<![^\W_])[a-z](?:[ .\-_*]{1,2}[a-z](?![^\W_])){2,}")
_APOSTROPHE = re.compile(
    "['`\N{ACUTE ACCENT}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}]"
)
_UNSEEN = ("Cc", "Cf", "Cs", "Mn", "Me")
_SENTENCE_END = re.compile(r"[.!?;\n…]+|\bbut\b|\bhowever\b")
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
    homoglyphs: dict[int, str]
    aliases: tuple[tuple[re.Pattern[str], str], ...]
    idioms: re.Pattern[str]
    frames: dict[str, re.Pattern[str]]
    cues: tuple[_Cue, ...]


def assess(messages: Sequence[Message]) -> RiskAssessment:
    """The risk of a conversation now. Only what the person wrote counts."""
    said = [message.text for message in messages if message.role is Role.USER][-REMEMBERED:]
    return _combine(
        RiskAssessment(Tier(assessed.tier - age), assessed.topics, assessed.cues)
        for age, assessed in _by_age([assess_message(text) for text in said])
        if age == 0 or assessed.tier > age
    )


def assess_message(text: str) -> RiskAssessment:
    """The risk of one message on its own."""
    return _combine(hit for sentence in _sentences(normalise(text)) for hit in _hits(sentence))


def is_about_someone_else(assessment: RiskAssessment) -> bool:
    """Whether the person worries about another one, and nothing points at themselves."""
    grave = {cue.name for cue in _rules().cues if cue.tier >= Tier.CONCERN} & set(assessment.cues)
    return bool(grave) and all(name.startswith("third_person") for name in grave)


def normalise(text: str) -> str:
    """Lower-case text without disguises: accents, look-alike letters, leet, spaced-out words."""
    plain = _bounded(unicodedata.normalize("NFKD", _bounded(text)))
    plain = "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in _UNSEEN)
    plain = _APOSTROPHE.sub("", plain.lower().translate(_rules().homoglyphs))
    plain = _SPACED_LETTERS.sub(lambda spaced: _NOT_A_WORD.sub("", spaced[0]), plain)
    plain = _TOKEN.sub(lambda token: _without_leet(token[0]), plain)
    for pattern, word in _rules().aliases:
        plain = pattern.sub(word, plain)
    return plain


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS // 2] + "\n" + text[-MAX_CHARACTERS // 2 :]


def _without_leet(token: str) -> str:
    word = token.rstrip("!")
    if word.isalpha() or not any(c.isalpha() for c in word):
        return token
    return word.replace("11", "ll").translate(_LEET) + token[len(word) :]


def _sentences(text: str) -> Iterator[str]:
    """Sentences as words with single spaces; an endless one in overlapping windows."""
    for sentence in _SENTENCE_END.split(text):
        words = _NOT_A_WORD.sub(" ", sentence).split()
        for start in range(0, max(1, len(words) - _WINDOW + _STEP), _STEP) if words else ():
            yield " ".join(words[start : start + _WINDOW])


def _hits(sentence: str) -> Iterator[RiskAssessment]:
    plain = _rules().idioms.sub("~", sentence)
    frames = {name for name, pattern in _rules().frames.items() if pattern.search(plain)}
    if "present" in frames:
        frames.discard("past")
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


def _by_age(assessed: Sequence[RiskAssessment]) -> Iterator[tuple[int, RiskAssessment]]:
    """Each with the number of tiers by which it has faded."""
    for distance, assessment in enumerate(reversed(assessed)):
        yield distance // MESSAGES_PER_TIER, assessment


def _combine(parts: Iterator[RiskAssessment]) -> RiskAssessment:
    """The gravest of all; a question about means is one of concern if there is any distress."""
    ordered = sorted(parts, key=lambda part: -part.tier)
    tier = max((part.tier for part in ordered), default=Tier.NONE)
    topics = frozenset[Topic]().union(*(part.topics for part in ordered))
    cues = dict.fromkeys(name for part in ordered for name in part.cues)
    if tier == Tier.DISTRESS and "means_question" in cues:
        tier, topics = Tier.CONCERN, topics | {Topic.SUICIDE}
        cues[MEANS_WITH_DISTRESS] = None
    return RiskAssessment(tier, topics, tuple(cues))


@cache
def _rules() -> _Rules:
    data = read_json("cues.json")
    words: dict[str, str] = data["words"]
    return _Rules(
        homoglyphs=str.maketrans(data["homoglyphs"]),
        aliases=tuple((re.compile(old), new) for old, new in data["aliases"].items()),
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
    joined = "|".join(patterns)
    return re.compile(
        r"(?<!\w)(?:" + re.sub("<([a-z_]+)>", lambda name: words[name[1]], joined) + r")(?!\w)"
    )
