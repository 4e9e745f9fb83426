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
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from theragen_core import backends, fit, gguf_header, hardware, model_profile, resources
from theragen_core.backends import Device
from theragen_core.engines.base import TurnStats, Watch
from theragen_core.engines.reply_end import SentenceLimit, StopMarks
from theragen_core.engines.threads import ThreadCount
from theragen_core.errors import MessageTooLong, ModelError, TheraGenError
from theragen_core.faults import Fault
from theragen_core.fit import Plan
from theragen_core.hardware import Hardware
from theragen_core.model_profile import ModelProfile
from theragen_core.prompts import (
    PromptBuilder,
    UnusableTemplate,
    UnusableVocabulary,
    common_length,
    template_for,
)
from theragen_core.protocol import (
    GenerateRequest,
    KvType,
    Loaded,
    LocalModel,
    Phase,
    Prefill,
    SamplingOptions,
)


def _register_bare_package(name: str) -> None:
    """Let a package's modules be imported without its __init__.

    The binding's __init__ costs 0.1 s and 20 MB for numpy, and imports a cache that unpickles
    files (diskcache, CVE-2025-69872); nothing of it is used here.
    """
    spec = importlib.util.find_spec(name)
    if spec is not None:
        sys.modules.setdefault(name, importlib.util.module_from_spec(spec))


_register_bare_package("llama_cpp")
import llama_cpp.llama_cpp as C  # noqa: E402, N812  (after the line above; C is what it is)

_AHEAD_BATCH = 64  # tokens: what a message that is sent during a reading ahead waits for at most
_PENALTY_WINDOW = 128
_KV_TYPES = {
    KvType.F16: C.GGML_TYPE_F16,
    KvType.Q8_0: C.GGML_TYPE_Q8_0,
    KvType.Q4_0: C.GGML_TYPE_Q4_0,
}

_DECODE_ABORTED = 2
_SLOW_TOKEN_S = 0.05  # a model that takes longer for a token is asked to stop within it


