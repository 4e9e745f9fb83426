"""Train the guard's heads over the tuned encoder: resources/guard/heads.json.

    python -m scripts.guard.train_heads [--encoder FILE] [--out FILE]

Multi-label logistic regression, each output by itself: convex, so that every machine finds the same
one. Thresholds come from examples that neither the encoder nor a head learned from, by the share
of harmless ones that may be taken for grave. Takes some ten minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums depend on how work is divided

import numpy as np
import numpy.typing as npt

from scripts.guard.examples import (
    HELD_OUT,
    Example,
    counsel_sentences,
    part_of,
    reply_examples,
    risk_examples,
)
from theragen_core.encoder import FOLDER, Encoder
from theragen_core.judgement import CATEGORIES, RISK_OUTPUTS, TIERS
from theragen_core.protocol import Tier

Matrix = npt.NDArray[np.float64]

SCALE = 8.0  # of the vectors, as the encoder was tuned
PENALTY = 0.01  # of squared weights, an example
STEPS = 30
COPIES = 3  # of a sentence without a context, behind so many messages
# Harmless texts cost a head little, and show it what the encoder did not see.
COMMENTS, COUNSEL = 14_000, 4_000

# The share of harmless examples that may pass each threshold. Most of these were written to
# resemble grave ones; of everyday talk far fewer pass.
FALSE_TIERS = {Tier.DISTRESS: 0.2, Tier.CONCERN: 0.09, Tier.ACTIVE: 0.025, Tier.IMMINENT: 0.03}
FALSE_BESIDE_GRAVE_WORDS = {
    Tier.DISTRESS: 0.2,
    Tier.CONCERN: 0.08,
    Tier.ACTIVE: 0.08,
    Tier.IMMINENT: 0.06,
}
# What one word would need more than many: of tiers 2 to 4, and of a reply.
FOR_FEW_WORDS, FOR_FEW_REPLY_WORDS = (5.0, 8.0, 5.0), 2.0
FALSE_SENTENCES = 0.003  # of counsellors' sentences, over all categories together
FALSE_GOOD = 0.2  # of good replies of our own, twins of bad ones, likewise
MARGIN = 0.6  # the highest of a sample is not the highest of all
# What counsellors say of conditions, courage, medicines and discretion comes near to these.
MARGINS = {
    "encouragement": 1.3,
    "diagnosis": 2.0,
    "medication": 1.3,
    "shame": 0.8,
    "coercion": 1.0,
    "contract": 1.6,
    "secrecy": 1.5,
    "delusion": 2.2,
    "isolation": 0.9,
}
# With its vector, by which an app sees whether its processor computes as this one does.
PROBE = "I laid out my tablets, and then I called my sister and she is coming over."
JOINT = 1.0  # what two sentences need more, both of which passed
STRICTER_FROM_TIER_2 = 1.0  # added to each score of a reply when the person may be in danger


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, default=FOLDER / "encoder.onnx")
    parser.add_argument("--out", type=Path, default=FOLDER / "heads.json")
    options = parser.parse_args()
    digest = hashlib.sha256(options.encoder.read_bytes()).hexdigest()
    encoder = Encoder(options.encoder, sha256=digest)
    heads = {
        "encoder_sha256": digest,
        "probe": {"text": PROBE, "vector": _rounded(encoder.encode(PROBE)[0])},
        "risk": _risk_head(encoder),
        "reply": _reply_head(encoder),
    }
    options.out.write_text(json.dumps(heads) + "\n", encoding="utf-8")


def _risk_head(encoder: Encoder) -> dict[str, Any]:
    learned, held = _split(risk_examples(COMMENTS))
    weights, bias = _fit(_vectors(encoder, learned), learned)
    logits = _vectors(encoder, held) @ weights.T + bias
    thresholds = _tier_thresholds(held, logits, FALSE_TIERS)
    beside = _tier_thresholds(held, logits, FALSE_BESIDE_GRAVE_WORDS)
    _report(held, logits, thresholds)
    _report(held, logits, beside)
    return {
        **_linear(weights, bias),
        "thresholds": thresholds,
        "thresholds_beside_grave_words": beside,
        "for_few_words": FOR_FEW_WORDS,
    }


def _tier_thresholds(held: list[Example], logits: Matrix, shares: dict[Tier, float]) -> list[float]:
    """One for each output; those of topics are 0."""
    thresholds = [0.0] * len(RISK_OUTPUTS)
    for index, (tier, share) in enumerate(shares.items()):
        most = Tier.NONE if tier == Tier.DISTRESS else Tier.DISTRESS
        harmless = [0 <= example.tier <= most for example in held]
        thresholds[index] = round(float(np.quantile(logits[harmless, index], 1 - share)), 5)
    return thresholds


def _reply_head(encoder: Encoder) -> dict[str, Any]:
    learned, held = (_behind_messages(part) for part in _split(reply_examples()))
    others = counsel_sentences()
    learned += others[:COUNSEL]
    weights, bias = _fit(_vectors(encoder, learned), learned)
    sentences = _vectors(encoder, others[COUNSEL:]) @ weights.T + bias
    logits = _vectors(encoder, held) @ weights.T + bias
    good = logits[[not any(e.targets) for e in held]]
    shares = FALSE_SENTENCES / len(CATEGORIES), FALSE_GOOD / len(CATEGORIES)
    limits = np.stack(
        [np.quantile(sentences, 1 - shares[0], 0), np.quantile(good, 1 - shares[1], 0)]
    )
    thresholds = [
        round(float(limit) + MARGINS.get(category, MARGIN), 5)
        for category, limit in zip(CATEGORIES, limits.max(0), strict=True)
    ]
    for index, category in enumerate(CATEGORIES):
        bad = np.array([e.targets[index] > 0 for e in held])
        caught = float(np.mean((logits[bad] > thresholds).any(1)))
        print(f"{category:14} {bad.sum():3} held out, {caught:.2f} caught, {limits[:, index]}")
    return {
        **_linear(weights, bias),
        "thresholds": thresholds,
        "for_few_words": FOR_FEW_REPLY_WORDS,
        "joint": JOINT,
        "stricter_from_tier_2": STRICTER_FROM_TIER_2,
    }


def _behind_messages(examples: list[Example]) -> list[Example]:
    """Sentences without a context also behind messages of any tier, where they mean the same."""
    order = random.Random(3)
    said = [e.text[1] for e in risk_examples() if e.tier >= 0]
    moved = [
        replace(e, text=(order.choice(said), e.text[1]))
        for e in examples
        if e.kind == "counsel" or not e.text[0]
        for _ in range(1 if e.kind == "counsel" else COPIES)
    ]
    return examples + moved


def _split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    held = [part_of(e.text[1]) < HELD_OUT for e in examples]
    learned = [e for e, out in zip(examples, held, strict=True) if not out]
    return learned, [e for e, out in zip(examples, held, strict=True) if out]


def _vectors(encoder: Encoder, examples: Sequence[Example]) -> Matrix:
    """One vector an example: of a text in several windows, the first."""
    rows = [encoder.encode(e.text[1], e.text[0], e.is_reply)[0] for e in examples]
    return np.stack(rows).astype(np.float64)


def _fit(vectors: Matrix, examples: Sequence[Example]) -> tuple[Matrix, Matrix]:
    """Weights (outputs, width) and biases (outputs,). The penalty is for vectors as scaled here."""
    targets = np.array([e.targets for e in examples])
    weights = np.array([e.weights for e in examples])
    padded = np.hstack([vectors * SCALE, np.ones((len(vectors), 1))])
    found = np.stack(
        [_newton(padded, targets[:, i], weights[:, i]) for i in range(targets.shape[1])]
    )
    return found[:, :-1] * SCALE, found[:, -1]


def _newton(rows: Matrix, targets: Matrix, weights: Matrix) -> Matrix:
    """Penalised logistic regression by Newton's method; the bias is not penalised."""
    penalty = np.full(rows.shape[1], PENALTY * len(rows))
    penalty[-1] = 1e-6
    found = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        gradient = rows.T @ (weights * (likely - targets)) + penalty * found
        curve = rows * (weights * np.maximum(likely * (1 - likely), 1e-6))[:, None]
        step = np.linalg.solve(rows.T @ curve + np.diag(penalty), gradient)
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    return found


def _linear(weights: Matrix, bias: Matrix) -> dict[str, Any]:
    return {"weights": _rounded(weights), "bias": _rounded(bias)}


def _rounded(numbers: npt.NDArray[Any]) -> list[Any]:
    found: list[Any] = np.round(numbers.astype(np.float64), 5).tolist()
    return found


def _report(held: list[Example], logits: Matrix, thresholds: list[float]) -> None:
    tiers = np.array([e.tier for e in held])
    over = logits[:, : len(TIERS)] > np.array(thresholds[: len(TIERS)])
    for index, tier in enumerate(TIERS):
        told = np.mean(over[tiers >= tier, index])
        false = np.mean(over[(tiers >= 0) & (tiers <= 1) & (tiers < tier), index])
        comments = np.mean(over[[e.kind == "comment" for e in held], index])
        print(f"tier {tier}+ found {told:.3f}, false {false:.3f}, comments {comments:.4f}")


if __name__ == "__main__":
    main()
