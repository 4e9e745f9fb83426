from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import gguf_files
from theragen_core import model_profile, resources
from theragen_core.conversation import Message, Role
from theragen_core.engines.base import TurnStats, Watch

# The one file that imports llama_cpp lends it to its tests as C.
from theragen_core.engines.llama import (  # type: ignore[attr-defined]
    _AHEAD_BATCH,
    C,
    LlamaEngine,
)
from theragen_core.errors import MessageTooLong, ModelError, TheraGenError
from theragen_core.faults import Fault
from theragen_core.protocol import (
    GenerateRequest,
    KvType,
    LoadOptions,
    LocalModel,
    Phase,
    Prefill,
    SamplingOptions,
    TemplateChoice,
    TurnId,
)

STARTER = LocalModel(model_profile.starter_path())
LONG = "and then I went for a walk in the park by the river " * 40


@pytest.fixture(scope="module")
def loaded() -> Iterator[LlamaEngine]:
    engine = LlamaEngine(STARTER, Watch())
    yield engine
    engine.close()


@pytest.fixture
def engine(loaded: LlamaEngine) -> Iterator[LlamaEngine]:
    """The loaded engine; whatever a test did, its bookkeeping agrees with llama.cpp's own."""
    yield loaded
    assert cached_tokens(loaded) == len(loaded._context._ids)


def cached_tokens(engine: LlamaEngine) -> int:
    """What llama.cpp itself says of its KV cache."""
    return int(C.llama_memory_seq_pos_max(engine._context._memory, 0)) + 1


def request(*texts: str, seed: int = 1, **options: float | int) -> GenerateRequest:
    """A request whose messages take turns, the first and last being the person's."""
    roles = (Role.USER, Role.ASSISTANT)
    messages = tuple(Message(roles[index % 2], text) for index, text in enumerate(texts))
    sampling = replace(SamplingOptions(seed=seed), **options)  # type: ignore[arg-type]
    return GenerateRequest(TurnId(1), messages, sampling)


def reply(engine: LlamaEngine, wanted: GenerateRequest) -> tuple[str, TurnStats]:
    stats = TurnStats()
    return "".join(engine.generate(wanted, Watch(), stats)), stats


class StopAfter:
    """Says stop from the n-th question on."""

    def __init__(self, asked: int) -> None:
        self.left = asked

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_loading_reports_progress_and_what_was_loaded() -> None:
    seen: list[tuple[Phase, int, int]] = []
    watch = Watch(report=lambda *progress: seen.append(progress))

    engine = LlamaEngine(STARTER, watch)
    engine.close()

    assert seen[-1] == (Phase.LOADING, 1000, 1000)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert engine.loaded.name == resources.text("models.starter_name")
    assert engine.loaded.context == 8192
    assert engine.loaded.threads >= 1
    assert watch.phase is Phase.IDLE


def test_loading_can_be_stopped() -> None:
    with pytest.raises(TheraGenError, match="told to stop"):
        LlamaEngine(STARTER, Watch(should_stop=lambda: True))


def test_a_reply_is_short_text_without_outer_marks(engine: LlamaEngine) -> None:
    watch = Watch()
    stats = TurnStats()
    phases = []
    pieces = []
    for piece in engine.generate(request("I had a hard day at work."), watch, stats):
        pieces.append(piece)
        phases.append(watch.phase)

    text = "".join(pieces)
    assert 20 < len(text) < 600
    assert text == text.lstrip()
    assert "<|" not in text
    assert stats.written >= len(pieces) > 5
    assert set(phases) == {Phase.WRITING}
    assert watch.phase is Phase.IDLE
    assert watch.steps > stats.written


def test_the_same_seed_gives_the_same_reply_and_another_seed_another(engine: LlamaEngine) -> None:
    text = "I feel lonely tonight."
    reply(engine, request(text))  # from here on, the same tokens are evaluated each time

    replies = [reply(engine, request(text, seed=seed))[0] for seed in (5, 5, 6, 7)]

    assert replies[0] == replies[1]
    assert len(set(replies)) > 1


