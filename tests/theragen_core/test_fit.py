from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.synthetic_llama import Q8_0, Shape, write_sparse
from theragen_core import fit, gguf_header, model_profile
from theragen_core.backends import Device
from theragen_core.errors import ModelError
from theragen_core.faults import Fault
from theragen_core.fit import Plan
from theragen_core.gguf_header import GgufHeader
from theragen_core.hardware import Hardware
from theragen_core.protocol import KvType, LoadOptions

PLENTY = Hardware(cores=4, total_memory=2**40, free_memory=2**40)
CARD = Device("GPU0", "A card", "Vulkan", 2**40, 2**40, shared=False)


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> GgufHeader:
    """Of TinyLlama's shape: 22 blocks and an output of its own."""
    shape = Shape(2048, 5632, 22, 32, 4, 8192, vocabulary=1000, kind=Q8_0)
    return gguf_header.read(write_sparse(tmp_path_factory.mktemp("fit") / "model.gguf", shape))


def machine(free: int) -> Hardware:
    return replace(PLENTY, free_memory=free)


def card(free: float, shared: bool = False) -> tuple[Device, ...]:
    return (replace(CARD, free=int(free), shared=shared),)


def fault_of(
    header: GgufHeader, options: LoadOptions, devices: tuple[Device, ...] = ()
) -> ModelError:
    with pytest.raises(ModelError) as caught:
        fit.choose(header, PLENTY, devices, options)
    return caught.value


# Without a graphics processor


def test_the_best_plan_is_the_whole_context(header: GgufHeader) -> None:
    plan = fit.choose(header, PLENTY)

    assert (plan.context, plan.gpu_layers, plan.threads) == (8192, 0, 4)
    assert (plan.kv_type, plan.flash_attention, plan.sentences) == (KvType.F16, False, ())
    assert plan.ram.weights == header.weights.total
    assert plan.ram.kv_cache == 8192 * 22 * 4 * (64 + 64) * 2
    assert plan.vram.total == 0


def test_a_context_is_never_longer_than_the_model_takes(header: GgufHeader) -> None:
    assert fit.choose(replace(header, context_length=512), PLENTY).context == 512
    assert fit.choose(replace(header, context_length=2**20), PLENTY).context == 8192


def test_memory_takes_the_context_first_and_says_so(header: GgufHeader) -> None:
    best = fit.choose(header, PLENTY)

    plan = fit.choose(header, machine(best.ram.total - 1))

    assert plan.context == 8192 - 256
    assert best.ram.total > plan.ram.total
    (sentence,) = plan.sentences
    assert "7936" in sentence
    assert "8192" in sentence


def test_every_plan_fits_and_the_least_memory_still_has_the_floor(header: GgufHeader) -> None:
    least = fit.choose(header, PLENTY, (), LoadOptions(context=2048)).ram.total
    most = fit.choose(header, PLENTY).ram.total

    plans = [fit.choose(header, machine(free)) for free in range(least, most, 2**20)]

    contexts = [plan.context for plan in plans]
    assert contexts[0] == 2048
    assert contexts == sorted(contexts)
    assert all(plan.ram.total <= least + n * 2**20 for n, plan in enumerate(plans))


def test_what_does_not_fit_is_refused_with_figures(header: GgufHeader) -> None:
    least = fit.choose(header, PLENTY, (), LoadOptions(context=2048)).ram.total

    with pytest.raises(ModelError) as caught:
        fit.choose(header, machine(least - 1))

    assert caught.value.fault is Fault.OUT_OF_MEMORY
    assert caught.value.details == {
        "need_mib": least // 2**20 + 1,
        "free_mib": (least - 1) // 2**20,
    }


def test_smaller_kv_types_take_less(header: GgufHeader) -> None:
    sizes = [
        fit.choose(header, PLENTY, (), LoadOptions(kv_type=kind)).ram.kv_cache for kind in KvType
    ]

    assert sizes[1] * 32 == sizes[0] * 17
    assert sizes[2] * 32 == sizes[0] * 9


