"""llama-bench, built from the source archive of the very binding that is installed.

The archive holds the whole of llama.cpp. Only the program and what it is made of are compiled; at
run time it loads the binding's own libraries, so that both sides run the same machine code.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import platformdirs

from theragen_core import hardware

_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
    "-DLLAMA_BUILD_TOOLS=ON",
    "-DLLAMA_OPENSSL=OFF",
)


def program() -> Path:
    """Where it is; built first if need be, which takes some minutes. RuntimeError says why not."""
    release = version("llama-cpp-python")
    folder = platformdirs.user_cache_path("theragen-bench", appauthor=False) / release
    found = folder / "build" / "bin" / "llama-bench"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _build(_unpack(_archive(release, folder), folder), folder / "build")
    return found


def speed(model: Path, threads: int, flash_attention: str) -> dict[str, float]:
    """Tokens a second: `read` of 256 tokens, `written` of 64 behind 256 others."""
    common = ["-m", model, "-t", threads, "-b", 256, "-ub", 256, "-r", 1, "-o", "json"]
    common += ["-fa", flash_attention]
    if hardware.has_amx():
        common += ["--repack", 0]  # as engines/llama.py decides
    return {
        "read": _run(*common, "-p", 256, "-n", 0),
        "written": _run(*common, "-p", 0, "-n", 64, "-d", 256),
    }


def _run(*arguments: object) -> float:
    libraries = _binding() / "lib"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    output = subprocess.check_output(
        [program(), *map(str, arguments)], env=environment, stderr=subprocess.DEVNULL
    )
    (result,) = json.loads(output)
    return float(result["avg_ts"])


def _binding() -> Path:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def _archive(release: str, folder: Path) -> Path:
    """The one that lies there, or pip's."""
    name = f"llama_cpp_python-{release}.tar.gz"
    if not (folder / name).exists():
        options = ["--quiet", "--no-deps", "--no-binary", "llama-cpp-python", "--dest", str(folder)]
        wanted = f"llama-cpp-python=={release}"
        if subprocess.run([sys.executable, "-m", "pip", "download", *options, wanted]).returncode:
            raise RuntimeError(f"put {name} into {folder} to measure beside llama-bench")
    return folder / name


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz") / "vendor" / "llama.cpp"


def _build(source: Path, folder: Path) -> None:
    if shutil.which("cmake") is None:
        raise RuntimeError("install cmake to measure beside llama-bench")
    print("building llama-bench, some minutes", file=sys.stderr)
    for step in (
        ["cmake", "-S", source, "-B", folder, *_OPTIONS],
        ["cmake", "--build", folder, "--target", "llama-bench", "-j", os.cpu_count() or 1],
    ):
        subprocess.run(list(map(str, step)), check=True, stdout=subprocess.DEVNULL)
