"""From the settings to what the engine is asked for."""

from __future__ import annotations

from pathlib import Path

from theragen_core.errors import UserError
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    HostedModel,
    LocalModel,
    ModelSpec,
    SamplingOptions,
    TemplateChoice,
)
from theragen_core.settings import Settings


def chosen_model(settings: Settings, named: Path | None = None) -> LocalModel:
    """The file named on the command line, else the chosen one, else the starter model.

    A file that is not there is told when it is loaded, like every other fault of a model.
    """
    file = named.absolute() if named else Path(settings.model) if settings.model else None
    if file is not None:
        return LocalModel(file, _template(settings.template))
    try:
        return LocalModel(starter_path())
    except UserError:
        return LocalModel(Path("starter.gguf"))


def uses_replicate(settings: Settings, named: Path | None = None) -> bool:
    """Whether replies come from there. A file named on the command line stays on this computer."""
    return settings.use_replicate and bool(settings.hosted) and named is None


def chosen_engine(settings: Settings, named: Path | None = None, token: str = "") -> ModelSpec:
    """What the engine is asked to load; an empty token stands for the one in the keyring."""
    if uses_replicate(settings, named):
        return HostedModel(settings.hosted, token, settings.deployment)
    return chosen_model(settings, named)


def sampling(settings: Settings) -> SamplingOptions:
    return SamplingOptions(
        temperature=settings.temperature if settings.temperature >= 0 else None,
        max_tokens=settings.max_tokens or None,
    )


def _template(choice: str) -> TemplateChoice:
    """An edited settings file may say anything."""
    known = choice in list(TemplateChoice)
    return TemplateChoice(choice) if known else TemplateChoice.FROM_FILE
