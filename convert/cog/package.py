"""A folder for `cog push`: the model or its address, the runner, and the part of the core it needs.

    cog.yaml, requirements.txt    how the image is built, from the versions that the app pins
    run.py, weights.py            convert.cog.runner and convert.cog.weights
    weights/                      model.gguf, or weights.json with its address
    theragen_core/, resources/    copied; no client, no keyring, no window
    .cog/openapi_schema.json      what Cog's own server needs when it runs without an image

Nothing is left half done: the folder is written under another name and renamed at the end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convert.cog import weights
from theragen_core import gguf_header, resources

_HERE = Path(__file__).resolve().parent
_CORE = Path(resources.__file__).resolve().parent
_NEEDED = ("llama-cpp-python", "Jinja2", "numpy", "onnxruntime", "psutil", "tokenizers")
_PYTHON = "3.11"
_COG = "0.23.1"
_MOST_AT_A_TIME = 16
_NOT_SERVED = (
    "__pycache__", "__main__.py", "cli", "credentials.py", "host.py", "replicate", "wire.py",
    "settings.py", "hosted_names.py", "icons", "themes",
)  # fmt: skip
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CUDA = "CMAKE_ARGS=-DGGML_CUDA=on"


class PackageError(Exception):
    """One sentence: why no package was written, and the remedy."""


@dataclass(frozen=True, slots=True)
class Options:
    """`model` is a path, or an https address, which comes with a SHA-256."""

    model: str
    sha256: str = ""
    gpu: bool = False
    concurrency: int = 1

    @property
    def is_address(self) -> bool:
        return "://" in self.model


def write_package(options: Options, out: Path) -> None:
    """Write the package to `out`. Raises PackageError, and ModelError for what is no model."""
    _check(options, out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _write(options, unfinished)
            if out.exists():
                out.rmdir()  # empty, as was checked
            unfinished.chmod(0o755)
            unfinished.rename(out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or "the disk does not take it"
        raise PackageError(f"{out} could not be written: {reason}.") from None


def _check(options: Options, out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PackageError(f"{out} is there already. Name a new or an empty folder.")
    if not 1 <= options.concurrency <= _MOST_AT_A_TIME:
        raise PackageError(f"--concurrency is a number from 1 to {_MOST_AT_A_TIME}.")
    if options.is_address:
        if not weights.is_safe(options.model):
            raise PackageError("A model is fetched over https. Give an address that begins so.")
        if not _SHA256.fullmatch(options.sha256):
            raise PackageError(
                "An address needs --sha256 with the 64 digits of the file, so that no other is"
                " ever served. `sha256sum FILE` tells them."
            )
        return
    if options.sha256:
        raise PackageError("--sha256 is for an address; a file is copied as it is.")
    path = Path(options.model)
    if path.is_dir():
        raise PackageError(f"{path} is a folder. Turn the checkpoint into a GGUF file first.")
    gguf_header.read(path)  # raises ModelError for what llama.cpp would not load


def _write(options: Options, folder: Path) -> None:
    _copy_code(folder)
    _write_weights(options, folder / "weights")
    (folder / "cog.yaml").write_text(_cog_yaml(options), encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(options.gpu), encoding="utf-8")
    (folder / ".cog").mkdir()
    schema = json.dumps(openapi_schema(), indent=2)
    (folder / ".cog" / "openapi_schema.json").write_text(schema, encoding="utf-8")
    (folder / ".dockerignore").write_text("__pycache__\n.git\n", encoding="utf-8")


def _copy_code(folder: Path) -> None:
    ignore = shutil.ignore_patterns(*_NOT_SERVED)
    shutil.copytree(_CORE, folder / _CORE.name, ignore=ignore)
    shutil.copytree(resources.ROOT, folder / "resources", ignore=ignore)
    # There the model does not run on the person's own computer, and must not say so.
    prompts = folder / "resources" / "prompts"
    shutil.copyfile(prompts / "hosted.txt", prompts / "support.txt")
    shutil.copyfile(_HERE / "runner.py", folder / "run.py")
    shutil.copyfile(_HERE / "weights.py", folder / "weights.py")


def _write_weights(options: Options, folder: Path) -> None:
    folder.mkdir()
    if options.is_address:
        there = {"url": options.model, "sha256": options.sha256}
        (folder / weights.ADDRESS).write_text(json.dumps(there), encoding="utf-8")
        return
    source, target = Path(options.model).resolve(), folder / weights.MODEL
    try:
        os.link(source, target)  # gigabytes; a copy only where the folder is on another disk
    except OSError:
        shutil.copyfile(source, target)


def _cog_yaml(options: Options) -> str:
    lines = [
        "# Written by `python -m convert cog`; see docs/CLOUD.md of TheraGen.",
        "build:",
        f"  gpu: {str(options.gpu).lower()}",
        f'  python_version: "{_PYTHON}"',
        f'  sdk_version: "{_COG}"',
        "  python_requirements: requirements.txt",
        "  system_packages:",
        '    - "build-essential"',
        '    - "libgomp1"',
    ]
    if options.gpu:
        lines += ["  run:", f'    - "{_CUDA} pip install {_pins()[0]}"']
    lines += ['run: "run.py:Runner"', "concurrency:", f"  max: {options.concurrency}"]
    return "\n".join(lines) + "\n"


def _requirements(gpu: bool) -> str:
    """With a GPU llama.cpp is built in a step of its own, which says for what."""
    return "\n".join(_pins()[1 if gpu else 0 :]) + "\n"


def _pins() -> list[str]:
    """The versions that the app was tested with."""
    return [f"{name}=={version(name)}" for name in _NEEDED]


def openapi_schema() -> dict[str, Any]:
    """What `cog build` makes of the runner; Cog's server checks requests by it."""
    number, whole = {"type": "number"}, {"type": "integer"}
    properties: dict[str, dict[str, Any]] = {
        "messages": {"type": "string"},
        "temperature": {**number, "default": 0.7, "minimum": 0, "maximum": 2},
        "max_tokens": {**whole, "default": 400, "minimum": 1, "maximum": 2048},
        "seed": {**whole, "default": -1, "minimum": -1},
        "country": {"type": "string", "default": ""},
    }
    for order, (name, spec) in enumerate(properties.items()):
        spec |= {"title": name.replace("_", " ").capitalize(), "x-order": order}
    output = {
        "type": "array",
        "items": {"type": "string"},
        "x-cog-array-type": "iterator",
        "x-cog-array-display": "concatenate",
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {"/predictions": {"post": {"x-cog-streaming": True}}},
        "components": {
            "schemas": {
                "Input": {
                    "type": "object",
                    "title": "Input",
                    "required": ["messages"],
                    "properties": properties,
                },
                "Output": output,
            }
        },
    }
