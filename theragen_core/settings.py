"""What a person chose, kept in one small JSON file. Never any part of a conversation.

Unknown keys are dropped and values of a wrong type replaced by their default, so that a file of
another version or an edited one never stops the app.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from theragen_core import durable
from theragen_core.errors import SettingsError
from theragen_core.faults import Fault

CONSENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All choices with their defaults. Empty strings and zeros mean "automatic"."""

    consent: int = 0  # the CONSENT_VERSION that the person agreed to
    model: str = ""  # path of a GGUF file; empty: the starter model
    template: str = "file"  # a protocol.TemplateChoice
    model_folder: str = ""  # where downloaded and added models lie; empty: the system's place
    use_replicate: bool = False  # chosen on the page that says what it means
    hosted: str = ""  # OWNER/NAME at Replicate
    deployment: bool = False  # whether that names a deployment
    temperature: float = -1.0  # below zero: the model's own
    max_tokens: int = 0  # 0: the model's own
    country: str = ""  # ISO 3166 code; empty: from the locale
    theme: str = "system"
    text_size: int = 100  # per cent
    read_ahead: str = "always"  # a desktop.read_ahead.ReadAheadChoice
    show_stats: bool = False
    trigger_warnings: bool = True  # say so before a reply that speaks of hard things

    @property
    def consented(self) -> bool:
        return self.consent >= CONSENT_VERSION


def default_path() -> Path:
    """settings.json in the folder that the operating system gives to programs' settings."""
    return platformdirs.user_config_path("TheraGen", appauthor=False) / "settings.json"


def load(path: Path) -> Settings:
    """The settings in `path`, or the defaults where there is no such file.

    Raises SettingsError for a file that cannot be read as settings, which is first set aside
    (as settings.json.bad) so that the next save does not destroy it.
    """
    try:
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict):
            raise ValueError
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError):
        kept = _set_aside(path)
        raise SettingsError(Fault.SETTINGS_UNREADABLE, path=str(kept)) from None
    return _from_json(data)


def save(settings: Settings, path: Path) -> None:
    """Write atomically: a crash leaves the old file or the new one, never a part.

    Raises SettingsError where the folder or disk does not take it.
    """
    try:
        durable.write(path, json.dumps(asdict(settings), indent=2).encode())
    except OSError:
        raise SettingsError(Fault.SETTINGS_UNWRITABLE, path=str(path)) from None


def _set_aside(path: Path) -> Path:
    kept = path.with_name(f"{path.name}.bad")
    try:
        return path.replace(kept)
    except OSError:
        return path


def _from_json(data: dict[str, Any]) -> Settings:
    settings = Settings()
    for field in fields(Settings):
        default = getattr(settings, field.name)
        value = data.get(field.name, default)
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is type(default):
            settings = replace(settings, **{field.name: value})
    return settings
