"""Whole LLaMA models whose weights say nothing: what loads and computes like a real one.

Files of models that are too big to be drawn at random are sparse: zeros that take no place.
"""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tests.support import gguf_files
from tests.support.gguf_files import BYTE, CONTROL, NORMAL, UNKNOWN, Value
from theragen_core.gguf_header import BLOCKS

ALIGNMENT = 32
F32, Q8_0 = 0, 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes as a GGUF header gives them; `kind` is the ggml type of the matrices."""

    embedding: int = 32
    feed_forward: int = 64
    blocks: int = 2
    heads: int = 4
    heads_kv: int = 2
    context: int = 2048
    vocabulary: int = 384
    kind: int = F32


# Large enough that loading, reading and writing last on any machine: 1.1 billion weights.
ONE_BILLION = Shape(2048, 5632, 22, 32, 4, vocabulary=32_000, kind=Q8_0)


def metadata(shape: Shape) -> dict[str, Value]:
    """All keys of a chat model with a vocabulary of LLaMA-2's kind."""
    special = ["<unk>", "<s>", "</s>"]
    letters = ["▁", *(chr(code) for code in range(33, 127))]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * (shape.vocabulary - 259)]
    tokens += [f"▁w{number}" for number in range(shape.vocabulary - len(tokens))]
    return {
        "general.architecture": "llama",
        "general.name": "Nobody",
        "general.alignment": ALIGNMENT,
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.embedding,
        "llama.block_count": shape.blocks,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.heads_kv,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": shape.embedding // shape.heads,
        "llama.vocab_size": shape.vocabulary,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(number) for number in range(shape.vocabulary)],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.chat_template": gguf_files.LLAMA2_TEMPLATE,
    }


def tensors(shape: Shape) -> list[tuple[str, list[int], int]]:
    """Name, lengths and type of each, in the order in which they are stored."""
    wide, narrow = shape.embedding, shape.embedding // shape.heads * shape.heads_kv
    matrices = {
        "attn_q": [wide, wide],
        "attn_k": [wide, narrow],
        "attn_v": [wide, narrow],
        "attn_output": [wide, wide],
        "ffn_gate": [wide, shape.feed_forward],
        "ffn_up": [wide, shape.feed_forward],
        "ffn_down": [shape.feed_forward, wide],
    }
    found = [("token_embd.weight", [wide, shape.vocabulary], shape.kind)]
    for block in range(shape.blocks):
        found += [(f"blk.{block}.{n}.weight", s, shape.kind) for n, s in matrices.items()]
        found += [(f"blk.{block}.{norm}.weight", [wide], F32) for norm in ("attn_norm", "ffn_norm")]
    return [
        *found,
        ("output_norm.weight", [wide], F32),
        ("output.weight", [wide, shape.vocabulary], shape.kind),
    ]


def header(shape: Shape) -> tuple[bytes, int]:
    """Everything before the tensors' data, padded; and the length of that data in bytes."""
    described, offset = b"", 0
    listed = tensors(shape)
    for name, lengths, kind in listed:
        described += gguf_files.tensor(name, lengths, kind, offset)
        block, size = BLOCKS[kind]
        offset += -(-prod(lengths) // block * size // ALIGNMENT) * ALIGNMENT
    start = gguf_files.header(metadata(shape), len(listed)) + described
    return start + bytes(-len(start) % ALIGNMENT), offset


def write_sparse(path: Path, shape: Shape) -> Path:
    """A model of zeros: all tokens are equally likely."""
    start, length = header(shape)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + length)
    return path


def random_data(length: int, seed: int) -> bytes:
    """F32 weights for a small model, in bytes."""
    draw = random.Random(seed)
    return array("f", (draw.gauss(0, 0.1) for _ in range(length // 4))).tobytes()
