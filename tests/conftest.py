"""What every test stands on: a home of its own, and no display unless a test brings one."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, so that no test reads or writes a person's own files."""
    folder = tmp_path / "home"
    runtime = folder / "runtime"
    runtime.mkdir(parents=True, mode=0o700)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return folder


@pytest.fixture(autouse=True)
def cycles_end_in_this_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """As in the application (desktop/collector.py): between the tests that have widgets."""
    if "qapp" not in request.fixturenames:
        yield
        return
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()
