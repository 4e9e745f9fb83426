"""GGUF files that were harmed on purpose: what a bad download, a bad tool or a bad person makes.

A base file is taken apart into metadata, descriptions of tensors and data; one of the harms below
changes it, chosen and steered by a seed, and it is put together again.
"""

from __future__ import annotations

import copy
import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import synthetic_llama
from tests.support.gguf_files import string
from theragen_core.model_profile import starter_path

_U32, _I32, _F32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_NUMBERS = (0, 1, 2, 3, 5, 7, 63, 2**16, 2**20, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_LENGTHS = (0, 1, 3, 31, 33, 2**16, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 32, 2**64 - 1)
_TEXTS = (
    b"",
    b"x",
    b"llama",
    b"gpt2",
    b"bert",
    b"t5",
    b"rwkv",
    b"none",
    b"\xff\xfe\x00",
    b"%s%n" * 9,
)
_TEMPLATES = (
    "{% for message in messages %}{{ message.content }}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for message in messages %}{{ message.content * 3 }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{{ messages[0].content }}",
    "{{ raise_exception('no') }}",
    "{{ 'x'.center(999999) }}{% for message in messages %}{{ message.content }}{% endfor %}",
    "{%" * 5000,
    "(" * 5000,
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
)


@dataclass(slots=True)
class Tensor:
    name: bytes
    lengths: list[int]
    kind: int
    offset: int


@dataclass(slots=True)
class Parts:
    """A file taken apart. Values carry their type; `data` may be followed by `zeros` bytes."""

    pairs: list[tuple[bytes, int, bytes]]
    tensors: list[Tensor]
    data: bytes = field(repr=False)
    zeros: int = 0
    version: int = 3
    more_tensors: int = 0  # by which the counts lie
    more_pairs: int = 0

    def header(self) -> bytes:
        counts = (len(self.tensors) + self.more_tensors, len(self.pairs) + self.more_pairs)
        start = b"GGUF" + struct.pack("<I", self.version)
        start += b"".join(struct.pack("<Q", count % 2**64) for count in counts)
        for key, kind, value in self.pairs:
            start += string(key) + struct.pack("<I", kind) + value
        for tensor in self.tensors:
            lengths = b"".join(struct.pack("<Q", length) for length in tensor.lengths)
            start += string(tensor.name) + struct.pack("<I", len(tensor.lengths)) + lengths
            start += struct.pack("<IQ", tensor.kind, tensor.offset)
        return start + bytes(-len(start) % synthetic_llama.ALIGNMENT)

    def keys(self, *kinds: int) -> list[int]:
        """Places of the pairs whose values are of these types."""
        return [place for place, (_, kind, _) in enumerate(self.pairs) if kind in kinds]

    def place(self, key: str) -> int:
        return next(place for place, pair in enumerate(self.pairs) if pair[0] == key.encode())

    def set(self, place: int, kind: int, value: bytes) -> None:
        self.pairs[place] = (self.pairs[place][0], kind, value)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file of `length` bytes that begins with `start` and goes on with zeros."""

    harm: str
    start: bytes = field(repr=False)
    length: int

    def write(self, path: Path) -> Path:
        path.unlink(missing_ok=True)  # the one before may be mapped still
        with path.open("wb") as file:
            file.write(self.start[: self.length])
            file.truncate(self.length)
        return path


def small_base() -> Parts:
    """A model of two blocks with random weights."""
    start, length = synthetic_llama.header(synthetic_llama.Shape())
    return take_apart(start + synthetic_llama.random_data(length, seed=1))


def starter_base() -> Parts:
    """The starter's header, with zeros for weights."""
    parts = take_apart(starter_path().read_bytes())
    parts.data, parts.zeros = b"", len(parts.data)
    return parts


def mutant(base: Parts, seed: int) -> Mutant:
    """The file that belongs to this seed; all harms take turns."""
    draw, parts = random.Random(seed), copy.deepcopy(base)
    harm = (*_TO_PARTS, *_TO_BYTES, _cut)[seed % (len(_TO_PARTS) + len(_TO_BYTES) + 1)]
    name = harm.__name__.strip("_")
    if harm in _TO_PARTS:
        harm(draw, parts)
    start = bytearray(parts.header())
    if harm in _TO_BYTES:
        harm(draw, start)
    length = len(start) + len(parts.data) + parts.zeros
    if harm is _cut:
        length = draw.randrange(draw.choice((len(start), length)))
    return Mutant(name, bytes(start) + parts.data, length)


def take_apart(file: bytes) -> Parts:
    """A sound file's parts."""
    version, tensors, pairs = struct.unpack_from("<IQQ", file, 4)
    reader = _Reader(file, 24)
    parts = Parts([reader.pair() for _ in range(pairs)], [], b"", version=version)
    parts.tensors = [reader.tensor() for _ in range(tensors)]
    parts.data = file[-(-reader.at // synthetic_llama.ALIGNMENT) * synthetic_llama.ALIGNMENT :]
    return parts


class _Reader:
    def __init__(self, file: bytes, at: int) -> None:
        self._file = file
        self.at = at

    def take(self, length: int) -> bytes:
        self.at += length
        return self._file[self.at - length : self.at]

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def string(self) -> bytes:
        return self.take(self.number("<Q"))

    def pair(self) -> tuple[bytes, int, bytes]:
        key, kind, start = self.string(), self.number("<I"), self.at
        if kind == _STRING:
            self.string()
        elif kind == _ARRAY:
            of, count = self.number("<I"), self.number("<Q")
            for _ in range(count) if of == _STRING else ():
                self.string()
            self.at += 0 if of == _STRING else count * _SIZES[of]
        else:
            self.at += _SIZES[kind]
        return key, kind, self._file[start : self.at]

    def tensor(self) -> Tensor:
        name, dimensions = self.string(), self.number("<I")
        lengths = [self.number("<Q") for _ in range(dimensions)]
        return Tensor(name, lengths, self.number("<I"), self.number("<Q"))


# Harms to bytes of the header --------------------------------------------------------------------


def _flip_bits(draw: random.Random, start: bytearray) -> None:
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        start[_somewhere(draw, start)] ^= 1 << draw.randrange(8)


def _overwrite(draw: random.Random, start: bytearray) -> None:
    at, length = _somewhere(draw, start), draw.choice((1, 4, 8, 64))
    start[at : at + length] = draw.choice((b"\0", b"\xff", draw.randbytes(1))) * length


def _insert(draw: random.Random, start: bytearray) -> None:
    at = _somewhere(draw, start)
    start[at:at] = draw.randbytes(draw.choice((1, 8, 32)))


def _remove(draw: random.Random, start: bytearray) -> None:
    at = _somewhere(draw, start)
    del start[at : at + draw.choice((1, 8, 32))]


def _somewhere(draw: random.Random, start: bytearray) -> int:
    """Any place, but often among the first or last bytes: in between is the vocabulary."""
    size = len(start)
    return draw.choice(
        (draw.randrange(size), draw.randrange(min(size, 400)), size - 1 - draw.randrange(2000))
    )


def _cut(draw: random.Random, start: bytearray) -> None:
    """The whole file is shortened, see `mutant`."""


# Harms to parts ----------------------------------------------------------------------------------


def _duplicate_key(draw: random.Random, parts: Parts) -> None:
    parts.pairs.insert(draw.randrange(len(parts.pairs)), draw.choice(parts.pairs))


def _remove_key(draw: random.Random, parts: Parts) -> None:
    del parts.pairs[draw.randrange(len(parts.pairs))]


def _rename_key(draw: random.Random, parts: Parts) -> None:
    place = draw.randrange(len(parts.pairs))
    key, kind, value = parts.pairs[place]
    parts.pairs[place] = (draw.choice((b"", key[:-1], key * 2, b"\xff" * 70)), kind, value)


def _change_type(draw: random.Random, parts: Parts) -> None:
    place = draw.randrange(len(parts.pairs))
    parts.set(place, *draw.choice(parts.pairs)[1:])


def _change_number(draw: random.Random, parts: Parts) -> None:
    place = draw.choice(parts.keys(_U32, _I32))
    parts.set(place, _U32, struct.pack("<I", draw.choice(_NUMBERS)))


def _change_number_a_little(draw: random.Random, parts: Parts) -> None:
    place = draw.choice(parts.keys(_U32, _I32))
    number = int.from_bytes(parts.pairs[place][2], "little")
    number = draw.choice((number + 1, number - 1, number * 2, number // 2, number * 3))
    parts.set(place, _U32, struct.pack("<I", number % 2**32))


def _change_float(draw: random.Random, parts: Parts) -> None:
    value = draw.choice((float("nan"), float("inf"), -1.0, 0.0, 1e-45, 3e38))
    parts.set(draw.choice(parts.keys(_F32)), _F32, struct.pack("<f", value))


def _change_text(draw: random.Random, parts: Parts) -> None:
    parts.set(draw.choice(parts.keys(_STRING)), _STRING, string(draw.choice(_TEXTS)))


def _change_template(draw: random.Random, parts: Parts) -> None:
    parts.set(parts.place("tokenizer.chat_template"), _STRING, string(draw.choice(_TEMPLATES)))


def _add_setting(draw: random.Random, parts: Parts) -> None:
    """A key that llama.cpp knows and this file had no reason to hold."""
    key = draw.choice(_SETTINGS).encode()
    parts.pairs.append((key, _U32, struct.pack("<I", draw.choice(_NUMBERS))))


def _lie_about_counts(draw: random.Random, parts: Parts) -> None:
    parts.more_tensors = draw.choice((0, 1, -1, 2**16, 2**40, 2**63))
    parts.more_pairs = draw.choice((0, 1, -1, 2**16, 2**40, 2**63))


def _lie_about_string(draw: random.Random, parts: Parts) -> None:
    place = draw.choice(parts.keys(_STRING))
    length = struct.pack("<Q", draw.choice(_LENGTHS))
    parts.set(place, _STRING, length + parts.pairs[place][2][8:])


def _lie_about_array(draw: random.Random, parts: Parts) -> None:
    place = draw.choice(parts.keys(_ARRAY))
    value = parts.pairs[place][2]
    length = struct.pack("<Q", draw.choice(_LENGTHS))
    parts.set(place, _ARRAY, value[:4] + length + value[12:])


def _change_length_of_array(draw: random.Random, parts: Parts) -> None:
    """Honestly: the vocabulary's lists then differ in length."""
    place = draw.choice(parts.keys(_ARRAY))
    value = parts.pairs[place][2]
    of, count = struct.unpack_from("<IQ", value)
    reader, kept = _Reader(value, 12), draw.choice((0, 1, count // 2, count - 1))
    items = [reader.string() if of == _STRING else reader.take(_SIZES[of]) for _ in range(count)]
    items = draw.choice((items[:kept], items + items[:kept]))
    body = b"".join(string(item) if of == _STRING else item for item in items)
    parts.set(place, _ARRAY, struct.pack("<IQ", of, len(items)) + body)


def _shuffle_vocabulary(draw: random.Random, parts: Parts) -> None:
    place = draw.choice(parts.keys(_ARRAY))
    value = parts.pairs[place][2]
    of, count = struct.unpack_from("<IQ", value)
    reader = _Reader(value, 12)
    if of == _STRING:
        items = [reader.string() for _ in range(count)]
        for _ in range(draw.choice((1, 20, count))):
            items[draw.randrange(count)] = draw.choice(
                (b"", b"a", b" ", b"\xff\xfe", b"</s>", b"a b c")
            )
        body = b"".join(map(string, items))
    else:
        body = draw.randbytes(count * _SIZES[of])
    parts.set(place, _ARRAY, struct.pack("<IQ", of, count) + body)


def _change_kind_of_tokens(draw: random.Random, parts: Parts) -> None:
    place = parts.place("tokenizer.ggml.token_type")
    of, count = struct.unpack_from("<IQ", parts.pairs[place][2])
    kind = draw.choice((0, 2, 3, 4, 5, 6, 7, -1, 99))
    parts.set(place, _ARRAY, struct.pack("<IQ", of, count) + struct.pack("<i", kind) * count)


def _move_tensor(draw: random.Random, parts: Parts) -> None:
    tensor, other = draw.sample(parts.tensors, 2)
    offsets = (other.offset, other.offset + 32, tensor.offset + 1, 32, 2**40, 2**63, 2**64 - 32)
    tensor.offset = draw.choice(offsets)


def _reshape_tensor(draw: random.Random, parts: Parts) -> None:
    tensor = draw.choice(parts.tensors)
    place = draw.randrange(len(tensor.lengths))
    length = tensor.lengths[place]
    tensor.lengths[place] = draw.choice((0, 1, length * 2, length // 2, length + 1, 2**31, 2**63))


def _change_dimensions(draw: random.Random, parts: Parts) -> None:
    tensor = draw.choice(parts.tensors)
    tensor.lengths = draw.choice(
        ([], tensor.lengths[::-1], [*tensor.lengths, 1], [*tensor.lengths, 1, 1, 1], [2**32] * 4)
    )


def _change_kind_of_tensor(draw: random.Random, parts: Parts) -> None:
    kinds = (0, 1, 2, 4, 8, 9, 15, 16, 24, 27, 28, 30, 31, 36, 39, 40, 99, 2**31, 2**32 - 1)
    draw.choice(parts.tensors).kind = draw.choice(kinds)


def _rename_tensor(draw: random.Random, parts: Parts) -> None:
    tensor, other = draw.sample(parts.tensors, 2)
    tensor.name = draw.choice((b"", other.name, b"x" * 63, b"y" * 64, b"z" * 500, b"\xff%s\n"))


def _remove_tensor(draw: random.Random, parts: Parts) -> None:
    parts.tensors.remove(draw.choice(parts.tensors))


def _nonsense_for_weights(draw: random.Random, parts: Parts) -> None:
    """NaN, infinities, huge numbers, or anything."""
    value = draw.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f", draw.randbytes(4)))
    at, length = draw.randrange(len(parts.data) + 1), draw.choice((4, 400, len(parts.data)))
    data = bytearray(parts.data)
    data[at : at + length] = (value * (length // 4))[: len(data) - at]
    parts.data = bytes(data)


_SETTINGS = (
    "general.alignment",
    "general.quantization_version",
    "llama.attention.causal",
    "llama.attention.key_length",
    "llama.attention.sliding_window",
    "llama.attention.value_length",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.pooling_type",
    "llama.rope.dimension_count",
    "llama.rope.scaling.original_context_length",
    "llama.use_parallel_residual",
    "llama.vocab_size",
    "split.count",
    "split.no",
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.padding_token_id",
    "tokenizer.ggml.token_type_count",
    "tokenizer.ggml.unknown_token_id",
)

_TO_BYTES = (_flip_bits, _overwrite, _insert, _remove)
_TO_PARTS = (
    _duplicate_key,
    _remove_key,
    _rename_key,
    _change_type,
    _change_number,
    _change_number_a_little,
    _change_float,
    _change_text,
    _change_template,
    _add_setting,
    _lie_about_counts,
    _lie_about_string,
    _lie_about_array,
    _change_length_of_array,
    _shuffle_vocabulary,
    _change_kind_of_tokens,
    _move_tensor,
    _reshape_tensor,
    _change_dimensions,
    _change_kind_of_tensor,
    _rename_tensor,
    _remove_tensor,
    _nonsense_for_weights,
)
