from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.gguf_files import LLAMA2_TEMPLATE, chat_model
from tests.theragen_core.test_catalog import ROW
from theragen_core import model_list, model_store
from theragen_core.hardware import Hardware
from theragen_core.model_list import ListedModel, State
from theragen_core.model_store import StoredModel
from theragen_core.protocol import TemplateChoice

COMPUTER = Hardware(cores=2, total_memory=10_000, free_memory=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    return path


def listed(folder: Path, **change: Any) -> dict[str, ListedModel]:
    catalogue = folder.parent / "catalogue.json"
    catalogue.write_text(json.dumps([{**ROW, **change}]))
    return {model.id: model for model in model_list.models(catalogue, folder, COMPUTER)}


def test_a_model_that_is_not_here(folder: Path) -> None:
    model = listed(folder)["a"]
    assert (model.state, model.fits, model.path, model.fetched) == (State.ABSENT, True, "", 0)


def test_a_model_without_a_checksum_has_a_link_only(folder: Path) -> None:
    unknown = {"url": "", "sha256": "", "source": "", "checked": ""}
    assert listed(folder, **unknown)["a"].state is State.LINK


def test_a_model_that_is_too_large(folder: Path) -> None:
    assert not listed(folder, size=9_000)["a"].fits


def test_a_paused_download(folder: Path) -> None:
    (folder / "a.gguf.part").write_bytes(bytes(40))
    model = listed(folder)["a"]
    assert (model.state, model.fetched) == (State.PARTIAL, 40)


def test_a_model_that_is_here_and_one_whose_file_is_gone(folder: Path) -> None:
    path = folder / "a.gguf"
    path.write_bytes(bytes(100))
    model_store.save(StoredModel("a", "A", path, 100, TemplateChoice.FROM_FILE, True), folder)
    model = listed(folder)["a"]
    assert (model.state, model.path) == (State.PRESENT, str(path))
    path.unlink()
    assert listed(folder)["a"].state is State.MISSING


def test_what_a_person_added_stands_last(folder: Path) -> None:
    own = folder.parent / "Mine.gguf"
    own.write_bytes(chat_model(tokenizer__chat_template=LLAMA2_TEMPLATE))
    list(model_store.add(own, folder, TemplateChoice.FROM_FILE, copy=False))
    models = listed(folder)
    assert list(models) == ["a", "own-mine"]
    mine = models["own-mine"]
    assert (mine.name, mine.state, mine.owned, mine.path) == (
        "Mine",
        State.PRESENT,
        False,
        str(own),
    )
    assert json.dumps(asdict(mine))
