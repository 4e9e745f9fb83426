"""What goes in cleaned, what comes out reviewed, and the replies that people wrote.

    clean         a person's message, before anything else sees it
    StreamGuard   a model's reply, released sentence by sentence once each was reviewed
    review        one sentence: may it be shown?
    written_reply, guidance   what the top tiers get in place of a model's words, or beside them

Judges by the rules in resources/cues.json and the numbers in the directory. Knows no model and no
window, and keeps nothing of what it reads.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

from theragen_core import risk
from theragen_core.directory import (
    CrisisResources,
    EmergencyNumber,
    HelpLine,
    Method,
    Service,
    digits,
)
from theragen_core.protocol import RiskAssessment, Tier
from theragen_core.resources import read_json, text

WORDINGS = 3  # of each written reply

_CLAUSE, _LINE, _LONGEST = 200, 400, 800  # characters after which less and less must end to cut

# Zero-width joiners stay: emoji and the scripts of Iran and India are written with them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")

_BREAK = re.compile("\\s|[。！？]")  # noqa: RUF001 - full stops of Chinese and Japanese
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]*$")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[a-z]|e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|no|approx|a\.m|p\.m|u\.s|u\.k)|^\W*\d+)\.\W*$",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^\s*```", re.MULTILINE)

_CONTACT = re.compile(
    r"\b(?:call|calling|text|texting|dial|phone|telephone|ring|reach|contact|hotline|helpline"
    r"|lifeline|line|number|tel|sms|whatsapp)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d(?:(?:[ .\-]|\) ?)?\d)*")
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

_REPEATS = 3
_RUN, _RUN_MEMORY = 6, 90  # words of a run that may not come a third time within so many words


def clean(message: str) -> str:
    """The message without what no one can see; line ends unified, outer white space gone."""
    return _UNSEEN.sub("", _LINE_END.sub("\n", message)).strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a sentence may be shown, and the names of the rules that say no."""

    passed: bool
    reasons: tuple[str, ...] = ()


def review(sentence: str, dial_strings: frozenset[str] = frozenset(), before: str = "") -> Verdict:
    """Judge one sentence of a reply. `before` is the sentence it follows."""
    plain = " ".join(re.sub(r"[\W_]+", " ", risk.normalise(sentence)).split())
    reasons = [
        name
        for name, rule in _output_rules().items()
        if any(
            not rule.unless.search(plain[: found.start()]) for found in rule.pattern.finditer(plain)
        )
    ]
    if _unlisted_number(sentence, before, dial_strings):
        reasons.append("unlisted_number")
    return Verdict(not reasons, tuple(reasons))


def _unlisted_number(sentence: str, before: str, dial_strings: frozenset[str]) -> bool:
    spelled = _SPELLED.sub(lambda words: _as_digits(words[0]), _ALWAYS_OPEN.sub("", sentence))
    enough = _CONTACT_DIGITS if _CONTACT.search(before + "\n" + spelled) else _ANY_DIGITS
    numbers = (digits(found[0]) for found in _NUMBER.finditer(spelled))
    return any(
        len(number) >= enough and number not in dial_strings and not _YEAR.fullmatch(number)
        for number in numbers
    )


def _as_digits(words: str) -> str:
    return "".join(_DIGIT_WORDS[word] for word in re.split("[ ,-]+", words.lower()))


@dataclass(frozen=True, slots=True)
class _OutputRule:
    pattern: re.Pattern[str]
    unless: re.Pattern[str]  # what may stand right before it and turns its meaning


@cache
def _output_rules() -> dict[str, _OutputRule]:
    return {
        name: _OutputRule(
            re.compile(r"(?<!\w)(?:" + "|".join(rule["patterns"]) + r")(?!\w)"),
            re.compile(r"(?<!\w)(?:" + rule["unless"] + r")(?: \w+){0,4} ?$"),
        )
        for name, rule in read_json("cues.json")["output"].items()
    }