def test_a_later_turn_evaluates_only_what_is_new(engine: LlamaEngine) -> None:
    engine.prefill(Prefill(), Watch())
    said: list[str] = []
    for text in ("I moved house last week.", "I know nobody here.", "I might join a choir."):
        answer, stats = reply(engine, request(*said, text))
        assert stats.evaluated < 40
        said += [text, answer]


def test_the_fixed_part_is_read_once(engine: LlamaEngine) -> None:
    engine.prefill(Prefill(), Watch())

    assert engine.prefill(Prefill(), Watch()) == 0


def test_a_message_that_was_read_while_it_was_written_leaves_little_to_read(
    engine: LlamaEngine,
) -> None:
    said = request("I moved house.", "How was that?", LONG).messages
    watch = Watch()

    ahead = engine.prefill(Prefill(said), watch)
    again = engine.prefill(Prefill(said), watch)
    _, stats = reply(engine, request("I moved house.", "How was that?", LONG + "again."))

    assert ahead > 300
    assert again == 0
    assert stats.evaluated < 12
    assert watch.phase is Phase.IDLE


def test_what_was_read_beyond_a_draft_stays(engine: LlamaEngine) -> None:
    whole = request("I moved house.", "How was that?", "Hard. " + LONG)
    reply(engine, whole)

    assert engine.prefill(Prefill(whole.messages[:2]), Watch()) == 0
    assert reply(engine, whole)[1].evaluated == 1


def test_reading_ahead_gives_way_between_two_pieces_and_stops_within_one(
    engine: LlamaEngine,
) -> None:
    ahead = Prefill(request(LONG, "Where was that?", LONG, "And then?").messages)

    for watch, pieces in (
        (Watch(should_yield=StopAfter(2)), 2),
        (Watch(should_stop=StopAfter(40)), 0),
    ):
        engine.prefill(Prefill(), Watch())
        engine._context._forget_from(0)
        assert engine.prefill(ahead, watch) == pieces * _AHEAD_BATCH
        assert watch.phase is Phase.IDLE


def test_a_draft_too_long_is_not_read(engine: LlamaEngine) -> None:
    assert engine.prefill(Prefill(request(LONG * 40).messages), Watch()) == 0


def test_its_speed_is_measured_and_the_cache_empty_again(engine: LlamaEngine) -> None:
    read, written = engine.speed(16, 4)

    assert read > 0
    assert written > 0
    assert cached_tokens(engine) == 0
    assert reply(engine, request("Good morning."))[1].evaluated > 20


def test_a_token_that_takes_long_can_be_stopped_within_it(engine: LlamaEngine) -> None:
    engine.prefill(Prefill(), Watch())
    context = engine._context
    before = list(context._ids)
    context._slow = True  # as after a token of a large model

    assert not context.append(5, Watch(should_stop=StopAfter(10)))
    assert context._ids == before
    context._slow = True
    assert context.append(5, Watch())
    assert context._ids == [*before, 5]


def test_a_reused_cache_says_what_a_fresh_one_says(engine: LlamaEngine) -> None:
    """Not to the last bit: one token and many are multiplied by different kernels."""
    messages = request("I am nervous.", "What about?", "An exam.").messages
    ids = engine._prompts.encode(messages)
    other_ids = engine._prompts.encode((*messages[:2], Message(Role.USER, "A wedding.")))
    fresh = LlamaEngine(STARTER, Watch())

    other = logits(engine, other_ids)
    reused = logits(engine, ids)
    expected = logits(fresh, ids)
    fresh.close()

    assert distance(reused, expected) < distance(other, expected) / 4


def logits(engine: LlamaEngine, ids: list[int]) -> list[float]:
    """What the model expects next."""
    engine._context.read(ids, Watch())
    values: list[float] = C.llama_get_logits_ith(engine._context.handle, -1)[
        : engine._vocabulary.size
    ]
    return values


