"""How a model is loaded so that it fits: from its header and the free memory, before it is opened.

Knows what llama.cpp allocates (docs/adr/0011). Refuses to know llama.cpp itself and the file's
contents. Sizes are in bytes, contexts and batches in tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from theragen_core import resources
from theragen_core.backends import Device
from theragen_core.errors import ModelError
from theragen_core.faults import Fault
from theragen_core.gguf_header import GgufHeader
from theragen_core.hardware import Hardware
from theragen_core.protocol import KvType, LoadOptions

_ALL_CHOSEN = LoadOptions()

CONTEXT_CEILING = 8192  # more than a conversation needs, and slow to read anew
CONTEXT_FLOOR = 2048  # less forgets what was said a few turns ago
_CONTEXT_STEP = 256  # llama.cpp pads a KV cache to multiples of it

_BATCH_CPU = 256  # what an abort loses, and how often progress is told
_BATCH_GPU = 512

# Elements and bytes of a block.
_KV_BLOCKS = {KvType.F16: (1, 2), KvType.Q8_0: (32, 34), KvType.Q4_0: (32, 18)}

# Heads for which the GPU back ends have flash attention; for others the CPU would have to help.
_GPU_HEADS = frozenset({64, 80, 96, 112, 128, 256})

# Measured, see docs/PERFORMANCE.md: the process with its libraries, before it has a model ...
_PROGRAM = 36 * 2**20
# ... and llama.cpp's own copy of the vocabulary.
_TOKEN, _MERGE = 150, 200

_DEVICE_SHARE = 0.95  # of what is free there: windows that open meanwhile take some
_LESS = 0.25  # of what was refused is not asked for again
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of one kind of memory, by what they are for."""

    weights: int = 0
    kv_cache: int = 0
    compute: int = 0
    program: int = 0

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute + self.program