def test_without_flash_attention_the_scores_of_all_heads_are_kept(header: GgufHeader) -> None:
    plan, plain = (
        fit.choose(header, PLENTY, (), LoadOptions(flash_attention=on)) for on in (True, False)
    )

    more = plain.ram.compute - plan.ram.compute
    assert more > 256 * 8192 * 32 * (4 + 2) * 0.8  # and what they are multiplied in


def test_scores_that_a_card_keeps_are_not_multiplied_here(header: GgufHeader) -> None:
    options = LoadOptions(flash_attention=False)
    whole, but_one = (
        fit.choose(header, PLENTY, card(2**40), replace(options, gpu_layers=layers))
        for layers in (header.block_count + 1, header.block_count)
    )

    assert but_one.ram.compute - whole.ram.compute > whole.ubatch * 8192 * 32 * 2 * 0.8


# With one


def test_everything_goes_to_a_card_that_holds_it(header: GgufHeader) -> None:
    plan = fit.choose(header, PLENTY, card(2**40))

    assert (plan.gpu_layers, plan.context, plan.batch) == (23, 8192, 512)
    assert plan.vram.weights == header.weights.total - header.weights.embeddings
    assert plan.ram.weights == header.weights.embeddings
    assert plan.ram.kv_cache == 0
    assert plan.sentences == ()


def test_a_tied_output_is_on_the_card_and_here(header: GgufHeader) -> None:
    tied = replace(header, weights=replace(header.weights, tied=True))

    plan = fit.choose(tied, PLENTY, card(2**40))

    assert plan.vram.weights == header.weights.total
    assert plan.ram.weights == header.weights.embeddings


def test_a_card_that_is_small_takes_context_then_layers_then_nothing(header: GgufHeader) -> None:
    best = fit.choose(header, PLENTY, card(2**40))

    sizes = [best.vram.total * part / 50 for part in range(55, 0, -1)]
    plans = [fit.choose(header, PLENTY, card(size)) for size in sizes]

    assert [plan.gpu_layers for plan in plans] == sorted(
        (p.gpu_layers for p in plans), reverse=True
    )
    kinds = [tuple(step.text_id for step in plan.steps) for plan in plans]
    assert list(dict.fromkeys(kinds)) == [
        (),
        ("models.fit_context",),
        ("models.fit_context", "models.fit_layers"),
        ("models.fit_processor",),
    ]
    assert all(plan.vram.total <= size for plan, size in zip(plans, sizes, strict=True))
    assert plans[-1].context == 8192


def test_layers_are_neither_lost_nor_counted_twice(header: GgufHeader) -> None:
    whole = fit.choose(header, PLENTY)
    for layers in range(1, 24):
        plan = fit.choose(header, PLENTY, card(2**40), LoadOptions(gpu_layers=layers))
        assert plan.ram.weights + plan.vram.weights == whole.ram.weights
        assert plan.ram.kv_cache + plan.vram.kv_cache == whole.ram.kv_cache


def test_shared_memory_is_counted_once(header: GgufHeader) -> None:
    best = fit.choose(header, PLENTY, card(2**40))
    both = best.ram.total + best.vram.total

    fits = fit.choose(header, machine(both), card(2**40, shared=True))
    less = fit.choose(header, machine(both - 1), card(2**40, shared=True))

    assert fits.context == 8192
    assert less.context < 8192


def test_layers_that_were_asked_for_are_kept_or_refused(header: GgufHeader) -> None:
    with pytest.raises(ModelError) as caught:
        fit.choose(header, PLENTY, card(2**28), LoadOptions(gpu_layers=23))

    assert caught.value.fault is Fault.OUT_OF_GPU_MEMORY
    assert caught.value.details["free_mib"] == 256
    assert int(caught.value.details["need_mib"]) > 256


def test_flash_attention_is_for_cards_with_usual_heads_and_for_packed_caches(
    header: GgufHeader,
) -> None:
    unusual = replace(header, key_length=72, value_length=72)
    packed = LoadOptions(kv_type=KvType.Q8_0)

    assert fit.choose(header, PLENTY, card(2**40)).flash_attention
    assert not fit.choose(unusual, PLENTY, card(2**40)).flash_attention
    assert not fit.choose(header, PLENTY).flash_attention
    assert fit.choose(header, PLENTY, (), packed).flash_attention


