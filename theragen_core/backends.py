"""What llama.cpp's libraries were built for, and the graphics processors that they find.

Asked in a child process: a driver that crashes or hangs there harms nothing. Knows ggml's back
ends. Refuses to know models. As a program it prints what it finds as JSON, or with `record`
writes down what the CPU library needs, beside that library, so that a copy of it on an older
processor is known before it is loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from theragen_core import hardware
from theragen_core.errors import ModelError
from theragen_core.faults import Fault

PROBE_ARGUMENT = "--back-end-probe"  # of the frozen app, which is all programs in one
_PROBE_S = 20  # a driver's first start compiles its programs
_RECORD = "cpu_instructions.json"

# Libraries of back ends that the binding may be built with; without one there is nothing to ask.
_GPU_BACK_ENDS = ("cuda", "hip", "metal", "sycl", "vulkan")

# What ggml says that it was built with, and how Linux names it in /proc/cpuinfo.
_INSTRUCTIONS = {
    "sse3": ("pni",),
    "ssse3": ("ssse3",),
    "avx": ("avx",),
    "avx_vnni": ("avx_vnni",),
    "avx2": ("avx2",),
    "bmi2": ("bmi2",),
    "f16c": ("f16c",),
    "fma": ("fma",),
    "avx512": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "avx512_vbmi": ("avx512vbmi",),
    "avx512_vnni": ("avx512_vnni",),
    "avx512_bf16": ("avx512_bf16",),
    "neon": ("asimd",),
    "dotprod": ("asimddp",),
    "fp16_va": ("asimdhp",),
    "matmul_int8": ("i8mm",),
    "sve": ("sve",),
    "sme": ("sme",),
}

_DEVICE_KINDS = ("cpu", "gpu", "igpu", "accelerator", "meta")  # as ggml numbers them


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics processor. Sizes in bytes; `shared` memory is the computer's own."""

    name: str
    description: str
    back_end: str
    total: int
    free: int
    shared: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """What the child found. `failure` is empty, or says how it ended instead of answering."""

    version: str = ""
    back_ends: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    failure: str = ""


# In this process -----------------------------------------------------------------------------


def check_processor() -> None:
    """Raises ModelError where the CPU library needs what this processor lacks, as far as both are
    known: by the record of whoever built it, and on Linux.
    """
    if missing := missing_instructions(_recorded()):
        raise ModelError(Fault.PROCESSOR_TOO_OLD, missing=", ".join(missing))


def missing_instructions(needed: tuple[str, ...]) -> tuple[str, ...]:
    """What is not in /proc/cpuinfo; nothing where there is none."""
    here = hardware.processor_flags()
    return tuple(flag for flag in needed if here and flag not in here)


def built_for() -> tuple[str, ...]:
    """The GPU back ends whose libraries lie beside llama.cpp."""
    folder = _libraries()
    names = [path.name for path in folder.iterdir()] if folder and folder.is_dir() else []
    return tuple(end for end in _GPU_BACK_ENDS if any(f"ggml-{end}" in name for name in names))


def probe(timeout_s: float = _PROBE_S) -> Probe:
    """Ask a child process. Never raises: what went wrong is the answer."""
    frozen = [sys.executable, PROBE_ARGUMENT]
    command = frozen if getattr(sys, "frozen", False) else [sys.executable, "-I", "-m", __name__]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL, check=False
        )
        return (
            _parsed(done.stdout) if done.returncode == 0 else Probe(failure=_end(done.returncode))
        )
    except subprocess.TimeoutExpired:
        return Probe(failure="timeout")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Probe(failure=type(error).__name__)


def gpu_probe() -> Probe:
    """Like `probe`, at no cost where llama.cpp was built for the CPU alone."""
    return probe() if built_for() else Probe()


def disable_gpus() -> None:
    """Keep llama.cpp in this process from drivers that failed; before its first model is loaded."""
    os.environ["GGML_DISABLE_VULKAN"] = "1"
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["HIP_VISIBLE_DEVICES"] = "-1"


def _parsed(line: bytes) -> Probe:
    found = json.loads(line)
    return Probe(
        version=str(found["version"]),
        back_ends=tuple(map(str, found["back_ends"])),
        instructions=tuple(map(str, found["instructions"])),
        devices=tuple(Device(**device) for device in found["devices"]),
    )


