"""What this computer offers to a model, and how each model here would be loaded.

Lines for people, or with --json one object. That a model does not fit is an answer. A file that is
no model and options that clash are faults: a sentence goes to stderr too, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from theragen_core import backends, fit, gguf_header, hardware, model_store
from theragen_core.backends import Probe
from theragen_core.cli import load_options
from theragen_core.cli.lines import print_lines, printable
from theragen_core.cli.models import current_settings
from theragen_core.errors import ModelError, UserError
from theragen_core.faults import Fault
from theragen_core.hardware import Hardware
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LoadOptions
from theragen_core.resources import fault_text, text

_MIB = 2**20
_UNFIT = (Fault.OUT_OF_MEMORY, Fault.OUT_OF_GPU_MEMORY)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one model: a plan, or the fault that stands against it."""

    path: Path
    layers: int = 0
    plan: fit.Plan | None = None
    error: UserError | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="another model; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    load_options.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Show what there is. Returns 2 where a model or an option cannot be used, memory apart."""
    machine, found = hardware.probe(), backends.probe()
    wanted = load_options.load_options(options)
    paths = dict.fromkeys([*_models_here(options.json), *options.model])
    verdicts = [_verdict(path, machine, found, wanted) for path in paths]
    if options.json:
        print(json.dumps(_object(machine, found, verdicts)))
    else:
        print_lines(_lines(machine, found, verdicts))
    errors = [v.error for v in verdicts if v.error and v.error.fault not in _UNFIT]
    for sentence in dict.fromkeys(fault_text(error.fault, error.details) for error in errors):
        print(printable(sentence), file=sys.stderr)
    return 2 if errors else 0


def _models_here(quiet: bool) -> Iterator[Path]:
    """The starter model, the files of the model folder, and those added from elsewhere."""
    with suppress(ModelError):  # installed without it; the others are shown
        yield starter_path()
    folder = model_store.folder_for(current_settings(quiet).model_folder)
    yield from sorted(folder.glob("*.gguf"))
    yield from (model.path for model in model_store.installed(folder))


def _verdict(path: Path, machine: Hardware, found: Probe, wanted: LoadOptions) -> _Verdict:
    try:
        header = gguf_header.read(path)
        plan = fit.choose(header, machine, found.devices, wanted)
    except UserError as error:
        return _Verdict(path, error=error)
    return _Verdict(path, header.block_count + 1, plan)


# For people ----------------------------------------------------------------------------------


def _lines(machine: Hardware, found: Probe, verdicts: list[_Verdict]) -> list[str]:
    return [
        text("doctor.computer"),
        *_indented(_computer_lines(machine, found)),
        text("doctor.libraries"),
        *_indented(_library_lines(found)),
        text("doctor.models"),
        *_indented([line for verdict in verdicts for line in _verdict_lines(verdict)]),
    ]


def _computer_lines(machine: Hardware, found: Probe) -> list[str]:
    missing = backends.missing_instructions(found.instructions)
    lines = [
        text("doctor.processor", cores=machine.cores),
        text("doctor.memory", free=_mib(machine.free_memory), total=_mib(machine.total_memory)),
    ]
    for device in found.devices:
        sizes = {"free": _mib(device.free), "total": _mib(device.total)}
        names = (device.name, device.description, device.back_end)
        named = dict(zip(("name", "description", "back_end"), names, strict=True))
        lines.append(
            text("doctor.device_shared" if device.shared else "doctor.device", **named, **sizes)
        )
    if not found.devices and not found.failure:
        lines.append(text("doctor.no_gpu"))
    if missing:
        lines.append(text("doctor.instructions_missing", missing=", ".join(missing)))
    return lines


def _library_lines(found: Probe) -> list[str]:
    if not _binding():
        return [text("doctor.not_installed")]
    if found.failure:
        return [text("doctor.failed", failure=found.failure)]
    built = ", ".join(found.instructions)
    return [
        text("doctor.version", binding=_binding(), ggml=found.version),
        text("doctor.back_ends", names=", ".join(found.back_ends)),
        text("doctor.instructions", instructions=built)
        if built
        else text("doctor.instructions_none"),
    ]


def _verdict_lines(verdict: _Verdict) -> list[str]:
    name, plan = verdict.path.name, verdict.plan
    if plan is None:
        assert verdict.error is not None
        reason = fault_text(verdict.error.fault, verdict.error.details)
        return [text("doctor.unfit", name=name, reason=reason)]
    told: dict[str, str | int] = {
        "name": name,
        "context": plan.context,
        "where": text("doctor.on_gpu", layers=plan.gpu_layers, all=verdict.layers)
        if plan.gpu_layers
        else text("doctor.on_processor"),
        "ram": _mib(plan.ram.total),
        "vram": _mib(plan.vram.total),
    }
    fits = text("doctor.fits_gpu" if plan.gpu_layers else "doctor.fits", **told)
    return [fits, *_indented(list(plan.sentences))]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _mib(size: int) -> int:
    return round(size / _MIB)


def _binding() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return ""


# For programs --------------------------------------------------------------------------------


def _object(machine: Hardware, found: Probe, verdicts: list[_Verdict]) -> dict[str, Any]:
    """Sizes in bytes."""
    return {
        "hardware": {
            **asdict(machine),
            "missing_instructions": backends.missing_instructions(found.instructions),
        },
        "llama_cpp": {"binding": _binding(), **asdict(found)},
        "models": [_verdict_object(verdict) for verdict in verdicts],
    }


def _verdict_object(verdict: _Verdict) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": str(verdict.path), "fits": verdict.plan is not None}
    if verdict.plan is not None:
        plan = verdict.plan
        needs = {"ram_total": plan.ram.total, "vram_total": plan.vram.total}
        return {**shown, "plan": {**asdict(plan), **needs}, "notes": plan.sentences}
    assert verdict.error is not None
    reason = fault_text(verdict.error.fault, verdict.error.details)
    return {**shown, "reason": verdict.error.fault, "text": reason}
