from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from theragen_core import hardware


def test_what_is_here_is_plausible() -> None:
    here = hardware.probe()

    assert 1 <= here.cores <= (os.cpu_count() or 1)
    assert 2**20 < here.free_memory <= here.total_memory


def test_amx_is_what_the_processor_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "_CPUINFO", cpuinfo)

    assert not hardware.has_amx()
    cpuinfo.write_text("flags\t\t: avx2 avx512f amx_bf16 amx_tile amx_int8\n")
    assert hardware.has_amx()
    cpuinfo.write_text("flags\t\t: avx2\n")
    assert not hardware.has_amx()


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is not enforced elsewhere")
def test_a_limit_on_address_space_is_respected() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "from theragen_core import hardware; print(hardware.probe().free_memory)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert 0 <= int(done.stdout) < 2**30
