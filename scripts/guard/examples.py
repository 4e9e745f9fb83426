"""The examples that the guard learns from, as values.

Sentences of the project's own (scripts/safety_data) carry labels. Everyday comments, questions and
answers of public sets (shared/data, see its SOURCES.md) carry weaker ones: what is not known of
them is left out of the loss. Where those sets are absent a clear sentence says so.
"""

from __future__ import annotations

import csv
import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from theragen_core import risk, safety
from theragen_core.judgement import CATEGORIES, OF_ANOTHER, RISK_OUTPUTS, TIERS, reply_input
from theragen_core.protocol import Topic

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = ROOT / "scripts" / "safety_data"
SHARED = ROOT.parent / "shared" / "data"

SEVERAL = " // "  # stands between messages of one person in a row
COMMENTS, ANSWER_SENTENCES = 4000, 2500  # how many are drawn of the public sets
OTHER_SENTENCES = 8000  # of counsellors, for the heads and thresholds only
HELD_OUT = 0.12  # of the examples, by a hash of the text: for thresholds, never for learning
ANSWERS_HELD_OUT = 0.3  # of the questions with their answers: reported on, never learned from

_OF_ANOTHER = {
    "third_person_worry", "other_about_to_act", "worried_other", "relative_tells",
    "adult_reports_child",
}  # fmt: skip
_PERHAPS_GRAVE = {"self-harm", "depression", "trauma", "domestic-violence", "eating-disorders"}
_PERHAPS_OF_ANOTHER = {"overdose_now", "contrast"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class DataMissing(RuntimeError):
    """A public data set is not at hand; the words say which and where it belongs."""


@dataclass(frozen=True, slots=True)
class Example:
    """`targets` from 0 to 1 by output; an output with weight 0 says nothing."""

    text: tuple[str, str]  # what is answered (empty for a message), and the text itself
    targets: tuple[float, ...] = field(repr=False)
    weights: tuple[float, ...] = field(repr=False)
    kind: str = ""
    tier: int = -1  # -1: unknown, or a reply

    @property
    def is_reply(self) -> bool:
        return self.tier == REPLY


REPLY = -2


def part_of(text: str) -> float:
    """A number from 0 to 1 that depends on the text alone, so that it never changes sides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def risk_examples(comments: int = COMMENTS) -> list[Example]:
    """Messages with their tiers and topics, and so many everyday comments."""
    own = [_message(*found) for path in _files("risk_*.txt") for found in _by_headings(path)]
    own += [_message(*found) for path in _files("contrast_*.txt") for found in _by_line(path)]
    return own + _comments(comments) + _questions()


def reply_examples() -> list[Example]:
    """Sentences of replies with the categories for which they must not be shown."""
    found = [
        _reply("", text, labels["categories"])
        for labels, text in _sections(SENTENCES / "replies.txt")
    ]
    for path in _files("replies_in_context*.txt"):
        for labels, line in _sections(path):
            said, _, reply = line.partition(" => ")
            found.append(_reply(said, reply, labels["categories"]))
    return found + _answers()


def counsel_chat(held_out: bool) -> Iterator[tuple[str, str, str]]:
    """(question, answer, topic); each question with all its answers is on one side only."""
    for row in _rows("counsel_chat/counsel_chat.csv"):
        question = f"{row['questionTitle']}\n{row['questionText']}".strip()
        if (part_of(question) < ANSWERS_HELD_OUT) is held_out and row["answerText"]:
            yield question, row["answerText"], row["topic"]


# Own sentences --------------------------------------------------------------------------------


def _files(pattern: str) -> list[Path]:
    return sorted(SENTENCES.glob(pattern))


def _sections(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    labels: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            labels = dict(word.split("=", 1) for word in line[2:].split())
        elif line.strip():
            yield labels, line.strip()


def _by_headings(path: Path) -> Iterator[tuple[int, str, str, str]]:
    for labels, text in _sections(path):
        yield int(labels["tier"]), labels["topics"], labels["kind"], text


def _by_line(path: Path) -> Iterator[tuple[int, str, str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            tier, topics, kind, text = line.split("|", 3)
            yield int(tier), topics, kind, text.replace(SEVERAL, "\n")


def _message(tier: int, topics: str, kind: str, text: str) -> Example:
    named = set(filter(None, topics.split(",")))
    targets = [float(tier >= least) for least in TIERS]
    targets += [float(topic.value in named) for topic in Topic]
    targets.append(float(kind in _OF_ANOTHER))
    weights = [1.0] * len(RISK_OUTPUTS)
    if kind in _PERHAPS_OF_ANOTHER:
        weights[RISK_OUTPUTS.index(OF_ANOTHER)] = 0.0
    return Example(("", text), tuple(targets), tuple(weights), kind, tier)


def _reply(said: str, reply: str, categories: str) -> Example:
    named = set(filter(None, categories.split(",")))
    unknown = named - set(CATEGORIES)
    if unknown:
        raise ValueError(f"unknown categories: {sorted(unknown)}")
    targets = tuple(float(category in named) for category in CATEGORIES)
    return Example(
        text=reply_input(said, reply),
        targets=targets,
        weights=(1.0,) * len(CATEGORIES),
        kind="bad" if named else "good",
        tier=REPLY,
    )


# Public sets ----------------------------------------------------------------------------------


def _public(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        raise DataMissing(f"{name} is not in {SHARED.name}; see docs/SAFETY.md for its source")
    return path


def _rows(name: str) -> list[dict[str, str]]:
    with _public(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _comments(count: int) -> list[Example]:
    """Everyday comments: hardly ever tier 2. Those at which the rules start are left out."""
    lines = _public("goemotions/train.tsv").read_text(encoding="utf-8").splitlines()
    texts = sorted({line.split("\t")[0] for line in lines})
    drawn = random.Random(1).sample(texts, count)
    return [_weak(text, "comment", 0.0) for text in drawn if risk.assess_message(text).tier < 2]


def _questions() -> list[Example]:
    """People's questions to counsellors: distress at least; from tier 3 on only by topic."""
    found = {question: topic for question, _, topic in counsel_chat(held_out=False)}
    return [
        _weak(question, "question", 1.0)
        for question, topic in sorted(found.items())
        if topic
        not in ("self-harm", "depression", "trauma", "domestic-violence", "eating-disorders")
        and risk.assess_message(question).tier < 2
    ]


def _weak(text: str, kind: str, distress: float) -> Example:
    """Not grave; whether it shows distress is known of questions only."""
    targets = [distress, 0.0, 0.0, 0.0] + [0.0] * (len(RISK_OUTPUTS) - len(TIERS))
    weights = [distress, 0.5 if distress else 1.0, 1.0, 1.0] + [0.5] * (
        len(RISK_OUTPUTS) - len(TIERS)
    )
    return Example(("", text), tuple(targets), tuple(weights), kind, -1)


def _answers() -> list[Example]:
    """Sentences of real counsellors: what must pass, less those at which the rules stop."""
    return _drawn_sentences(others=False)


def counsel_sentences() -> list[Example]:
    """Others of them, which the encoder does not learn from."""
    return _drawn_sentences(others=True)


def _drawn_sentences(others: bool) -> list[Example]:
    found = sorted(
        {
            (question[-200:], sentence)
            for question, answer, _ in counsel_chat(held_out=False)
            for sentence in _SENTENCE.split(answer)
            if 20 <= len(sentence) <= 400
        }
    )
    random.Random(2).shuffle(found)
    found = found[ANSWER_SENTENCES:][:OTHER_SENTENCES] if others else found[:ANSWER_SENTENCES]
    return [
        replace(_reply(question, sentence, ""), kind="counsel")
        for question, sentence in found
        if safety.review(safety.Sentence(sentence)).passed
    ]
