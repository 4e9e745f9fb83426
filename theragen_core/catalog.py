"""The models that can be fetched, from resources/: what they weigh, their licence, their checksum.

Knows the list and the computer's memory. Refuses to know the network and the disk.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.hardware import Hardware
from theragen_core.protocol import TemplateChoice
from theragen_core.resources import ROOT

CATALOGUE = ROOT / "catalogue.json"

_FILE_NAME = re.compile(r"[\w-][\w.-]*\.gguf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model. `size` is in bytes; `source` says where its SHA-256 was found, and when.

    Without a checksum that was found in public there is no `url`: it has a `page`, and no more.
    """

    id: str
    name: str
    note: str
    licence: str
    licence_url: str
    page: str
    file: str
    size: int
    template: TemplateChoice
    url: str = ""
    sha256: str = ""
    source: str = ""
    checked: str = ""

    @property
    def downloadable(self) -> bool:
        return bool(self.url)


def entries(path: Path = CATALOGUE) -> tuple[ModelEntry, ...]:
    """All models of the list, in its order; UserError for a list that cannot be used."""
    try:
        found = tuple(_entry(row) for row in json.loads(path.read_bytes()))
        if len({entry.id for entry in found}) < len(found):
            raise ValueError("an id is there twice")
    except (OSError, ValueError, TypeError) as error:
        raise UserError(Fault.CATALOGUE_UNREADABLE, path=str(path)) from error
    return found


def entry(model_id: str, path: Path = CATALOGUE) -> ModelEntry:
    """The model with this id; UserError where there is none."""
    found = next((entry for entry in entries(path) if entry.id == model_id), None)
    if found is None:
        raise UserError(Fault.MODEL_UNKNOWN, id=model_id)
    return found


def memory_needed(size: int) -> int:
    """Bytes of memory that a model file of this size asks for: with KV cache and buffers."""
    return size + size // 4


def fits(size: int, hardware: Hardware) -> bool:
    """Whether this computer has the memory for a model of this size, with other programs closed."""
    return memory_needed(size) <= hardware.total_memory


def _entry(row: dict[str, Any]) -> ModelEntry:
    """Raises TypeError or ValueError for what is not an entry."""
    made = ModelEntry(**{**row, "template": TemplateChoice(row.get("template", "file"))})
    if not _FILE_NAME.fullmatch(made.file) or made.size <= 0:
        raise ValueError("the name or the size of the file")
    if made.url and not (made.url.startswith("https://") and _SHA256.fullmatch(made.sha256)):
        raise ValueError("a download needs TLS and a checksum")
    if made.sha256 and not (made.source and made.checked):
        raise ValueError("a checksum needs its source")
    return made