class StreamGuard:
    """Releases a streamed reply sentence by sentence, each once it is complete and reviewed.

    What is released does not depend on how the stream was cut, and joins to exactly what was fed
    unless a rule stepped in: then a sentence is withheld (a line says so, once a reply), or a
    reply that goes round in circles ends, `looping` is true and nothing more comes.
    """

    def __init__(self, dial_strings: frozenset[str] = frozenset()) -> None:
        self.looping = False
        self.reasons: tuple[str, ...] = ()
        self._dial_strings = dial_strings
        self._held = ""
        self._searched = 0  # no sentence ends before this index of what is held
        self._in_code = False
        self._before = ""
        self._said: Counter[str] = Counter()
        self._words: list[str] = []

    def feed(self, piece: str) -> str:
        """Take in the next piece of the stream; what may be shown now, often nothing."""
        self._held += piece
        released = ""
        while not self.looping and (end := self._sentence_end()):
            released += self._release(end)
        return released

    def finish(self) -> str:
        """The stream is over: what may be shown of the rest."""
        released = "" if self.looping or not self._held else self._release(len(self._held))
        self._held = ""
        return released

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

    def _release(self, end: int) -> str:
        sentence, self._held = self._held[:end], self._held[end:]
        self._searched = 0
        if len(_FENCE.findall(sentence)) % 2:
            self._in_code = not self._in_code
        if self._goes_in_circles(sentence):
            self.looping = True
            return ""
        verdict = review(sentence, self._dial_strings, self._before)
        self._before = sentence
        return sentence if verdict.passed else self._withhold(sentence, verdict)

    def _withhold(self, sentence: str, verdict: Verdict) -> str:
        said_so, self.reasons = bool(self.reasons), self.reasons + verdict.reasons
        if said_so:
            return ""
        start = len(sentence) - len(sentence.lstrip())
        return sentence[:start] + text("help.withheld") + sentence[len(sentence.rstrip()) :]

    def _goes_in_circles(self, sentence: str) -> bool:
        words = re.findall(r"\w+", sentence.lower())
        if len(words) >= _REPEATS:  # "Yes." may be said often
            self._said[" ".join(words)] += 1
        self._words = (self._words + words)[-max(_RUN_MEMORY, len(words)) :]
        runs = Counter(zip(*(self._words[i:] for i in range(_RUN)), strict=False))
        return max(self._said.values(), default=0) >= _REPEATS or (
            max(runs.values(), default=0) >= _REPEATS
        )


def written_reply(assessment: RiskAssessment, resources: CrisisResources, turn: int) -> str:
    """The reply of tiers 3 and 4. Successive values of `turn` give different wordings."""
    kind = "imminent" if assessment.tier == Tier.IMMINENT else "active"
    if risk.is_about_someone_else(assessment):
        kind = "carer"
    return text(
        f"help.{kind}_{turn % WORDINGS + 1}",
        emergency=emergency_text(resources),
        lines=lines_text(resources),
    )


def guidance(assessment: RiskAssessment) -> str:
    """What the model is told beside the person's message; empty below tier 2."""
    if assessment.tier < Tier.CONCERN:
        return ""
    if risk.is_about_someone_else(assessment):
        return text("help.guidance_carer")
    return text(
        "help.guidance_active" if assessment.tier >= Tier.ACTIVE else "help.guidance_concern"
    )


def emergency_text(resources: CrisisResources) -> str:
    """The emergency numbers as a Markdown list, in the order in which to try them."""
    if not resources.emergency:
        return f"- **{text('help.emergency_unknown')}**"
    by_label: dict[Service, list[EmergencyNumber]] = {}
    for entry in resources.emergency:
        by_label.setdefault(entry.label, []).append(entry)
    return "\n".join(_numbers_of(label, entries) for label, entries in by_label.items())


def _numbers_of(label: Service, entries: list[EmergencyNumber]) -> str:
    first, *others = (entry.number for entry in entries)
    line = f"- **{text(f'help.{label}')}: {first}**"
    return f"{line} {text('help.or_try', numbers=', '.join(others))}" if others else line


def lines_text(resources: CrisisResources) -> str:
    """The helplines as a Markdown list that ends with where to find more."""
    lines = [f"- **{line.name}**: {_how_to_reach(line)}" for line in resources.lines]
    more = "help.more_lines" if lines else "help.no_lines"
    return "\n".join([*lines, "- " + text(more, finder=resources.finder_url)])


def _how_to_reach(line: HelpLine) -> str:
    way = "_".join(line.methods) + ("_keyword" if line.keyword else "")
    how = text(f"help.by_{way}", number=line.number, keyword=line.keyword, url=line.url)
    details = [line.hours or text("help.hours_unknown")]
    if line.free and Method.CHAT not in line.methods:
        details.append(text("help.free"))
    return f"{how} ({', '.join(details)})"
