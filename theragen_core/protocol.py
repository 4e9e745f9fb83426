"""Commands to a child process and the events that come back, as values.

    Load                -> Progress(loading)*, Loaded | Failed(turn=0)
    Generate            -> Progress(reading)*, Trimmed, Delta*, Finished | Refused | Failed
    Cancel              -> the turn's Finished(stopped=True), within milliseconds
    Prefill             -> Progress(turn=0, reading)*, Prefilled
    Assess / Review     -> Assessed / Reviewed        (answered by the guard)
    Shutdown            -> the process ends
    (nothing)           -> Heartbeat, twice a second

Text fields are left out of every repr, so that no log or traceback shows a person's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import NewType

from theragen_core.conversation import Message
from theragen_core.faults import Fault

TurnId = NewType("TurnId", int)
NO_TURN = TurnId(0)


class Phase(StrEnum):
    IDLE = "idle"
    LOADING = "loading"
    WAKING = "waking"  # a rented machine starts, or reads; progress in seconds
    QUEUED = "queued"  # the service asked to wait, and is asked again; progress in seconds
    READING = "reading"  # prefill: the model reads the conversation
    WRITING = "writing"  # decode: the model writes its reply


class TemplateChoice(StrEnum):
    """How messages are marked for a model whose file does not say."""

    FROM_FILE = "file"
    LLAMA2 = "llama2"
    CHATML = "chatml"


class Tier(IntEnum):
    """Risk, after the Columbia scale; see docs/SAFETY.md."""

    NONE = 0
    DISTRESS = 1
    CONCERN = 2
    ACTIVE = 3
    IMMINENT = 4


class Topic(StrEnum):
    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    ABUSE = "abuse"
    MINOR_AT_RISK = "minor_at_risk"
    EATING_DISORDER = "eating_disorder"
    PSYCHOSIS = "psychosis"
    SUBSTANCE_DANGER = "substance_danger"
    MEDICAL_EMERGENCY = "medical_emergency"


@dataclass(frozen=True, slots=True)
class RiskAssessment:
    """How worried to be, about what, and which rules said so (names of rules, never words).
    `tier` is that of the conversation, `own` that of its newest message alone.
    """

    tier: Tier
    topics: frozenset[Topic] = frozenset()
    cues: tuple[str, ...] = ()
    own: Tier = Tier.NONE


class KvType(StrEnum):
    """What the KV cache is made of: 16 bits a number, or blocks of about 8 or 4."""

    F16 = "f16"
    Q8_0 = "q8_0"
    Q4_0 = "q4_0"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a person may fix of how a model is loaded; None: chosen by fit for this computer."""

    context: int | None = None
    gpu_layers: int | None = None
    kv_type: KvType | None = None
    flash_attention: bool | None = None
    batch: int | None = None
    ubatch: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A GGUF file on this computer."""

    path: Path
    template: TemplateChoice = TemplateChoice.FROM_FILE
    options: LoadOptions = LoadOptions()


@dataclass(frozen=True, slots=True)
class HostedModel:
    """A model at Replicate as OWNER/NAME or OWNER/NAME:VERSION, or a deployment as OWNER/NAME.

    An empty token stands for the one in the keyring.
    """

    name: str
    token: str = field(default="", repr=False)
    deployment: bool = False


@dataclass(frozen=True, slots=True)
class EchoModel:
    """No model: the deterministic engine for tests and demonstrations."""

    delay_s: float = 0.0


ModelSpec = LocalModel | HostedModel | EchoModel


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """What is asked of the sampler. None: the value that resources/ gives for the model."""

    temperature: float | None = None
    max_tokens: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One turn: the whole conversation, ending with a message of the person's."""

    turn: TurnId
    messages: tuple[Message, ...] = field(repr=False)
    options: SamplingOptions = SamplingOptions()


# Commands ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    model: ModelSpec


@dataclass(frozen=True, slots=True)
class Generate:
    request: GenerateRequest


@dataclass(frozen=True, slots=True)
class Prefill:
    """Read ahead what the next request will begin with: these messages, of which the last may be
    a draft. Given up for whatever command comes next, at once for Cancel(NO_TURN).
    """

    messages: tuple[Message, ...] = field(default=(), repr=False)
    options: SamplingOptions = SamplingOptions()


@dataclass(frozen=True, slots=True)
class Cancel:
    turn: TurnId


@dataclass(frozen=True, slots=True)
class Assess:
    """How grave is it? The first `corrected` messages were misunderstood, as the person said."""

    turn: TurnId
    messages: tuple[Message, ...] = field(repr=False)
    corrected: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """May sentence `number` of a reply be shown? It follows `before` and answers `answers`."""

    turn: TurnId
    number: int
    sentence: str = field(repr=False)
    before: str = field(default="", repr=False)
    answers: str = field(default="", repr=False)
    risk: RiskAssessment = RiskAssessment(Tier.NONE)


@dataclass(frozen=True, slots=True)
class Shutdown:
    pass


Command = Load | Generate | Prefill | Cancel | Assess | Review | Shutdown


# Events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model is ready. `context` is in tokens; `name` is what a person may read, and `note` what
    they should know of it, or empty.
    """

    name: str
    context: int
    threads: int
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total`: thousandths for loading, tokens for reading, seconds for waiting."""

    turn: TurnId
    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Prefilled:
    """The end of a Prefill, read whole or given up; `evaluated` tokens were read for it."""

    evaluated: int


@dataclass(frozen=True, slots=True)
class Delta:
    turn: TurnId
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The newest message alone is too long for the model; nothing was generated."""

    turn: TurnId
    tokens: int
    limit: int


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The model sees the messages of the request from index `first_visible` on."""

    turn: TurnId
    first_visible: int


@dataclass(frozen=True, slots=True)
class Assessed:
    """`by_rules_alone`: there is no trained judgement, now or later."""

    turn: TurnId
    assessment: RiskAssessment
    by_rules_alone: bool = False


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Sentence `number` may be shown if there are no reasons against it. `joint`: it is harmful
    only together with what stands before it.
    """

    turn: TurnId
    number: int
    reasons: tuple[str, ...] = ()
    joint: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A turn's end: `evaluated` tokens were read, the first of `tokens` was written after
    `first_token_s`, and all was done after `seconds`.
    """

    turn: TurnId
    tokens: int
    evaluated: int
    seconds: float
    first_token_s: float
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A turn, or with NO_TURN a load, that did not work; `details` fill the fault's sentence."""

    turn: TurnId
    fault: Fault
    details: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent twice a second. `steps` grows while native code makes progress in `phase`."""

    phase: Phase
    steps: int


Event = (
    Loaded
    | Progress
    | Prefilled
    | Delta
    | Refused
    | Trimmed
    | Assessed
    | Reviewed
    | Finished
    | Failed
    | Heartbeat
)
