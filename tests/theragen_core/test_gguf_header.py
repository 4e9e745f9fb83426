from __future__ import annotations

import ctypes
import os
import struct
import tracemalloc
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support import gguf_files
from tests.support.gguf_files import chat_model, header, string, tensor
from tests.support.synthetic_llama import Q8_0, Shape, write_sparse
from theragen_core import gguf_header, model_profile
from theragen_core.errors import ModelError
from theragen_core.faults import Fault
from theragen_core.gguf_header import Weights


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


def fault_of(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        gguf_header.read(path)
    assert caught.value.details.get("path") == path.name
    return caught.value


def test_the_starter_model_says_what_it_is() -> None:
    starter = gguf_header.read(model_profile.starter_path())

    assert (starter.architecture, starter.kind, starter.license) == ("llama", "model", "apache-2.0")
    assert (starter.context_length, starter.block_count) == (8192, 30)
    assert (starter.head_count, starter.head_count_kv, starter.key_length) == (9, 3, 64)
    assert (starter.feed_forward_length, starter.vocabulary_size) == (1536, 49152)
    assert starter.merges > 48_000
    assert starter.weights.tied
    assert len(starter.weights.blocks) == 30
    assert starter.file_size - starter.weights.total < 3 * 2**20  # all but the header itself
    assert starter.data_end == starter.file_size
    assert "<|im_start|>" in starter.chat_template
    assert "im_start" not in repr(starter)


def test_sizes_of_blocks_are_those_of_ggml() -> None:
    package = find_spec("llama_cpp")
    assert package
    assert package.submodule_search_locations
    library = next(Path(package.submodule_search_locations[0], "lib").glob("*ggml-base*"))
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_type_size.restype = ctypes.c_size_t
    ggml.ggml_blck_size.restype = ctypes.c_int64

    for kind, block in gguf_header.BLOCKS.items():
        assert (ggml.ggml_blck_size(kind), ggml.ggml_type_size(kind)) == block


def test_a_small_model_is_read(model: Path) -> None:
    model.write_bytes(chat_model(llama__attention__key_length=24, tags=["a", "b"], flags=[1, 2]))

    tiny = gguf_header.read(model)

    assert (tiny.name, tiny.head_count_kv, tiny.key_length, tiny.value_length) == (
        "Tiny",
        4,
        24,
        16,
    )


@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_told_apart_by_where_they_are_used(model: Path, tied: bool) -> None:
    shape = Shape(embedding=64, feed_forward=96, blocks=3, kind=Q8_0, tied=tied)
    write_sparse(model, shape)
    wide, narrow, block = 64 * 34 // 32, 32, 34 / 32

    header = gguf_header.read(model)

    matrices = 2 * 64 * 64 + 2 * 64 * narrow + 3 * 64 * 96
    assert header.weights == Weights(
        embeddings=wide * 384,
        blocks=(int(matrices * block) + 2 * 4 * 64,) * 3,
        output=4 * 64 + (0 if tied else wide * 384),
        tied=tied,
    )
    assert (header.vocabulary_size, header.merges) == (384, 0)


@pytest.mark.parametrize("name", ["blk.1.x", "blk.99999999999.x", "blk.-1.x", "blk.²", "blk"])
def test_a_block_that_the_model_does_not_have_counts_as_output(model: Path, name: str) -> None:
    start = chat_model()
    at = start.index(string("output.weight"))
    metadata, rest = start[:at], start[at + len(string("output.weight")) :]
    data = metadata + string(name) + rest[: 4 + 8 + 4 + 8]
    model.write_bytes(data + bytes(-len(data) % 32) + bytes(256))

    assert gguf_header.read(model).weights == Weights(0, (0,), 256, tied=True)


def test_a_missing_file(model: Path) -> None:
    assert fault_of(model).fault is Fault.MODEL_MISSING


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    assert fault_of(tmp_path).fault is Fault.MODEL_UNREADABLE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_is_not_waited_for(model: Path) -> None:
    os.mkfifo(model)
    assert fault_of(model).fault is Fault.MODEL_UNREADABLE


@pytest.mark.parametrize("data", [b"", b"GG", b"ggml and then some", b"PK\x03\x04"])
def test_other_files_are_not_gguf(model: Path, data: bytes) -> None:
    model.write_bytes(data)

    assert fault_of(model).fault is Fault.MODEL_NOT_GGUF


def test_every_truncation_is_told(model: Path) -> None:
    whole = chat_model(tags=["one", "two"])

    for length in range(4, len(whole)):
        model.write_bytes(whole[:length])
        error = fault_of(model)
        assert error.fault is Fault.MODEL_TRUNCATED
        assert error.details["have"] == length < int(error.details["need"]) <= len(whole)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (chat_model(general__type="adapter"), "adapter"),
        (chat_model(general__type="mmproj"), "mmproj"),
        (chat_model(general__architecture="bert"), "bert"),
        (chat_model(general__architecture="clip"), "clip"),
        (chat_model(llama__pooling_type=1), "embedding"),
        (header({"general.architecture": "llama", **gguf_files.LLAMA_SIZES}), "vocabulary"),
        (header({}, version=1), "GGUF version 1"),
        (header({}, version=3 << 24), f"GGUF version {3 << 24}"),  # big-endian
    ],
)
def test_other_kinds_are_named(model: Path, data: bytes, kind: str) -> None:
    model.write_bytes(data)

    error = fault_of(model)

    assert error.fault is Fault.MODEL_WRONG_KIND
    assert error.details["kind"] == kind


HUGE = struct.pack("<Q", 2**62)
ONE_KEY = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"GGUF" + struct.pack("<I", 3) + HUGE * 2,
        b"GGUF" + struct.pack("<IQ", 3, 1) + HUGE,
        ONE_KEY + HUGE,
        ONE_KEY + string("key") + struct.pack("<I", 8) + HUGE,
        ONE_KEY + string("key") + struct.pack("<I", 99),
        ONE_KEY + string("key") + struct.pack("<II", 9, 8) + HUGE,
        ONE_KEY + string("key") + struct.pack("<II", 9, 4) + HUGE,
        ONE_KEY + string("key") + struct.pack("<IIQ", 9, 9, 1),
        ONE_KEY + string("key") + struct.pack("<IIQ", 9, 8, 2) + HUGE + bytes(64),
        chat_model(llama__attention__head_count=0),
        chat_model(llama__block_count=2**31 - 1),
        chat_model(llama__embedding_length="many"),
        header({"general.architecture": "llama"}, tensors=1) + tensor("t", [2**40, 2**40]),
        header({"general.architecture": "llama"}, tensors=1) + tensor("t", [1] * 5),
    ],
)
def test_hostile_sizes_cost_nothing(model: Path, data: bytes) -> None:
    model.write_bytes(data)
    tracemalloc.start()
    try:
        assert fault_of(model).fault is Fault.MODEL_DAMAGED
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_an_array_longer_than_the_file_ends_at_once(model: Path) -> None:
    model.write_bytes(ONE_KEY + string("key") + struct.pack("<IIQ", 9, 8, 2**22))

    assert fault_of(model).fault is Fault.MODEL_TRUNCATED