def distance(one: list[float], other: list[float]) -> float:
    return max(abs(left - right) for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize("asked", [1, 2, 900, 1400])
def test_a_stop_while_reading_leaves_a_sound_cache(engine: LlamaEngine, asked: int) -> None:
    reply(engine, request("Hello."))
    stats = TurnStats()
    watch = Watch(should_stop=StopAfter(asked))

    assert list(engine.generate(request(LONG), watch, stats)) == []

    assert watch.phase is Phase.IDLE
    assert stats.evaluated % 256 == 0
    assert cached_tokens(engine) == len(engine._context._ids)
    text, after = reply(engine, request(LONG))
    assert text
    assert after.evaluated > 0
    assert stats.evaluated + after.evaluated > 500


def test_a_stop_while_writing_is_obeyed_at_the_next_token(engine: LlamaEngine) -> None:
    stopped = False
    stats = TurnStats()
    pieces = engine.generate(request("Tell me."), Watch(should_stop=lambda: stopped), stats)
    next(pieces)
    written = stats.written

    stopped = True

    assert list(pieces) == []
    assert stats.written == written


def test_an_abandoned_reply_leaves_a_sound_cache(engine: LlamaEngine) -> None:
    pieces = engine.generate(request("Tell me."), Watch(), TurnStats())
    next(pieces)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]

    assert reply(engine, request("Tell me."))[1].evaluated == 1


def test_the_reply_keeps_to_its_limit(engine: LlamaEngine) -> None:
    assert reply(engine, request("Tell me a long story.", max_tokens=7))[1].written <= 7


def test_a_full_context_drops_old_turns_and_then_reuses_what_is_left() -> None:
    engine = LlamaEngine(replace(STARTER, options=LoadOptions(context=1536)), Watch())
    said = ["I went for a walk by the river. " * 12, "I see."] * 20

    _, stats = reply(engine, request(*said, "And now?"))
    _, next_stats = reply(engine, request(*said, "And now?", "Yes.", "Well."))
    engine.close()

    assert 0 < stats.first_visible == next_stats.first_visible
    assert stats.evaluated < 1536
    assert next_stats.evaluated < 40


def test_a_message_too_long_is_refused(engine: LlamaEngine) -> None:
    with pytest.raises(MessageTooLong) as caught:
        reply(engine, request(LONG * 30))

    assert caught.value.tokens > caught.value.limit > 6000


def test_text_that_looks_like_a_control_token_stays_text(engine: LlamaEngine) -> None:
    vocabulary = engine._vocabulary
    text = "".join(vocabulary.control)

    ids = vocabulary.tokenise(text)

    assert not set(vocabulary.control.values()) & set(ids)
    assert b"".join(map(vocabulary.piece, ids)) == text.encode()


# Files that cannot be used


