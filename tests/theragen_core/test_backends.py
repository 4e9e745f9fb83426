from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from theragen_core import backends, hardware
from theragen_core.backends import Device, Probe
from theragen_core.errors import ModelError
from theragen_core.faults import Fault

ANSWER = {
    "version": "1.2",
    "back_ends": ["Vulkan", "CPU"],
    "instructions": ["avx2"],
    "devices": [
        {
            "name": "Vulkan0",
            "description": "A card",
            "back_end": "Vulkan",
            "total": 2**33,
            "free": 2**32,
            "shared": False,
        }
    ],
}


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/proc/cpuinfo, to be written by the test."""
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "_CPUINFO", path)
    return path


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the binding's libraries."""
    path = tmp_path / "lib"
    path.mkdir()
    monkeypatch.setattr(backends, "_libraries", lambda: path)
    return path


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is asked in place of ours; the test writes its lines of shell."""
    path = tmp_path / "child"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def test_the_real_library_answers() -> None:
    found = backends.probe()

    assert found.failure == ""
    assert "CPU" in found.back_ends
    assert found.version[0].isdigit()
    assert backends.missing_instructions(found.instructions) == ()


def test_without_a_gpu_back_end_nothing_is_started(libraries: Path, child: Path) -> None:
    child.write_text("#!/bin/sh\nexit 1\n")

    assert backends.gpu_probe() == Probe()
    Path(libraries, "libggml-vulkan.so").touch()
    assert backends.built_for() == ("vulkan",)
    assert backends.gpu_probe() == Probe(failure="exit 1")


@pytest.mark.skipif(os.name == "nt", reason="the child is a shell script")
@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        ("kill -ILL $$", "SIGILL"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("exit 3", "exit 3"),
        ("echo hello", "JSONDecodeError"),
        ("echo '[]'", "TypeError"),
        ("echo '{}'", "KeyError"),
        ("exec sleep 60", "timeout"),
    ],
)
def test_a_driver_that_fails_is_an_answer(child: Path, lines: str, failure: str) -> None:
    child.write_text(f"#!/bin/sh\n{lines}\n")

    assert backends.probe(0.5 if failure == "timeout" else 30).failure == failure


def test_a_program_that_is_not_there_is_an_answer(child: Path) -> None:
    child.unlink()

    assert backends.probe().failure == "FileNotFoundError"


@pytest.mark.skipif(os.name == "nt", reason="the child is a shell script")
def test_what_the_child_found(child: Path) -> None:
    child.write_text(f"#!/bin/sh\necho '{json.dumps(ANSWER)}'\n")

    device = Device("Vulkan0", "A card", "Vulkan", 2**33, 2**32, shared=False)
    assert backends.probe() == Probe("1.2", ("Vulkan", "CPU"), ("avx2",), (device,))


def test_an_older_processor_is_told_before_the_library_is_loaded(
    processor: Path, libraries: Path
) -> None:
    Path(libraries, "cpu_instructions.json").write_text('["avx2", "avx512f"]')
    processor.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n")
    backends.check_processor()

    processor.write_text("processor\t: 0\nflags\t\t: fpu avx2\nflags\t\t: fpu avx2\n")
    with pytest.raises(ModelError) as caught:
        backends.check_processor()

    assert caught.value.fault is Fault.PROCESSOR_TOO_OLD
    assert caught.value.details == {"missing": "avx512f"}


@pytest.mark.parametrize("record", [None, "", "3", "{", "[]"])
def test_without_a_record_nothing_is_known(
    processor: Path, libraries: Path, record: str | None
) -> None:
    if record is not None:
        Path(libraries, "cpu_instructions.json").write_text(record)
    processor.write_text("flags\t\t: fpu\n")

    backends.check_processor()


def test_where_the_processor_does_not_say_nothing_is_missing(processor: Path) -> None:
    assert not processor.exists()

    assert backends.missing_instructions(("avx512f",)) == ()


def test_the_setup_wrote_the_record_of_the_real_library() -> None:
    folder = backends._libraries()
    assert folder is not None
    recorded = json.loads(Path(folder, "cpu_instructions.json").read_bytes())

    assert tuple(recorded) == backends.probe().instructions