class Step(NamedTuple):
    """One way in which a plan is less than the best: the id of its sentence, and the figures."""

    text_id: str
    details: dict[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to load a model. `gpu_layers` counts the output as one more layer than the blocks."""

    context: int
    gpu_layers: int
    kv_type: KvType
    flash_attention: bool
    batch: int
    ubatch: int
    threads: int
    ram: Need
    vram: Need
    steps: tuple[Step, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person should know of it: where it is less than the best."""
        return tuple(resources.text(step.text_id, **step.details) for step in self.steps)


def choose(
    header: GgufHeader,
    machine: Hardware,
    devices: Sequence[Device] = (),
    options: LoadOptions = _ALL_CHOSEN,
) -> Plan:
    """The best plan that fits: less context first, then fewer layers on the GPU, then none.

    Raises ModelError for options that do not go together, and when nothing fits.
    """
    _refuse_bad_options(header, devices, options)
    best = plan = None
    for plan in _plans(header, machine, devices, options):
        best = best or plan
        if _fits(plan, machine, devices):
            return replace(plan, steps=_steps(plan, best))
    assert plan is not None
    raise _refusal(plan, machine, devices)


def after_refusal(
    plan: Plan, machine: Hardware, devices: Sequence[Device]
) -> tuple[Hardware, tuple[Device, ...]]:
    """What to believe is free once llama.cpp was refused the memory for `plan`."""
    if plan.gpu_layers:
        share = (1 - _LESS) * plan.vram.total / _free(devices)
        return machine, tuple(replace(device, free=int(device.free * share)) for device in devices)
    # The weights are a mapped file, for which nobody asks: it was the rest that was refused.
    less = int(_LESS * (plan.ram.kv_cache + plan.ram.compute))
    return replace(machine, free_memory=plan.ram.total - less), tuple(devices)


def _plans(
    header: GgufHeader, machine: Hardware, devices: Sequence[Device], options: LoadOptions
) -> Iterator[Plan]:
    """From the best to the least, as far as the options leave a choice."""
    contexts = _contexts(header, options)
    all_layers = header.block_count + 1
    most = all_layers if devices else 0
    if options.gpu_layers is not None:
        most = min(options.gpu_layers, all_layers)

    def plan(context: int, layers: int) -> Plan:
        return _plan(header, machine, options, context, layers)

    yield from (plan(context, most) for context in contexts)
    if most and options.gpu_layers is None:
        yield from (plan(contexts[-1], layers) for layers in range(most - 1, 0, -1))
        yield from (plan(context, 0) for context in contexts)


def _contexts(header: GgufHeader, options: LoadOptions) -> list[int]:
    if options.context is not None:
        return [options.context]
    best = min(header.context_length, CONTEXT_CEILING)
    floor = min(CONTEXT_FLOOR, best)
    steps = range(best // _CONTEXT_STEP * _CONTEXT_STEP, floor, -_CONTEXT_STEP)
    return sorted({best, *steps, floor}, reverse=True)


def _plan(
    header: GgufHeader, machine: Hardware, options: LoadOptions, context: int, layers: int
) -> Plan:
    kv_type = options.kv_type or KvType.F16
    batch = options.batch or max(options.ubatch or 0, _BATCH_GPU if layers else _BATCH_CPU)
    ubatch = options.ubatch or min(batch, _BATCH_GPU if layers else _BATCH_CPU)
    flash = options.flash_attention
    if flash is None:
        # On a CPU it reads hardly faster, and writes more slowly the longer the conversation is.
        usual = layers > 0 and header.key_length in _GPU_HEADS
        flash = kv_type is not KvType.F16 or (usual and header.key_length == header.value_length)
    blocks_there = min(max(layers - 1, 0), header.block_count)  # the output goes first
    kv_block = _kv_cache(header, kv_type, context)
    compute = _compute(header, context, ubatch, flash)
    weights_there = _weights_there(header, layers)
    scores = 0 if flash or blocks_there == header.block_count else header.head_count * context
    return Plan(
        context=context,
        gpu_layers=layers,
        kv_type=kv_type,
        flash_attention=flash,
        batch=batch,
        ubatch=ubatch,
        threads=options.threads or machine.cores,
        ram=Need(
            weights=_weights_here(header, layers),
            kv_cache=kv_block * (header.block_count - blocks_there),
            compute=compute + _work(header, ubatch, scores) + 4 * header.vocabulary_size,
            program=_PROGRAM + _TOKEN * header.vocabulary_size + _MERGE * header.merges,
        ),
        vram=Need(weights_there, kv_block * blocks_there, compute) if layers else Need(),
    )


# What llama.cpp allocates --------------------------------------------------------------------


def _weights_there(header: GgufHeader, layers: int) -> int:
    """Weights on the GPU: the output, then blocks from the last one on."""
    if not layers:
        return 0
    weights = header.weights
    output = weights.output + (weights.embeddings if weights.tied else 0)
    return output + sum(weights.blocks[header.block_count - layers + 1 :])


def _weights_here(header: GgufHeader, layers: int) -> int:
    """Weights read from the mapped file; the embeddings always stay here."""
    weights = header.weights
    blocks_here = header.block_count - max(layers - 1, 0)
    output = 0 if layers else weights.output
    return weights.embeddings + sum(weights.blocks[:blocks_here]) + output


def _kv_cache(header: GgufHeader, kv_type: KvType, context: int) -> int:
    """Keys and values of one block."""
    elements, size = _KV_BLOCKS[kv_type]
    padded = -(-context // _CONTEXT_STEP) * _CONTEXT_STEP
    numbers = padded * header.head_count_kv * (header.key_length + header.value_length)
    return numbers // elements * size


def _compute(header: GgufHeader, context: int, ubatch: int, flash_attention: bool) -> int:
    """The activations of one block, of which the larger half counts: attention or feed-forward.

    Only the last token's logits are asked for, so the vocabulary does not multiply with the batch.
    """
    wide = header.embedding_length
    narrow = header.head_count_kv * header.key_length
    attention = 5 * wide + 2 * narrow
    mask = context * (2 if flash_attention else 4)
    if not flash_attention:
        attention += header.head_count * context
    feed_forward = 4 * wide + 3 * header.feed_forward_length
    return ubatch * (4 * max(attention, feed_forward) + mask)


def _work(header: GgufHeader, ubatch: int, scores: int) -> int:
    """One activation in the type that it is multiplied in: 16 bits at most. `scores` of attention
    for each token are one, where they are kept and not on a card.
    """
    return ubatch * 2 * max(header.feed_forward_length, header.embedding_length, scores)


# What is free --------------------------------------------------------------------------------


def _fits(plan: Plan, machine: Hardware, devices: Sequence[Device]) -> bool:
    here = plan.ram.total
    if any(device.shared for device in devices):
        here += plan.vram.total
    there = _free(devices) * _DEVICE_SHARE
    return here <= machine.free_memory and plan.vram.total <= there


def _free(devices: Sequence[Device]) -> int:
    return sum(device.free for device in devices)


def _refusal(plan: Plan, machine: Hardware, devices: Sequence[Device]) -> ModelError:
    """With the figures of the least plan."""
    fault, need, free = Fault.OUT_OF_MEMORY, plan.ram.total, machine.free_memory
    if plan.vram.total > _free(devices) * _DEVICE_SHARE:
        fault, need, free = Fault.OUT_OF_GPU_MEMORY, plan.vram.total, _free(devices)
    return ModelError(fault, need_mib=need // _MIB + 1, free_mib=free // _MIB)


def _steps(plan: Plan, best: Plan) -> tuple[Step, ...]:
    steps = []
    if plan.context < best.context:
        steps.append(Step("models.fit_context", {"context": plan.context, "best": best.context}))
    if 0 < plan.gpu_layers < best.gpu_layers:
        there = {"layers": plan.gpu_layers, "all": best.gpu_layers}
        steps.append(Step("models.fit_layers", there))
    if best.gpu_layers and not plan.gpu_layers:
        steps.append(Step("models.fit_processor", {}))
    return tuple(steps)


# What does not go together -------------------------------------------------------------------


def _refuse_bad_options(
    header: GgufHeader, devices: Sequence[Device], options: LoadOptions
) -> None:
    """Raises ModelError for the first thing that llama.cpp would refuse without a reason."""
    kv_type = options.kv_type or KvType.F16
    if options.context is not None and options.context > header.context_length:
        raise ModelError(Fault.CONTEXT_TOO_LONG, limit=header.context_length)
    if options.batch and options.ubatch and options.ubatch > options.batch:
        raise ModelError(Fault.UBATCH_OVER_BATCH, ubatch=options.ubatch, batch=options.batch)
    if options.gpu_layers and not devices:
        raise ModelError(Fault.NO_GPU)
    if options.flash_attention and header.key_length != header.value_length:
        raise ModelError(Fault.NO_FLASH_ATTENTION)
    if kv_type is not KvType.F16:
        block = _KV_BLOCKS[kv_type][0]
        if header.key_length % block or header.value_length % block:
            raise ModelError(Fault.KV_TYPE_UNFIT, kv_type=kv_type, block=block)
        if options.flash_attention is False or header.key_length != header.value_length:
            raise ModelError(Fault.KV_TYPE_NEEDS_FLASH_ATTENTION, kv_type=kv_type)
