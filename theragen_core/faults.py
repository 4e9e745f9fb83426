"""Every way in which the world can fail, as codes; their sentences are in resources/texts."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    MODEL_MISSING = "model_missing"
    MODEL_UNREADABLE = "model_unreadable"
    MODEL_NOT_GGUF = "model_not_gguf"
    MODEL_TRUNCATED = "model_truncated"
    MODEL_WRONG_KIND = "model_wrong_kind"
    MODEL_DAMAGED = "model_damaged"
    MODEL_NEEDS_TEMPLATE = "model_needs_template"
    MODEL_BAD_TEMPLATE = "model_bad_template"
    MODEL_NOT_LOADED = "model_not_loaded"
    STARTER_MISSING = "starter_missing"
    OUT_OF_MEMORY = "out_of_memory"
    ENGINE_CRASHED = "engine_crashed"
    ENGINE_HUNG = "engine_hung"
    ENGINE_NOT_STARTED = "engine_not_started"
    ENGINE_BUG = "engine_bug"
    EMPTY_REPLY = "empty_reply"
    SETTINGS_UNREADABLE = "settings_unreadable"
    SETTINGS_UNWRITABLE = "settings_unwritable"
    HOSTED_NOT_AVAILABLE = "hosted_not_available"
    COUNTRY_UNKNOWN = "country_unknown"
