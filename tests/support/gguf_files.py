"""Writes small GGUF files: vocabularies, and headers with whatever fault a test wants."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

Scalar = int | float | bool | str
Value = Scalar | Sequence[int] | Sequence[float] | Sequence[str]

# Kinds of tokens, as GGUF numbers them.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6

LLAMA2_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)

# What a LLaMA header must hold, at a size that nobody would load.
LLAMA_SIZES: Mapping[str, Scalar] = {
    "llama.context_length": 4096,
    "llama.embedding_length": 64,
    "llama.block_count": 1,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.dimension_count": 16,
}


def string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def pair(key: str, value: Value) -> bytes:
    return string(key) + _typed(value)


def header(metadata: Mapping[str, Value], tensors: int = 0, version: int = 3) -> bytes:
    """Everything up to the tensors' descriptions."""
    pairs = b"".join(pair(key, value) for key, value in metadata.items())
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(metadata)) + pairs


def tensor(name: str, shape: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    """The description of a tensor; kind 0 is F32."""
    dimensions = b"".join(struct.pack("<Q", length) for length in shape)
    return (
        string(name) + struct.pack("<I", len(shape)) + dimensions + struct.pack("<IQ", kind, offset)
    )


def chat_model(**changes: Value) -> bytes:
    """A whole file with one tensor of 256 bytes; `changes` use __ for the dots of a key."""
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "general.name": "Tiny",
        **LLAMA_SIZES,
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    start = header(metadata, tensors=1) + tensor("output.weight", [64])
    return start + bytes(-len(start) % 32) + bytes(256)


def write_sentencepiece(
    path: Path, words: Sequence[str], control: Sequence[str] = (), **metadata: Value
) -> Path:
    """A vocabulary of LLaMA-2's kind, which llama.cpp loads with vocab_only.

    It has the control tokens and bytes of the real one, every printable ASCII character, and
    `words`, longer ones preferred, with all their beginnings so that merges can reach them.
    `control` are control tokens beside the usual ones.
    """
    pieces = [chr(code) for code in range(33, 127)] + ["▁"]
    for word in words:
        pieces += [word[:end] for end in range(2, len(word) + 1)]
    special = ["<unk>", "<s>", "</s>", *control]
    pieces = [piece for piece in dict.fromkeys(pieces) if piece not in special]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [UNKNOWN, *[CONTROL] * (len(special) - 1), *[BYTE] * 256, *[NORMAL] * len(pieces)]
    scores = [0.0] * (len(special) + 256) + [float(len(piece)) for piece in pieces]
    path.write_bytes(
        header(
            {
                "general.architecture": "llama",
                **LLAMA_SIZES,
                "tokenizer.ggml.model": "llama",
                "tokenizer.ggml.tokens": tokens,
                "tokenizer.ggml.scores": scores,
                "tokenizer.ggml.token_type": kinds,
                "tokenizer.ggml.bos_token_id": 1,
                "tokenizer.ggml.eos_token_id": 2,
                "tokenizer.ggml.unknown_token_id": 0,
                "tokenizer.ggml.add_bos_token": True,
                **{key.replace("__", "."): value for key, value in metadata.items()},
            }
        )
    )
    return path


def write_byte_pairs(path: Path, control: Sequence[str], **metadata: Value) -> Path:
    """A vocabulary of LLaMA-3's kind: all bytes, a few merges, and the first two of `control` for
    a text's beginning and end.
    """
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in seen] + [chr(256 + place) for place in range(256 - len(seen))]
    merges = ["t h", "th e", "\u0120 a", "i n", "o u"]
    tokens = [*letters, *(merge.replace(" ", "") for merge in merges), *control]
    path.write_bytes(
        header(
            {
                "general.architecture": "llama",
                **LLAMA_SIZES,
                "tokenizer.ggml.model": "gpt2",
                "tokenizer.ggml.pre": "llama-bpe",
                "tokenizer.ggml.tokens": tokens,
                "tokenizer.ggml.merges": merges,
                "tokenizer.ggml.token_type": [
                    *[NORMAL] * (len(tokens) - len(control)),
                    *[CONTROL] * len(control),
                ],
                "tokenizer.ggml.bos_token_id": len(tokens) - len(control),
                "tokenizer.ggml.eos_token_id": len(tokens) - len(control) + 1,
                **{key.replace("__", "."): value for key, value in metadata.items()},
            }
        )
    )
    return path


def _typed(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + string(value)
    return struct.pack("<I", 9) + _array(value)


def _array(values: Sequence[int] | Sequence[float] | Sequence[str]) -> bytes:
    first = values[0]
    if isinstance(first, str):
        return struct.pack("<IQ", 8, len(values)) + b"".join(string(str(text)) for text in values)
    form = "<f" if isinstance(first, float) else "<i"
    kind = 6 if isinstance(first, float) else 5
    packed = b"".join(struct.pack(form, value) for value in values)
    return struct.pack("<IQ", kind, len(values)) + packed