def load_fault(spec: LocalModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        LlamaEngine(spec, Watch())
    return caught.value


@pytest.fixture(scope="module")
def starter_bytes() -> bytes:
    return STARTER.path.read_bytes()


def test_a_missing_file(tmp_path: Path) -> None:
    assert load_fault(LocalModel(tmp_path / "no.gguf")).fault is Fault.MODEL_MISSING


def test_a_truncated_file(tmp_path: Path, starter_bytes: bytes) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(starter_bytes[: len(starter_bytes) // 2])

    error = load_fault(LocalModel(path))

    assert error.fault is Fault.MODEL_TRUNCATED
    assert error.details["need"] == len(starter_bytes)


def test_a_file_with_a_good_header_and_no_model_in_it(tmp_path: Path) -> None:
    path = tmp_path / "hollow.gguf"
    path.write_bytes(gguf_files.chat_model())

    error = load_fault(LocalModel(path, TemplateChoice.CHATML))

    assert (error.fault, error.details) == (Fault.MODEL_DAMAGED, {"path": "hollow.gguf"})


def test_a_file_without_a_template_needs_a_choice(tmp_path: Path, starter_bytes: bytes) -> None:
    path = tmp_path / "bare.gguf"
    path.write_bytes(starter_bytes.replace(b"tokenizer.chat_template", b"tokenizer.chat_tempLate"))

    assert load_fault(LocalModel(path)).fault is Fault.MODEL_NEEDS_TEMPLATE
    chosen = LlamaEngine(LocalModel(path, TemplateChoice.LLAMA2), Watch())
    text, _ = reply(chosen, request("I had a hard day."))
    chosen.close()
    assert text
    assert "[INST]" not in text


def test_a_template_that_cannot_work(tmp_path: Path, starter_bytes: bytes) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(
        starter_bytes.replace(b"{% for message in messages %}", b"{% for message in messages !}")
    )

    assert load_fault(LocalModel(path)).fault is Fault.MODEL_BAD_TEMPLATE


# Memory


@pytest.mark.parametrize(
    "options",
    [
        LoadOptions(context=1024, kv_type=KvType.Q8_0, batch=128, ubatch=64, threads=1),
        LoadOptions(context=1024, kv_type=KvType.Q4_0, flash_attention=True),
        LoadOptions(context=1024, flash_attention=False, ubatch=1024),
    ],
)
def test_a_model_is_loaded_as_it_was_asked_for(options: LoadOptions) -> None:
    engine = LlamaEngine(replace(STARTER, options=options), Watch())

    text, _ = reply(engine, request("I had a hard day at work."))
    told = C.llama_n_ctx(engine._context.handle), C.llama_n_ubatch(engine._context.handle)
    engine.close()

    assert len(text) > 20
    assert told == (1024, options.ubatch or 256)
    assert (engine.loaded.context, engine.loaded.note.count(".")) == (1024, 2)


def test_options_that_clash_are_told_before_anything_is_loaded() -> None:
    clash = LoadOptions(kv_type=KvType.Q8_0, flash_attention=False)

    fault = load_fault(replace(STARTER, options=clash)).fault

    assert fault is Fault.KV_TYPE_NEEDS_FLASH_ATTENTION


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is not enforced elsewhere")
def test_a_context_that_cannot_be_had_is_no_crash() -> None:
    code = """
import resource
from dataclasses import replace
from theragen_core import fit, gguf_header, hardware
from theragen_core.engines.base import Watch
from theragen_core.engines.llama import NativeContext, NativeModel
from theragen_core.model_profile import starter_path

plan = fit.choose(gguf_header.read(starter_path()), hardware.probe())
model = NativeModel(starter_path(), Watch())
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
try:
    NativeContext(model, replace(plan, context=65536))  # 1.5 GB
except MemoryError:
    print("no memory")
model.close()
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "no memory\n"


def refuse_contexts_over(limit: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """llama.cpp with less memory than was thought; the contexts that it is then asked for."""
    asked: list[int] = []
    really = C.llama_init_from_model

    def init(model: object, params: C.llama_context_params) -> object:
        asked.append(params.n_ctx)
        return really(model, params) if params.n_ctx <= limit else None

    monkeypatch.setattr(C, "llama_init_from_model", init)
    return asked


def test_where_memory_is_refused_the_model_sees_less_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = refuse_contexts_over(4000, monkeypatch)

    engine = LlamaEngine(STARTER, Watch())
    context, note = engine.loaded.context, engine.loaded.note
    text, _ = reply(engine, request("I had a hard day at work."))
    engine.close()

    assert asked[0] == 8192
    assert asked == sorted(set(asked), reverse=True)
    assert asked[-1] == context <= 4000
    assert f"the last {context} tokens" in note
    assert text


def test_where_every_context_is_refused_there_are_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_contexts_over(0, monkeypatch)

    error = load_fault(STARTER)

    assert error.fault is Fault.OUT_OF_MEMORY
    assert int(error.details["need_mib"]) > int(error.details["free_mib"]) > 100


def test_a_hostile_size_in_a_good_header_is_no_crash(tmp_path: Path, starter_bytes: bytes) -> None:
    """A header that passes ours and fails llama.cpp's own checks."""
    key = b"llama.embedding_length" + struct.pack("<I", 4)
    path = tmp_path / "hostile.gguf"
    at = starter_bytes.index(key) + len(key)
    path.write_bytes(starter_bytes[:at] + struct.pack("<I", 577) + starter_bytes[at + 4 :])

    assert load_fault(LocalModel(path)).fault is Fault.MODEL_DAMAGED
