"""From the settings to what the engine is asked for."""

from __future__ import annotations

from pathlib import Path

from theragen_core.errors import UserError
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LocalModel, SamplingOptions, TemplateChoice
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


def sampling(settings: Settings) -> SamplingOptions:
    return SamplingOptions(
        temperature=settings.temperature if settings.temperature >= 0 else None,
        max_tokens=settings.max_tokens or None,
    )


def _template(choice: str) -> TemplateChoice:
    """An edited settings file may say anything."""
    known = choice in list(TemplateChoice)
    return TemplateChoice(choice) if known else TemplateChoice.FROM_FILE