# After llama.cpp refused what was planned


@pytest.mark.parametrize("devices", [(), card(2**40)])
def test_refusals_lead_to_less_each_time_and_then_to_an_end(
    header: GgufHeader, devices: tuple[Device, ...]
) -> None:
    here, there = PLENTY, devices
    plans: list[Plan] = []
    fault = None
    while fault is None:
        try:
            plans.append(fit.choose(header, here, there))
        except ModelError as error:
            fault = error.fault
        here, there = fit.after_refusal(plans[-1], here, there)

    assert fault is Fault.OUT_OF_MEMORY
    on_card = [plan.vram.total for plan in plans if plan.gpu_layers]
    without = [plan.ram.total for plan in plans if not plan.gpu_layers]
    for sizes in (on_card, without):
        assert sizes == sorted(set(sizes), reverse=True)
    assert len(without) > 1
    assert bool(on_card) == bool(devices)


# What does not go together


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (LoadOptions(context=8193), Fault.CONTEXT_TOO_LONG),
        (LoadOptions(batch=64, ubatch=65), Fault.UBATCH_OVER_BATCH),
        (LoadOptions(gpu_layers=1), Fault.NO_GPU),
        (
            LoadOptions(kv_type=KvType.Q8_0, flash_attention=False),
            Fault.KV_TYPE_NEEDS_FLASH_ATTENTION,
        ),
    ],
)
def test_a_bad_combination_has_a_fault_of_its_own(
    header: GgufHeader, options: LoadOptions, fault: Fault
) -> None:
    assert fault_of(header, options).fault is fault


def test_heads_that_do_not_suit_are_told(header: GgufHeader) -> None:
    unequal = replace(header, key_length=64, value_length=128)
    odd = replace(header, key_length=80, value_length=80)
    quantised = LoadOptions(kv_type=KvType.Q4_0)

    assert fault_of(unequal, LoadOptions(flash_attention=True)).fault is Fault.NO_FLASH_ATTENTION
    assert fault_of(unequal, quantised).fault is Fault.KV_TYPE_NEEDS_FLASH_ATTENTION
    assert fault_of(odd, quantised).fault is Fault.KV_TYPE_UNFIT
    assert not fit.choose(unequal, PLENTY).flash_attention


def test_options_are_kept(header: GgufHeader) -> None:
    wanted = LoadOptions(1024, 0, KvType.Q8_0, True, 128, 64, 3)

    plan = fit.choose(header, PLENTY, card(2**40), wanted)

    kept = (plan.context, plan.gpu_layers, plan.kv_type, plan.flash_attention)
    assert kept == (1024, 0, KvType.Q8_0, True)
    assert (plan.batch, plan.ubatch, plan.threads) == (128, 64, 3)


@pytest.mark.parametrize("options", [LoadOptions(batch=64), LoadOptions(ubatch=1024)])
def test_one_batch_size_follows_from_the_other(header: GgufHeader, options: LoadOptions) -> None:
    plan = fit.choose(header, PLENTY, (), options)

    assert plan.ubatch <= plan.batch
    assert plan.batch == (options.batch or options.ubatch)


# Beside what llama.cpp really takes; bench/fit.py has more models and whole contexts


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("shape", "context"),
    [
        (None, 1024),
        (Shape(1024, 4096, 4, 16, 4, 1024, 100_000, Q8_0, tied=True), 1024),
        (Shape(512, 1024, 2, 32, 8, 4096, 32_000, Q8_0), 4096),
    ],
    ids=["starter", "large vocabulary", "many heads"],
)
def test_the_estimate_is_within_a_tenth_of_peak_memory(
    shape: Shape | None, context: int, tmp_path: Path
) -> None:
    path = model_profile.starter_path()
    if shape:
        path = write_sparse(tmp_path / "model.gguf", shape)

    done = subprocess.run(
        [sys.executable, "-m", "bench.fit_probe", path, str(context)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert abs(json.loads(done.stdout)["error"]) < 0.1
