"""The exceptions of TheraGen.

TheraGenError
├── UserError             the world or the input is not as needed; the words say the remedy
│   ├── ModelError        a model file that cannot be used
│   ├── DownloadError     a model that did not arrive, or not as it should
│   ├── CloudError        a service that cannot be used, or a reply that did not arrive
│   └── SettingsError     settings that cannot be read or written
├── MessageTooLong        a message that the model's context cannot hold
└── ProtocolError         a line between window and engine that is not ours

No exception carries a person's words: codes, sizes and paths of models only.
"""

from __future__ import annotations

from theragen_core.faults import Fault


class TheraGenError(Exception):
    """Root of all that this project raises on purpose."""


class UserError(TheraGenError):
    """A fault that a person can mend; `fault` is the key of its sentence in resources/texts."""

    def __init__(self, fault: Fault, **details: str | int) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.details = details


class ModelError(UserError):
    """A model file that cannot be used."""


class DownloadError(UserError):
    """A model that did not arrive, or not as it should."""


class CloudError(UserError):
    """A service that cannot be used, or a reply that did not arrive from it."""


class SettingsError(UserError):
    """Settings that cannot be read or written."""


class MessageTooLong(TheraGenError):
    """The newest message alone exceeds what the model's context can hold."""

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(f"{tokens} tokens, {limit} allowed")
        self.tokens = tokens
        self.limit = limit


class ProtocolError(TheraGenError):
    """A line between window and engine that does not follow the protocol."""
