"""The header of a GGUF file: what a model says of itself, read before native code sees the file.

Knows the GGUF container, versions 2 and 3, as documented in ggml's docs/gguf.md. Refuses to know
tensors' contents and llama.cpp. Every count and length is checked against the file's size first,
so a hostile file costs neither memory nor time.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import NoReturn

from theragen_core.errors import ModelError
from theragen_core.faults import Fault

# Decoder-only models made of LLaMA's block (RMSNorm, rotary positions, gated feed-forward) with a
# plain KV cache, whose tail can be dropped and read anew. Mistral, Vicuna, TinyLlama and SmolLM2
# call themselves "llama"; Qwen2 differs from it by the biases of three projections.
ARCHITECTURES = frozenset({"llama", "qwen2"})

Value = int | float | bool | str

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32

# Far above any real model, far below what would hurt.
_MAX_STRING = 4 * 2**20
_MAX_ENTRIES = 2**16
_MAX_ARRAY = 2**22
_MAX_TOKENS = 2**20
_MAX_DIMENSIONS = 4
_MAX_EXTENT = 2**48

# What llama.cpp asserts instead of checking: a file that breaks it would end the process.
_MAX_BLOCKS = 512
_MAX_EXPERTS = 1024
_ROPE_SCALINGS = ("none", "linear", "yarn", "longrope")
_TOKENIZERS = ("llama", "gpt2")  # those that models of these architectures come with
_TOKENS = "tokenizer.ggml.tokens"

_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32 = _SCALARS[4]
_U64 = _SCALARS[10]
_STRING = 8
_ARRAY = 9

# ggml's type id: (elements in a block, bytes of a block). A newer type is not in the table; its
# tensor then counts as empty, and llama.cpp has the last word.
BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 36),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of the tensors by where they are used. A tied model has no output matrix of its own:
    the embeddings serve twice.
    """

    embeddings: int
    blocks: tuple[int, ...]
    output: int  # with the last norm, and whatever else belongs to no block
    tied: bool

    @property
    def total(self) -> int:
        return self.embeddings + sum(self.blocks) + self.output


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the app needs to know of a model before it is loaded. Lengths are in tokens or units."""

    architecture: str
    name: str
    kind: str
    license: str
    file_size: int
    data_end: int  # bytes of file that header and tensors need
    context_length: int
    block_count: int
    embedding_length: int
    head_count: int
    head_count_kv: int
    key_length: int
    value_length: int
    feed_forward_length: int
    vocabulary_size: int
    merges: int  # pairs that a byte-pair tokeniser joins; 0 for other kinds
    weights: Weights
    chat_template: str = field(repr=False)


def read(path: Path) -> GgufHeader:
    """The header of the chat model in this file; ModelError when it is none or is not whole."""
    reader = _Reader(path.name, _map(path))
    try:
        header = _parse(reader)
    finally:
        reader.close()
    if header.data_end > header.file_size:
        reader.fail(Fault.MODEL_TRUNCATED, have=header.file_size, need=header.data_end)
    return header


def _map(path: Path) -> mmap.mmap:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ModelError(Fault.MODEL_UNREADABLE, path=path.name)
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ModelError(Fault.MODEL_NOT_GGUF, path=path.name)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise ModelError(Fault.MODEL_MISSING, path=path.name) from error
    except OSError as error:
        raise ModelError(Fault.MODEL_UNREADABLE, path=path.name) from error


class _Reader:
    """A cursor over the mapped file that never looks past its end."""

    def __init__(self, name: str, data: mmap.mmap) -> None:
        self._name = name
        self._data = data
        self.size = len(data)
        self.at = len(_MAGIC)

    def close(self) -> None:
        self._data.close()

    def fail(self, fault: Fault, **details: str | int) -> NoReturn:
        raise ModelError(fault, path=self._name, **details)

    def _claim(self, length: int) -> int:
        """Step over `length` bytes and return where they began."""
        start = self.at
        self.at += length
        if self.at > _MAX_EXTENT:
            self.fail(Fault.MODEL_DAMAGED)
        if self.at > self.size:
            self.fail(Fault.MODEL_TRUNCATED, have=self.size, need=self.at)
        return start

    def scalar(self, form: struct.Struct) -> Value:
        value: Value = form.unpack_from(self._data, self._claim(form.size))[0]
        return value

    def number(self, form: struct.Struct, limit: int) -> int:
        value = int(self.scalar(form))
        if value > limit:
            self.fail(Fault.MODEL_DAMAGED)
        return value

    def string(self) -> str:
        length = self.number(_U64, _MAX_STRING)
        start = self._claim(length)
        return self._data[start : start + length].decode("utf-8", "replace")

    def skip_strings(self, count: int) -> None:
        """A vocabulary's hundred thousand strings: the one loop here that must be fast."""
        at, data, last, unpack = self.at, self._data, self.size - _U64.size, _U64.unpack_from
        for _ in range(count):
            if at > last:
                break
            at += _U64.size + unpack(data, at)[0]
        else:
            self._claim(at - self.at)
            return
        self._claim(at + _U64.size - self.at)

    def has_doubles(self, start: int) -> bool:
        """Whether two strings between `start` and the cursor are one to C, which ends them at a
        zero. Empty ones do not count.
        """
        at, data, unpack, texts = start, self._data, _U64.unpack_from, list[bytes]()
        while at < self.at:
            begin = at + _U64.size
            at = begin + unpack(data, at)[0]
            texts.append(data[begin:at])
        if b"\0" in b"".join(texts):
            texts = [text.partition(b"\0")[0] for text in texts]
        return len(set(texts) - {b""}) < len(texts) - texts.count(b"")

    def skip_array(self, distinct: bool = False) -> int:
        """Step over an array and return how many values it has."""
        kind = self.number(_U32, _MAX_ENTRIES)
        count = self.number(_U64, _MAX_TOKENS if distinct else _MAX_ARRAY)
        start = self.at
        if kind == _STRING:
            self.skip_strings(count)
            if distinct and self.has_doubles(start):
                self.fail(Fault.MODEL_DAMAGED)
        elif kind in _SCALARS:
            self._claim(count * _SCALARS[kind].size)
        else:
            self.fail(Fault.MODEL_DAMAGED)
        return count


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    size: int
    end: int  # both in bytes, the second from the start of the data


