"""The parts of the guard's training that need no PyTorch and no public data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.guard import examples, train_heads
from scripts.guard.examples import DataMissing, Example
from theragen_core.judgement import CATEGORIES, RISK_OUTPUTS


def test_a_text_never_changes_sides() -> None:
    assert examples.part_of("soup") == examples.part_of("soup") != examples.part_of("bread")
    shares = [examples.part_of(str(number)) for number in range(4000)]
    held_out = np.mean([share < examples.HELD_OUT for share in shares])
    assert held_out == pytest.approx(examples.HELD_OUT, abs=0.02)


def test_labels_become_targets() -> None:
    example = examples._message(3, "abuse,minor_at_risk", "child_hit", "text")
    named = dict(zip(RISK_OUTPUTS, example.targets, strict=True))
    assert [named[f"tier_{n}"] for n in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert {name for name, value in named.items() if value} >= {"abuse", "minor_at_risk"}
    assert named["suicide"] == 0
    reply = examples._reply(" said ", " reply ", "shame,coercion")
    assert reply.text == ("said", "reply")
    assert [c for c, t in zip(CATEGORIES, reply.targets, strict=True) if t] == ["shame", "coercion"]
    assert reply.is_reply
    with pytest.raises(ValueError, match="unknown"):
        examples._reply("", "reply", "rudeness")


def test_absent_public_data_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examples, "SHARED", tmp_path)
    with pytest.raises(DataMissing, match=r"counsel_chat\.csv"):
        list(examples.counsel_chat(held_out=True))


def _examples(
    count: int,
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[Example]]:
    chance = np.random.default_rng(1)
    vectors = chance.normal(size=(count, 6))
    targets = (vectors[:, 0] > 0).astype(float)
    made = [Example(("", ""), (t, 1 - t), (1.0, 1.0)) for t in targets]
    return vectors, made


def test_heads_are_found_and_always_the_same() -> None:
    vectors, made = _examples(400)
    weights, bias = train_heads._fit(vectors, made)
    again, _ = train_heads._fit(vectors, made)
    assert np.array_equal(weights, again)
    right = (vectors @ weights[0] + bias[0] > 0) == (vectors[:, 0] > 0)
    assert right.mean() > 0.95
    assert weights[0] == pytest.approx(-weights[1])


def test_what_has_no_weight_has_no_say() -> None:
    vectors, made = _examples(400)
    lies = [Example(("", ""), (1.0 - e.targets[0], 0.0), (0.0, 1.0)) for e in made]
    truth, _ = train_heads._fit(vectors, made)
    both, _ = train_heads._fit(np.vstack([vectors, vectors]), made + lies)
    assert np.sign(both[0][0]) == np.sign(truth[0][0])
