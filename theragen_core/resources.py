"""Typed access to the data in resources/: texts, prompts, profiles of models.

Everything a person reads is stored there under an id, ready for translation: `text("window.send")`
is the key "send" in resources/texts/en/window.json.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from theragen_core.faults import Fault

# The same relative place in a checkout, in an installed package and in a frozen app.
ROOT = Path(__file__).resolve().parent.parent / "resources"
LANGUAGE = "en"


@cache
def read_json(name: str) -> Any:
    """The parsed content of resources/NAME; read once."""
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def text(key: str, **details: str | int | float) -> str:
    """The text with this id, its {placeholders} filled. KeyError for an unknown id."""
    file, _, name = key.partition(".")
    template: str = read_json(f"texts/{LANGUAGE}/{file}.json")[name]
    return template.format_map(details) if details else template


@cache
def wordings(key: str) -> tuple[str, ...]:
    """The texts KEY_1, KEY_2 and so on: several ways to say the same. None for an unknown id."""
    file, _, name = key.partition(".")
    texts: dict[str, str] = read_json(f"texts/{LANGUAGE}/{file}.json")
    found: list[str] = []
    while (numbered := f"{name}_{len(found) + 1}") in texts:
        found.append(texts[numbered])
    return tuple(found)


def fault_text(fault: Fault, details: dict[str, str | int] | None = None) -> str:
    """What went wrong and what to do about it, in plain words."""
    return text(f"faults.{fault.value}", **(details or {}))


@cache
def prompt(name: str) -> str:
    """The text of resources/prompts/NAME.txt, without the final line break."""
    return (ROOT / "prompts" / f"{name}.txt").read_text(encoding="utf-8").strip()
