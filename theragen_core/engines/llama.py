"""A GGUF model on this computer, through llama.cpp's C functions.

The only file that knows llama_cpp. Uses the C functions themselves: the binding's own classes
tokenise whole prompts with special tokens on, copy logits for each token, and keep caches on disk.
One thread at a time; two on one model abort the process.
"""

from __future__ import annotations

import codecs
import ctypes
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from theragen_core import gguf_header, hardware, model_profile
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.reply_end import SentenceLimit, StopMarks
from theragen_core.errors import ModelError, TheraGenError
from theragen_core.faults import Fault
from theragen_core.gguf_header import GgufHeader
from theragen_core.model_profile import ModelProfile
from theragen_core.prompts import (
    PromptBuilder,
    UnusableTemplate,
    UnusableVocabulary,
    common_length,
    template_for,
)
from theragen_core.protocol import GenerateRequest, Loaded, LocalModel, Phase, SamplingOptions


def _register_bare_package(name: str) -> None:
    """Let a package's modules be imported without its __init__.

    The binding's __init__ costs 0.1 s and 20 MB for numpy, and imports a cache that unpickles
    files (diskcache, CVE-2025-69872); nothing of it is used here.
    """
    spec = importlib.util.find_spec(name)
    if spec is not None:
        sys.modules.setdefault(name, importlib.util.module_from_spec(spec))


# Worker threads that wait for each other spin for milliseconds, and another busy program then slows
# decoding to a tenth; read by OpenMP when the library is loaded. See docs/adr/0004.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
_register_bare_package("llama_cpp")
import llama_cpp.llama_cpp as C  # noqa: E402, N812  (after the line above; C is what it is)

# What an abort loses, and how often progress is told.
_BATCH = 256
_CONTEXT_CEILING = 8192
_CONTEXT_FLOOR = 2048
_WORKING_MEMORY = 128 * 2**20  # llama.cpp's compute buffers at this batch size
_PENALTY_WINDOW = 128
_MIB = 2**20

_DECODE_ABORTED = 2


class NativeModel:
    """A loaded llama_model, freed once."""

    def __init__(self, path: Path, watch: Watch, vocabulary_only: bool = False) -> None:
        """Raises ModelError when llama.cpp refuses the file, TheraGenError when told to stop."""
        params = C.llama_model_default_params()
        params.vocab_only = vocabulary_only
        # Repacked weights are read faster. But some virtual machines announce AMX, for which they
        # would be repacked first, and die of its first instruction.
        params.use_extra_bufts = not hardware.has_amx()
        # Kept in a variable: ctypes would free the callback while native code still calls it.
        progress = C.llama_progress_callback(_load_progress(watch))
        params.progress_callback = progress
        handle = C.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise _load_failure(path, watch)
        self.handle = handle

    def close(self) -> None:
        C.llama_model_free(self.handle)