class NativeModel:
    """A loaded llama_model, freed once."""

    def __init__(
        self, path: Path, watch: Watch, vocabulary_only: bool = False, gpu_layers: int = 0
    ) -> None:
        """Raises ModelError when llama.cpp refuses the file, MemoryError when it may be the GPU's
        memory that is short, TheraGenError when told to stop.
        """
        params = C.llama_model_default_params()
        params.vocab_only = vocabulary_only
        params.n_gpu_layers = gpu_layers
        # Repacked weights are read faster. But some virtual machines announce AMX, for which they
        # would be repacked first, and die of its first instruction.
        params.use_extra_bufts = not hardware.has_amx()
        # Kept in a variable: ctypes would free the callback while native code still calls it.
        progress = C.llama_progress_callback(_load_progress(watch))
        params.progress_callback = progress
        handle = C.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            raise _load_failure(path, watch, gpu_layers)
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

    def __init__(self, model: NativeModel, plan: Plan) -> None:
        """Raises MemoryError."""
        params = C.llama_context_default_params()
        params.n_ctx = plan.context
        params.n_batch, params.n_ubatch = plan.batch, plan.ubatch
        params.n_outputs_max = 1  # logits of a batch's last token, the only ones ever asked for
        params.n_threads = params.n_threads_batch = plan.threads
        params.type_k = params.type_v = _KV_TYPES[plan.kv_type]
        params.flash_attn_type = int(plan.flash_attention)
        params.offload_kqv = params.op_offload = plan.gpu_layers > 0
        params.no_perf = True
        handle = C.llama_init_from_model(model.handle, params)
        if not handle:
            raise MemoryError
        self.handle = handle
        self._batch = plan.batch
        self._memory = C.llama_get_memory(handle)
        self._ids: list[int] = []
        self._token = (C.llama_token * 1)()
        self._token_batch = C.llama_batch_get_one(self._token, 1)
        self._slow = False
        self._threads = ThreadCount(plan.threads)

    def close(self) -> None:
        self._threads.close()
        C.llama_free(self.handle)

    def read(self, ids: Sequence[int], watch: Watch) -> int:
        """Make the cache hold these ids; how many were evaluated for it, fewer when stopped.

        The last one is always evaluated, as the next token is sampled from its logits.
        """
        return self._read(ids, min(common_length(self._ids, ids), len(ids) - 1), self._batch, watch)

    def read_ahead(self, ids: Sequence[int], watch: Watch) -> int:
        """Like `read`, where the next prompt will begin like this; what goes on like it stays."""
        kept = common_length(self._ids, ids)
        if kept == len(ids):
            return 0
        return self._read(ids, kept, min(_AHEAD_BATCH, self._batch), watch)

    def append(self, token: int, watch: Watch) -> bool:
        """Evaluate one more token; False when it was aborted, and is not there."""
        self._token[0] = token
        started = time.monotonic()
        # To be asked at each node is a burden on a small model, which is done soon without.
        with self._abortable(watch) if self._slow else nullcontext():
            if self._decode(self._token_batch) == _DECODE_ABORTED:
                return False
        self._slow = time.monotonic() - started > _SLOW_TOKEN_S
        self._ids.append(token)
        return True

    def _read(self, ids: Sequence[int], kept: int, batch: int, watch: Watch) -> int:
        """Read `ids` from `kept` on, in steps of `batch`."""
        self._forget_from(kept)
        with self._abortable(watch):
            while len(self._ids) < len(ids) and not (watch.should_stop() or watch.should_yield()):
                chunk = ids[len(self._ids) : len(self._ids) + batch]
                if not self._read_chunk(chunk):
                    break
                watch.report(Phase.READING, len(self._ids) - kept, len(ids) - kept)
        return len(self._ids) - kept

    @contextmanager
    def _abortable(self, watch: Watch) -> Iterator[None]:
        """Native code asks before each node of its graph whether to go on."""
        abort = C.ggml_abort_callback(_abort_when_told(watch))
        C.llama_set_abort_callback(self.handle, abort, None)
        try:
            yield
        finally:
            C.llama_set_abort_callback(self.handle, C.ggml_abort_callback(), None)

    def _read_chunk(self, ids: Sequence[int]) -> bool:
        """False when it was aborted; then its whole physical batches (ubatch) remain."""
        tokens = (C.llama_token * len(ids))(*ids)
        done = self._decode(C.llama_batch_get_one(tokens, len(ids))) != _DECODE_ABORTED
        held = C.llama_memory_seq_pos_max(self._memory, 0) + 1 - len(self._ids)
        self._ids.extend(ids if done else ids[:held])
        return done

    def _decode(self, batch: C.llama_batch) -> int:
        threads = self._threads.now
        C.llama_set_n_threads(self.handle, threads, threads)
        code: int = C.llama_decode(self.handle, batch)
        C.llama_synchronize(self.handle)
        if code not in (0, _DECODE_ABORTED):
            self._forget_from(0)
            raise TheraGenError(f"llama_decode returned {code}")
        return code

    def forget(self) -> None:
        """Empty the cache."""
        self._forget_from(0)

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
        machine, devices, steps = _computer()
        self._profile = profile or model_profile.profile_for(header)
        watch.phase = Phase.LOADING
        while True:
            plan = fit.choose(header, machine, devices, spec.options)
            try:
                self._open(spec.path, template, plan, watch)
                break
            except MemoryError:
                machine, devices = fit.after_refusal(plan, machine, devices)
        watch.phase = Phase.IDLE
        name = self._profile.display_name or spec.path.stem
        seconds = time.monotonic() - started
        note = " ".join(filter(None, (self._profile.note, *steps, *plan.sentences)))
        self.loaded = Loaded(name, plan.context, plan.threads, seconds, note)

    def _open(self, path: Path, template: str, plan: Plan, watch: Watch) -> None:
        """Raises MemoryError where llama.cpp cannot have what was planned."""
        with ExitStack() as opened:
            model = NativeModel(path, watch, gpu_layers=plan.gpu_layers)
            opened.callback(model.close)
            self._vocabulary = NativeVocabulary(model)
            try:
                watch.phase = Phase.READING  # a template that has no end is seen to hang
                self._prompts = _prompts(template, self._vocabulary, self._profile, plan.context)
                watch.phase = Phase.LOADING
            except UnusableTemplate as error:
                raise ModelError(Fault.MODEL_BAD_TEMPLATE, path=path.name) from error
            except UnusableVocabulary as error:
                raise ModelError(Fault.MODEL_DAMAGED, path=path.name) from error
            self._context = NativeContext(model, plan)
            opened.callback(self._context.close)
            self._opened = opened.pop_all()

    def prefill(self, ahead: Prefill, watch: Watch) -> int:
        """See engines.base.Engine."""
        limit = self._reply_limit(ahead.options.max_tokens)
        watch.phase = Phase.READING
        try:
            ids = self._prompts.ahead(ahead.messages, self.loaded.context, limit)
            return self._context.read_ahead(ids, watch)
        except MessageTooLong:
            return 0  # which is said when it is sent
        finally:
            watch.phase = Phase.IDLE

    def generate(self, request: GenerateRequest, watch: Watch, stats: TurnStats) -> Iterator[str]:
        """See engines.base.Engine."""
        limit = self._reply_limit(request.options.max_tokens)
        prompt = self._prompts.fit(request.messages, self.loaded.context, limit)
        stats.first_visible = prompt.first_visible
        watch.phase = Phase.READING
        try:
            stats.evaluated = self._context.read(prompt.ids, watch)
            watch.phase = Phase.WRITING
            yield from self._write(request.options, limit, watch, stats)
        finally:
            watch.phase = Phase.IDLE

    def speed(self, depth: int, tokens: int) -> tuple[float, float]:
        """Tokens a second: of reading `depth` of them, and of writing `tokens` behind those, with
        sampling. What the KV cache held is gone afterwards.
        """
        context, watch = self._context, Watch()
        context.forget()
        sampler = _sampler(self._profile, SamplingOptions(), self._vocabulary.size)
        began = time.perf_counter()
        context.read([index * 37 % self._vocabulary.size for index in range(depth)], watch)
        read = time.perf_counter()
        for _ in range(tokens):
            token = C.llama_sampler_sample(sampler, context.handle, -1)
            self._vocabulary.piece(token)
            context.append(token, watch)
        written = time.perf_counter()
        C.llama_sampler_free(sampler)
        context.forget()
        return depth / (read - began), tokens / (written - read)

    def leave(self) -> None:
        """Nobody else is at work, and native code may not be torn down while it runs."""

    def close(self) -> None:
        """Free the context, then the model it stands on."""
        self._opened.close()

    def _reply_limit(self, wanted: int | None) -> int:
        """Tokens that a reply may take."""
        return min(wanted or self._profile.max_tokens, self.loaded.context // 4)

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
                if not context.append(token, watch):
                    return
        finally:
            C.llama_sampler_free(sampler)


def _computer() -> tuple[Hardware, Sequence[Device], tuple[str, ...]]:
    """What there is to run a model on, and what a person should know of it."""
    found = backends.gpu_probe()
    if not found.failure:
        return hardware.probe(), found.devices, ()
    backends.disable_gpus()
    return hardware.probe(), (), (resources.text("models.fit_driver"),)


def _prompts(
    template: str, vocabulary: NativeVocabulary, profile: ModelProfile, context: int
) -> PromptBuilder:
    """With the profile's example exchanges, unless they would fill a short context."""
    prompts = PromptBuilder(template, vocabulary, profile.system_prompt, profile.primer)
    if len(prompts.known()) > context // 4:
        prompts = PromptBuilder(template, vocabulary, profile.system_prompt)
    return prompts


def _sampler(profile: ModelProfile, options: SamplingOptions, size: int) -> C.llama_sampler_p:
    """A chain that runs in native code; the cheap cut to top_k comes first, as the penalties look
    every token up that is left.
    """
    temperature = profile.temperature if options.temperature is None else options.temperature
    chain: C.llama_sampler_p = C.llama_sampler_chain_init(C.llama_sampler_chain_default_params())
    for part in (
        C.llama_sampler_init_top_k(profile.top_k),
        C.llama_sampler_init_penalties(size, _PENALTY_WINDOW, profile.repeat_penalty, 0.0, 0.0),
        C.llama_sampler_init_top_p(profile.top_p, 1),
        C.llama_sampler_init_min_p(profile.min_p, 1),
        C.llama_sampler_init_temp(temperature),
        C.llama_sampler_init_dist(options.seed % 2**32),
    ):
        C.llama_sampler_chain_add(chain, part)
    return chain


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


def _load_failure(path: Path, watch: Watch, gpu_layers: int) -> Exception:
    if watch.should_stop():
        return TheraGenError("told to stop while loading")
    if gpu_layers:
        return MemoryError()
    return ModelError(Fault.MODEL_DAMAGED, path=path.name)


def _swallow(level: int, text: bytes, _: object) -> None:
    """What native code has to say may quote a file's contents, and is of no use to a person."""


_NATIVE_LOG = C.llama_log_callback(_swallow)  # a name keeps it alive for native code
C.llama_log_set(_NATIVE_LOG, ctypes.c_void_p(0))
C.llama_backend_init()
