from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from theragen_core import catalog
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.hardware import Hardware
from theragen_core.protocol import TemplateChoice

GIB = 2**30
ROW = {
    "id": "a",
    "name": "A",
    "note": "",
    "licence": "L",
    "licence_url": "https://licence.invalid/",
    "page": "https://page.invalid/",
    "file": "a.gguf",
    "size": 100,
    "template": "file",
    "url": "https://host.invalid/a.gguf",
    "sha256": "0" * 64,
    "source": "somewhere",
    "checked": "2026-11-25",
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps(rows))
    return path


def test_llama_2_stands_first_in_three_quantisations() -> None:
    first = catalog.entries()[:3]
    assert all("Llama 2 7B Chat" in entry.name for entry in first)
    assert len({entry.sha256 for entry in first}) == 3
    # Their files are older than chat templates in files.
    assert {entry.template for entry in first} == {TemplateChoice.LLAMA2}


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.id)
def test_every_entry_can_be_stood_by(entry: catalog.ModelEntry) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+", entry.id)
    assert not entry.id.startswith("own-")
    assert entry.page.startswith("https://")
    assert entry.licence_url.startswith("https://")
    assert entry.downloadable == bool(entry.sha256)
    if entry.downloadable:
        assert entry.url.startswith("https://")
        assert entry.url.endswith(f"/{entry.file}")
        assert date.fromisoformat(entry.checked) <= date.today()
        assert "github.com/" in entry.source
        assert re.search(r" at [0-9a-f]{40}\b", entry.source), "a source that cannot change"


def test_no_two_entries_share_a_file() -> None:
    files = [entry.file for entry in catalog.entries()]
    assert len(set(files)) == len(files)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://host.invalid/a.gguf"},
        {"sha256": ""},
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"source": ""},
        {"checked": ""},
        {"file": "../a.gguf"},
        {"file": "/a.gguf"},
        {"file": ".gguf"},
        {"file": "a.bin"},
        {"size": 0},
        {"size": -1},
        {"size": "many"},
        {"template": "guess"},
        {"more": 1},
    ],
)
def test_a_list_that_cannot_be_stood_by_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    good = write(tmp_path / "good.json", ROW)
    assert catalog.entry("a", good).size == 100
    with pytest.raises(UserError) as caught:
        catalog.entries(write(tmp_path / "bad.json", {**ROW, **change}))
    assert caught.value.fault is Fault.CATALOGUE_UNREADABLE


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        catalog.entries(write(tmp_path / "bad.json", ROW, ROW))


@pytest.mark.parametrize("content", ["", "{}", "[1]", "[[]]", "null", '{"id": "a"}'])
def test_no_list_at_all_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    if content == "{}":
        assert catalog.entries(path) == ()
        return
    with pytest.raises(UserError):
        catalog.entries(path)


def test_a_missing_list_and_an_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        catalog.entries(tmp_path / "none.json")
    assert caught.value.fault is Fault.CATALOGUE_UNREADABLE
    with pytest.raises(UserError) as caught:
        catalog.entry("none")
    assert caught.value.fault is Fault.MODEL_UNKNOWN


def test_what_fits_is_told_from_all_memory_and_not_from_what_is_free_now() -> None:
    computer = Hardware(cores=4, total_memory=8 * GIB, free_memory=1 * GIB)
    assert catalog.fits(4 * GIB, computer)
    assert not catalog.fits(7 * GIB, computer)
