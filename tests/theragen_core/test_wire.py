import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theragen_core import protocol, wire
from theragen_core.conversation import Message, Role
from theragen_core.errors import ProtocolError
from theragen_core.faults import Fault
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Command,
    Delta,
    EchoModel,
    Event,
    Failed,
    Finished,
    Generate,
    GenerateRequest,
    Heartbeat,
    HostedModel,
    Load,
    Loaded,
    LocalModel,
    Phase,
    Prefill,
    Prefilled,
    Progress,
    Refused,
    Review,
    Reviewed,
    RiskAssessment,
    SamplingOptions,
    Shutdown,
    TemplateChoice,
    Tier,
    Topic,
    Trimmed,
    TurnId,
)

TURN = TurnId(7)
SAID = (Message(Role.USER, "Good morning", guidance="gently"), Message(Role.ASSISTANT, "Hello"))

COMMANDS: list[Command] = [
    Load(LocalModel(Path("/models/a b.gguf"), TemplateChoice.LLAMA2)),
    Load(HostedModel("owner/name", "token")),
    Load(EchoModel(0.5)),
    Generate(GenerateRequest(TURN, SAID, SamplingOptions(0.7, None, 3))),
    Prefill(SAID, SamplingOptions(max_tokens=9)),
    Cancel(TURN),
    Assess(TURN, SAID),
    Assess(TURN, SAID, 2),
    Review(TURN, 3, "A sentence.", "Another.", "Hello", RiskAssessment(Tier.CONCERN)),
    Shutdown(),
]
EVENTS: list[Event] = [
    Loaded("Starter", 8192, 2, 0.25, "small"),
    Progress(TURN, Phase.READING, 3, 9),
    Prefilled(12),
    Delta(TURN, "word"),
    Refused(TURN, 900, 512),
    Trimmed(TURN, 4),
    Assessed(TURN, RiskAssessment(Tier.ACTIVE, frozenset({Topic.ABUSE}), ("rule",))),
    Assessed(TURN, RiskAssessment(Tier.NONE, own=Tier.NONE), by_rules_alone=True),
    Reviewed(TURN, 4, ("number",), joint=True),
    Finished(TURN, 3, 20, 0.5, 0.1, True),
    Failed(NO_TURN, Fault.OUT_OF_MEMORY, {"need_mib": 9, "path": "m.gguf"}),
    Heartbeat(Phase.WRITING, 12),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda value: type(value).__name__)
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    assert wire.decode_command(wire.encode(command)) == command


@pytest.mark.parametrize("event", EVENTS, ids=lambda value: type(value).__name__)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert wire.decode_event(wire.encode(event)) == event


def test_every_type_is_tried() -> None:
    assert {type(value) for value in COMMANDS} == set(get_args(protocol.Command))
    assert {type(value) for value in EVENTS} == set(get_args(protocol.Event))


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_travels_in_one_line(text: str) -> None:
    line = wire.encode(Delta(TURN, text))
    assert line.count(b"\n") == 1
    assert wire.decode_event(line) == Delta(TURN, text)


BROKEN = [
    b"",
    b"\n",
    b"not json",
    b"[1]",
    b'"text"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"v": 1}',
    b'{"v": 99, "type": "Cancel", "turn": 1}',
    b'{"v": 1, "type": "Unknown"}',
    b'{"v": 1, "type": "Delta", "turn": 1, "text": "events are not commands"}',
    b'{"v": 1, "type": "Cancel"}',
    b'{"v": 1, "type": "Cancel", "turn": "1"}',
    b'{"v": 1, "type": "Cancel", "turn": true}',
    b'{"v": 1, "type": "Load", "model": null}',
    b'{"v": 1, "type": "Load", "model": {"type": "Path"}}',
    b'{"v": 1, "type": "Load", "model": {"type": "EchoModel", "delay_s": "0"}}',
    b'{"v": 1, "type": "Assess", "turn": 1, "messages": {}}',
    b'{"v": 1, "type": "Assess", "turn": 1, "messages": [{"role": "robot"}]}',
]


@pytest.mark.parametrize("line", BROKEN, ids=range(len(BROKEN)))
def test_a_line_that_does_not_fit_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        wire.decode_command(line)


def test_an_error_repeats_nothing_of_the_line() -> None:
    line = json.dumps({"v": 1, "type": "Cancel", "turn": "a private word"}).encode()
    with pytest.raises(ProtocolError) as caught:
        wire.decode_command(line)
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_no_repr_shows_a_persons_words() -> None:
    values: list[object] = [
        Generate(GenerateRequest(TURN, (Message(Role.USER, "SECRET", "SECRET"),))),
        Assess(TURN, (Message(Role.USER, "SECRET"),)),
        Review(TURN, 0, "SECRET", "SECRET", "SECRET"),
        Delta(TURN, "SECRET"),
        Load(HostedModel("owner/name", "SECRET")),
    ]
    for value in values:
        assert "SECRET" not in repr(value)


def test_fields_of_unions_other_than_models_are_checked() -> None:
    line = b'{"v": 1, "type": "Failed", "turn": 0, "fault": "engine_bug", "details": {"a": null}}'
    with pytest.raises(ProtocolError):
        wire.decode_event(line)