def _parse(reader: _Reader) -> GgufHeader:
    version = reader.number(_U32, 2**32)
    if version not in _VERSIONS:
        reader.fail(Fault.MODEL_WRONG_KIND, kind=f"GGUF version {version}")
    count = reader.number(_U64, _MAX_ENTRIES)
    metadata, lengths = _metadata(reader, reader.number(_U64, _MAX_ENTRIES))
    _refuse_other_kinds(reader, metadata, count)
    if not _is_sound(metadata):
        reader.fail(Fault.MODEL_DAMAGED)
    tensors = [_tensor(reader) for _ in range(count)]
    alignment = _integer(metadata, "general.alignment") or _DEFAULT_ALIGNMENT
    data_start = -(-reader.at // alignment) * alignment
    data_end = data_start + max(tensor.end for tensor in tensors)
    return _header(reader, metadata, lengths, tensors, data_end)


def _metadata(reader: _Reader, count: int) -> tuple[dict[str, Value], dict[str, int]]:
    """All scalars and strings; of arrays (the vocabulary), which are stepped over, the lengths."""
    values: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    for _ in range(count):
        key = reader.string()
        kind = reader.number(_U32, 2**32)
        if kind == _STRING:
            values[key] = reader.string()
        elif kind == _ARRAY:
            lengths[key] = reader.skip_array(distinct=key == _TOKENS)
        elif kind in _SCALARS:
            values[key] = reader.scalar(_SCALARS[kind])
        else:
            reader.fail(Fault.MODEL_DAMAGED)
    return values, lengths


def _refuse_other_kinds(reader: _Reader, metadata: dict[str, Value], tensors: int) -> None:
    architecture = str(metadata.get("general.architecture", "unknown"))
    kind = str(metadata.get("general.type", "model"))
    if kind != "model":
        reader.fail(Fault.MODEL_WRONG_KIND, kind=kind)
    if architecture not in ARCHITECTURES:
        reader.fail(Fault.MODEL_WRONG_KIND, kind=architecture)
    if metadata.get(f"{architecture}.pooling_type", 0):
        reader.fail(Fault.MODEL_WRONG_KIND, kind="embedding")
    if not tensors:
        reader.fail(Fault.MODEL_WRONG_KIND, kind="vocabulary")


def _is_sound(metadata: dict[str, Value]) -> bool:
    """Whether llama.cpp's assertions about metadata hold."""
    architecture = metadata["general.architecture"]

    def number(key: str) -> int:
        return _integer(metadata, f"{architecture}.{key}")

    blocks, experts, used = map(number, ("block_count", "expert_count", "expert_used_count"))
    epsilon = metadata.get(f"{architecture}.attention.layer_norm_rms_epsilon", 0.0)
    return (
        "" not in metadata
        and number("nextn_predict_layers") <= blocks <= _MAX_BLOCKS
        and used <= experts <= _MAX_EXPERTS
        and (used > 0) == (experts > 0)
        and number("expert_group_count") == 0
        and isinstance(epsilon, float)
        and epsilon >= 0  # NaN is not
        and metadata.get(f"{architecture}.rope.scaling.type", "linear") in _ROPE_SCALINGS
        and metadata.get("tokenizer.ggml.model", "llama") in _TOKENIZERS
    )


def _tensor(reader: _Reader) -> _Tensor:
    name = reader.string()
    dimensions = reader.number(_U32, _MAX_DIMENSIONS)
    elements = prod(reader.number(_U64, _MAX_EXTENT) for _ in range(dimensions))
    block, bytes_of_block = BLOCKS.get(reader.number(_U32, 2**32), (1, 0))
    size = elements // block * bytes_of_block
    end = reader.number(_U64, _MAX_EXTENT) + size
    if end > _MAX_EXTENT:
        reader.fail(Fault.MODEL_DAMAGED)
    return _Tensor(name, size, end)


def _weights(tensors: list[_Tensor], blocks: int) -> Weights:
    embeddings = output = 0
    in_blocks = [0] * blocks
    for tensor in tensors:
        part, _, rest = tensor.name.partition(".")
        number = rest.partition(".")[0]
        if part == "token_embd":
            embeddings += tensor.size
        elif part == "blk" and number.isdecimal() and int(number) < blocks:
            in_blocks[int(number)] += tensor.size
        else:
            output += tensor.size
    tied = all(tensor.name != "output.weight" for tensor in tensors)
    return Weights(embeddings, tuple(in_blocks), output, tied)


def _header(
    reader: _Reader,
    metadata: dict[str, Value],
    lengths: dict[str, int],
    tensors: list[_Tensor],
    data_end: int,
) -> GgufHeader:
    architecture = str(metadata["general.architecture"])

    def size(key: str) -> int:
        return _integer(metadata, f"{architecture}.{key}")

    heads = size("attention.head_count")
    if not (heads and size("block_count") and size("embedding_length") and size("context_length")):
        reader.fail(Fault.MODEL_DAMAGED)
    if size("block_count") > len(tensors):
        reader.fail(Fault.MODEL_DAMAGED)
    head_length = size("embedding_length") // heads
    if not head_length:
        reader.fail(Fault.MODEL_DAMAGED)
    return GgufHeader(
        architecture=architecture,
        name=str(metadata.get("general.name", "")),
        kind=str(metadata.get("general.type", "model")),
        license=str(metadata.get("general.license", "")),
        file_size=reader.size,
        data_end=data_end,
        context_length=size("context_length"),
        block_count=size("block_count"),
        embedding_length=size("embedding_length"),
        head_count=heads,
        head_count_kv=size("attention.head_count_kv") or heads,
        key_length=size("attention.key_length") or head_length,
        value_length=size("attention.value_length") or head_length,
        feed_forward_length=size("feed_forward_length"),
        vocabulary_size=lengths.get(_TOKENS, 0) or size("vocab_size"),
        merges=lengths.get("tokenizer.ggml.merges", 0),
        weights=_weights(tensors, size("block_count")),
        chat_template=str(metadata.get("tokenizer.chat_template", "")),
    )


def _integer(metadata: dict[str, Value], key: str) -> int:
    """A whole number above zero, or 0 when there is none."""
    value = metadata.get(key, 0)
    return value if isinstance(value, int) and value > 0 else 0