def _end(code: int) -> str:
    """How a child ended, in a word: the name of its signal, or its exit code."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit {code}"


def _libraries() -> Path | None:
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "lib")


def _recorded() -> tuple[str, ...]:
    folder = _libraries()
    try:
        return tuple(map(str, json.loads((folder / _RECORD).read_bytes()))) if folder else ()
    except (OSError, ValueError, TypeError):
        return ()  # installed by other means than ours


# In the child --------------------------------------------------------------------------------


class _Properties(ctypes.Structure):
    """ggml_backend_dev_props of the pinned version."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("caps", ctypes.c_bool * 8),
    )


class _Ggml:
    """ggml's functions, from whichever of its libraries has them."""

    def __init__(self, folder: Path) -> None:
        # The base first, which the others need; a back end's library is loaded by `ggml`.
        names = ("ggml-base", "ggml-cpu", "ggml")
        endings = (".so", ".dylib", ".dll")
        paths = [path for name in names for path in folder.glob(f"*{name}.*")]
        self._libraries = [ctypes.CDLL(str(path)) for path in paths if path.suffix in endings]

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        function = next(getattr(lib, name) for lib in self._libraries if hasattr(lib, name))
        function.restype = result
        return function(*arguments)

    def instructions(self) -> list[str]:
        built = [name for name in _INSTRUCTIONS if self.call(f"ggml_cpu_has_{name}", ctypes.c_int)]
        return [flag for name in built for flag in _INSTRUCTIONS[name]]

    def version(self) -> str:
        parts = [self.call(name, ctypes.c_char_p) for name in ("ggml_version", "ggml_commit")]
        return " ".join(part.decode() for part in parts)

    def back_ends(self) -> list[str]:
        count = self.call("ggml_backend_reg_count", ctypes.c_size_t)
        return [self._back_end(self._nth("ggml_backend_reg_get", n)) for n in range(count)]

    def devices(self) -> list[Device]:
        count = self.call("ggml_backend_dev_count", ctypes.c_size_t)
        found = [self._device(self._nth("ggml_backend_dev_get", n)) for n in range(count)]
        return [device for device in found if device is not None]

    def _device(self, handle: ctypes.c_void_p) -> Device | None:
        properties = _Properties()
        self.call("ggml_backend_dev_get_props", None, handle, ctypes.byref(properties))
        kind = _DEVICE_KINDS[properties.type]
        if kind not in ("gpu", "igpu"):
            return None
        registered = ctypes.c_void_p(
            self.call("ggml_backend_dev_backend_reg", ctypes.c_void_p, handle)
        )
        back_end = self._back_end(registered)
        return Device(
            name=_words(properties.name),
            description=_words(properties.description),
            back_end=back_end,
            total=properties.memory_total,
            free=properties.memory_free,
            shared=kind == "igpu" or (back_end == "MTL" and hardware.is_apple_silicon()),
        )

    def _back_end(self, handle: ctypes.c_void_p) -> str:
        return _words(self.call("ggml_backend_reg_name", ctypes.c_char_p, handle))

    def _nth(self, function: str, number: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.call(function, ctypes.c_void_p, ctypes.c_size_t(number)))


def _words(text: bytes | None) -> str:
    """A driver's name, fit to be shown in one line."""
    return "".join(filter(str.isprintable, (text or b"").decode("utf-8", "replace"))).strip()


def main(arguments: list[str]) -> int:
    """Print what is found as one line of JSON, or write down what the CPU library needs."""
    folder = _libraries()
    if folder is None:
        return 1
    ggml = _Ggml(folder)
    if arguments == ["record"]:
        (folder / _RECORD).write_text(json.dumps(ggml.instructions()), encoding="ascii")
        return 0
    answer = os.dup(1)  # drivers print what they like to 1
    os.dup2(2, 1)
    found = {
        "version": ggml.version(),
        "instructions": ggml.instructions(),
        "back_ends": ggml.back_ends(),
        "devices": [asdict(device) for device in ggml.devices()],
    }
    os.write(answer, json.dumps(found).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