class NativeVocabulary:
    """A model's tokeniser; implements prompts.Vocabulary."""

    def __init__(self, model: NativeModel) -> None:
        vocab = C.llama_model_get_vocab(model.handle)
        assert vocab is not None
        self._vocab = vocab
        self._piece = ctypes.create_string_buffer(256)
        attributes = [
            C.llama_vocab_get_attr(vocab, token) for token in range(C.llama_vocab_n_tokens(vocab))
        ]
        self.size = len(attributes)
        self.control = self._texts(
            attributes, C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_UNKNOWN
        )
        self.user_defined = frozenset(self._texts(attributes, C.LLAMA_TOKEN_ATTR_USER_DEFINED))
        self.ends = frozenset(
            token for token in range(self.size) if C.llama_vocab_is_eog(vocab, token)
        )
        self.bos = self._text(C.llama_vocab_bos(vocab))
        self.eos = self._text(C.llama_vocab_eos(vocab))
        self.prefix: list[int] = []
        if C.llama_vocab_get_add_bos(vocab):
            self.prefix.append(C.llama_vocab_bos(vocab))

    def tokenise(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        while True:
            ids = (C.llama_token * room)()
            count = C.llama_tokenize(self._vocab, data, len(data), ids, room, False, False)
            if count >= 0:
                return ids[:count]
            room = -count

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; may be part of a character, or empty."""
        length = C.llama_token_to_piece(self._vocab, token, self._piece, len(self._piece), 0, False)
        if length < 0:
            self._piece = ctypes.create_string_buffer(-length)
            return self.piece(token)
        return self._piece.raw[:length]

    def _text(self, token: int) -> str:
        if token == C.LLAMA_TOKEN_NULL:
            return ""
        return (C.llama_vocab_get_text(self._vocab, token) or b"").decode("utf-8", "replace")

    def _texts(self, attributes: Sequence[int], wanted: int) -> dict[str, int]:
        found = {self._text(token): token for token, held in enumerate(attributes) if held & wanted}
        found.pop("", None)
        return found


class NativeContext:
    """A llama_context, and the ids in its KV cache: a prompt reuses what it shares with them."""

    def __init__(self, model: NativeModel, length: int, threads: int) -> None:
        """Raises MemoryError."""
        params = C.llama_context_default_params()
        params.n_ctx = length
        params.n_batch = params.n_ubatch = _BATCH
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        handle = C.llama_init_from_model(model.handle, params)
        if not handle:
            raise MemoryError
        self.handle = handle
        self._memory = C.llama_get_memory(handle)
        self._ids: list[int] = []
        self._token = (C.llama_token * 1)()
        self._token_batch = C.llama_batch_get_one(self._token, 1)

    def close(self) -> None:
        C.llama_free(self.handle)

    def read(self, ids: Sequence[int], watch: Watch) -> int:
        """Make the cache hold these ids; how many were evaluated for it, fewer when stopped.

        The last one is always evaluated, as the next token is sampled from its logits.
        """
        kept = min(common_length(self._ids, ids), len(ids) - 1)
        self._forget_from(kept)
        abort = C.ggml_abort_callback(_abort_when_told(watch))
        C.llama_set_abort_callback(self.handle, abort, None)
        try:
            while len(self._ids) < len(ids) and not watch.should_stop():
                chunk = ids[len(self._ids) : len(self._ids) + _BATCH]
                if not self._read_chunk(chunk):
                    break
                watch.report(Phase.READING, len(self._ids) - kept, len(ids) - kept)
        finally:
            # Asking it for each node would slow down writing.
            C.llama_set_abort_callback(self.handle, C.ggml_abort_callback(), None)
        return len(self._ids) - kept

    def append(self, token: int) -> None:
        self._token[0] = token
        self._decode(self._token_batch)
        self._ids.append(token)

    def _read_chunk(self, ids: Sequence[int]) -> bool:
        """False when it was aborted; as one batch is read at a time, nothing of it remains."""
        tokens = (C.llama_token * len(ids))(*ids)
        if self._decode(C.llama_batch_get_one(tokens, len(ids))) == _DECODE_ABORTED:
            return False
        self._ids.extend(ids)
        return True

    def _decode(self, batch: C.llama_batch) -> int:
        code: int = C.llama_decode(self.handle, batch)
        if code not in (0, _DECODE_ABORTED):
            self._forget_from(0)
            raise TheraGenError(f"llama_decode returned {code}")
        return code

    def _forget_from(self, length: int) -> None:
        if not C.llama_memory_seq_rm(self._memory, 0, length, -1):
            length = 0  # a cache that cannot be cut is emptied
            C.llama_memory_clear(self._memory, True)
        del self._ids[length:]


class LlamaEngine:
    """One loaded model with its prompts and its KV cache; implements engines.base.Engine."""

    loaded: Loaded

    def __init__(self, spec: LocalModel, watch: Watch, profile: ModelProfile | None = None) -> None:
        """Raises ModelError when the file cannot be used or memory is short.

        The profile is the one in resources/ unless another is given, to compare them.
        """
        started = time.monotonic()
        header = gguf_header.read(spec.path)
        template = template_for(spec.template, header.chat_template, spec.path.name)
        machine = hardware.probe()
        context = context_length(header, machine.free_memory)
        self._profile = profile or model_profile.profile_for(header)
        watch.phase = Phase.LOADING
        with ExitStack() as opened:
            model = NativeModel(spec.path, watch)
            opened.callback(model.close)
            self._vocabulary = NativeVocabulary(model)
            try:
                watch.phase = Phase.READING  # a template that has no end is seen to hang
                self._prompts = _prompts(template, self._vocabulary, self._profile, context)
                watch.phase = Phase.LOADING
                self._context = NativeContext(model, context, machine.cores)
            except UnusableTemplate as error:
                raise ModelError(Fault.MODEL_BAD_TEMPLATE, path=spec.path.name) from error
            except UnusableVocabulary as error:
                raise ModelError(Fault.MODEL_DAMAGED, path=spec.path.name) from error
            except MemoryError as error:
                raise _out_of_memory(header, context, machine.free_memory) from error
            opened.callback(self._context.close)
            self._opened = opened.pop_all()
        watch.phase = Phase.IDLE
        name = self._profile.display_name or spec.path.stem
        seconds = time.monotonic() - started
        self.loaded = Loaded(name, context, machine.cores, seconds, self._profile.note)

    def warm_up(self, watch: Watch) -> None:
        """Read the system prompt and the example exchanges into the KV cache."""
        watch.phase = Phase.READING
        self._context.read(self._prompts.known(), watch)
        watch.phase = Phase.IDLE

    def generate(self, request: GenerateRequest, watch: Watch, stats: TurnStats) -> Iterator[str]:
        """See engines.base.Engine."""
        room = self.loaded.context
        limit = min(request.options.max_tokens or self._profile.max_tokens, room // 4)
        prompt = self._prompts.fit(request.messages, room, limit)
        stats.first_visible = prompt.first_visible
        watch.phase = Phase.READING
        try:
            stats.evaluated = self._context.read(prompt.ids, watch)
            watch.phase = Phase.WRITING
            yield from self._write(request.options, limit, watch, stats)
        finally:
            watch.phase = Phase.IDLE

    def leave(self) -> None:
        """Nobody else is at work, and native code may not be torn down while it runs."""

    def close(self) -> None:
        """Free the context, then the model it stands on."""
        self._opened.close()

    def _write(
        self, options: SamplingOptions, limit: int, watch: Watch, stats: TurnStats
    ) -> Iterator[str]:
        """The reply's text, beginning with its first visible character."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        marks = StopMarks(self._prompts.stops)
        sentences = SentenceLimit(self._profile.max_sentences)
        begun = False
        for token in self._tokens(options, limit, watch, stats):
            text, marked = marks.feed(decoder.decode(self._vocabulary.piece(token)))
            text, enough = sentences.feed(text if begun else text.lstrip())
            if text:
                begun = True
                yield text
            if marked or enough:
                return
        if rest := marks.finish():
            yield rest

    def _tokens(
        self, options: SamplingOptions, limit: int, watch: Watch, stats: TurnStats
    ) -> Iterator[int]:
        """Sample and evaluate in turn. A token is yielded before its successor is computed."""
        ends, context = self._vocabulary.ends, self._context
        sampler = _sampler(self._profile, options, self._vocabulary.size)
        try:
            while stats.written < limit and not watch.should_stop():
                token = C.llama_sampler_sample(sampler, context.handle, -1)
                if token in ends:
                    return
                stats.written += 1
                watch.steps += 1
                yield token
                context.append(token)
        finally:
            C.llama_sampler_free(sampler)


def context_length(header: GgufHeader, free_memory: int) -> int:
    """Tokens of context that the model and the memory allow; ModelError when memory is short."""
    room = free_memory - header.file_size - _WORKING_MEMORY
    affordable = room // header.kv_bytes_per_token
    if affordable < min(_CONTEXT_FLOOR, header.context_length):
        raise _out_of_memory(header, _CONTEXT_FLOOR, free_memory)
    return min(header.context_length, _CONTEXT_CEILING, affordable)


def _prompts(
    template: str, vocabulary: NativeVocabulary, profile: ModelProfile, context: int
) -> PromptBuilder:
    """With the profile's example exchanges, unless they would fill a short context."""
    prompts = PromptBuilder(template, vocabulary, profile.system_prompt, profile.primer)
    if len(prompts.known()) > context // 4:
        prompts = PromptBuilder(template, vocabulary, profile.system_prompt)
    return prompts


def _sampler(profile: ModelProfile, options: SamplingOptions, size: int) -> C.llama_sampler_p:
    """A chain that runs in native code; the cheap cut to top_k comes first."""
    temperature = profile.temperature if options.temperature is None else options.temperature
    chain: C.llama_sampler_p = C.llama_sampler_chain_init(C.llama_sampler_chain_default_params())
    for part in (
        C.llama_sampler_init_penalties(size, _PENALTY_WINDOW, profile.repeat_penalty, 0.0, 0.0),
        C.llama_sampler_init_top_k(profile.top_k),
        C.llama_sampler_init_top_p(profile.top_p, 1),
        C.llama_sampler_init_min_p(profile.min_p, 1),
        C.llama_sampler_init_temp(temperature),
        C.llama_sampler_init_dist(options.seed % 2**32),
    ):
        C.llama_sampler_chain_add(chain, part)
    return chain


def _out_of_memory(header: GgufHeader, context: int, free_memory: int) -> ModelError:
    need = header.file_size + _WORKING_MEMORY + context * header.kv_bytes_per_token
    return ModelError(Fault.OUT_OF_MEMORY, need_mib=need // _MIB + 1, free_mib=free_memory // _MIB)


def _load_progress(watch: Watch) -> Callable[[float, object], bool]:
    def progress(part: float, _: object) -> bool:
        watch.steps += 1
        watch.report(Phase.LOADING, int(part * 1000), 1000)
        return not watch.should_stop()

    return progress


def _abort_when_told(watch: Watch) -> Callable[[object], bool]:
    def abort(_: object) -> bool:
        watch.steps += 1
        return watch.should_stop()

    return abort


def _load_failure(path: Path, watch: Watch) -> TheraGenError:
    if watch.should_stop():
        return TheraGenError("told to stop while loading")
    return ModelError(Fault.MODEL_DAMAGED, path=path.name)


def _swallow(level: int, text: bytes, _: object) -> None:
    """What native code has to say may quote a file's contents, and is of no use to a person."""


_NATIVE_LOG = C.llama_log_callback(_swallow)  # a name keeps it alive for native code
C.llama_log_set(_NATIVE_LOG, ctypes.c_void_p(0))
C.llama_backend_init()
