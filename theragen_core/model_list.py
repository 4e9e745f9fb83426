"""One list of models for window and terminal: the catalogue, with what is here of it, and then
what a person added.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from theragen_core import catalog, model_store
from theragen_core.catalog import ModelEntry
from theragen_core.hardware import Hardware
from theragen_core.model_store import StoredModel
from theragen_core.protocol import TemplateChoice


class State(StrEnum):
    PRESENT = "present"
    MISSING = "missing"  # it was here, and its file is gone or has changed
    PARTIAL = "partial"
    ABSENT = "absent"
    LINK = "link"  # not here, and to be fetched from its page by hand


@dataclass(frozen=True, slots=True)
class ListedModel:
    """Sizes in bytes. `path` is empty for what is not here; `fits` speaks of memory."""

    id: str
    name: str
    state: State
    size: int
    fits: bool
    licence: str
    template: TemplateChoice
    fetched: int = 0
    path: str = ""
    owned: bool = True
    note: str = ""
    licence_url: str = ""
    page: str = ""
    sha256: str = ""
    source: str = ""
    checked: str = ""


def models(catalogue: Path, folder: Path, hardware: Hardware) -> tuple[ListedModel, ...]:
    """All of them. UserError for a catalogue that cannot be used."""
    stored = {model.id: model for model in model_store.installed(folder)}
    listed = [
        _of_catalogue(entry, stored.pop(entry.id, None), folder, hardware)
        for entry in catalog.entries(catalogue)
    ]
    return (*listed, *(_own(model, hardware) for model in stored.values()))


def _of_catalogue(
    entry: ModelEntry, stored: StoredModel | None, folder: Path, hardware: Hardware
) -> ListedModel:
    fetched = model_store.fetched(entry.file, folder)
    state = State.PARTIAL if fetched else State.ABSENT if entry.downloadable else State.LINK
    return ListedModel(
        id=entry.id,
        name=entry.name,
        state=_state(stored) if stored else state,
        size=entry.size,
        fits=catalog.fits(entry.size, hardware),
        licence=entry.licence,
        template=entry.template,
        fetched=min(fetched, entry.size),
        path=str(stored.path) if stored else "",
        note=entry.note,
        licence_url=entry.licence_url,
        page=entry.page,
        sha256=entry.sha256,
        source=entry.source,
        checked=entry.checked,
    )


def _own(model: StoredModel, hardware: Hardware) -> ListedModel:
    return ListedModel(
        id=model.id,
        name=model.name,
        state=_state(model),
        size=model.size,
        fits=catalog.fits(model.size, hardware),
        licence=model.licence,
        template=model.template,
        path=str(model.path),
        owned=model.owned,
        sha256=model.sha256,
    )


def _state(model: StoredModel) -> State:
    return State.PRESENT if model.present else State.MISSING
