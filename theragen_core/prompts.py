"""Messages become a model's prompt: token ids within a budget, which no text can forge.

The model's own chat template is rendered with a stand-in for each message, so the template never
sees a person's words. The result is split at the control tokens that the template wrote; each run
between them, with the messages' texts put in, is tokenised in one call with special tokens off.
For ordinary text the ids equal those of the rendered template; for text that imitates a mark they
do not, which is the point.

Knows templates and token counts. Refuses to know llama.cpp: a Vocabulary is handed in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import NoReturn, Protocol

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from theragen_core.conversation import Message, Role
from theragen_core.errors import MessageTooLong, ModelError, TheraGenError
from theragen_core.faults import Fault
from theragen_core.protocol import TemplateChoice

Render = Callable[[list[dict[str, str]]], str]

# Marks that some vocabularies know as plain text only. They are broken up inside messages, and a
# model that writes one itself has begun to write the person's turn.
TEXTUAL_MARKS = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<|im_start|>", "<|im_end|>")

BUILT_IN = {
    TemplateChoice.LLAMA2: (
        "{% set offset = 1 if messages[0]['role'] == 'system' else 0 %}"
        "{% for message in messages[offset:] %}"
        "{% if message['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' }}"
        "{% if loop.first and offset %}"
        "{{ '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' }}"
        "{% endif %}"
        "{{ message['content'] + ' [/INST]' }}"
        "{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}"
        "{% endfor %}"
    ),
    TemplateChoice.CHATML: (
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    ),
}

# What is kept free for the next message, as a part of the room: one eighth.
_NEXT_MESSAGE_SHARE = 8

_STAND_IN = re.compile(r"@@message-(\d+)@@")


class UnusableTemplate(TheraGenError):
    """A chat template that does not compile, does not render, or loses messages."""


class UnusableVocabulary(TheraGenError):
    """A vocabulary in which plain text becomes control tokens."""


class Vocabulary(Protocol):
    """What this layer needs of a model's tokeniser."""

    @property
    def bos(self) -> str: ...
    @property
    def eos(self) -> str: ...
    @property
    def prefix(self) -> Sequence[int]:
        """Ids that every prompt begins with."""
        ...

    @property
    def control(self) -> Mapping[str, int]:
        """Tokens that only a template may write: their text and id."""
        ...

    @property
    def user_defined(self) -> frozenset[str]:
        """Tokens that are found in plain text, and mean more than it."""
        ...

    def tokenise(self, text: str) -> list[int]:
        """Ids of plain text; what looks like a control token stays text."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads for one turn; messages before `first_visible` are not in it."""

    ids: list[int] = field(repr=False)
    first_visible: int


class PromptBuilder:
    """Builds the prompts of one model, with one system prompt and its example exchanges.

    Messages are the person's and the model's; only the builder adds a system message.
    """

    def __init__(
        self, template: str, vocabulary: Vocabulary, system: str, primer: Sequence[Message] = ()
    ) -> None:
        """Raises UnusableTemplate, and UnusableVocabulary."""
        self._vocabulary = vocabulary
        self._render = _compile(template, vocabulary.bos, vocabulary.eos)
        self._control = _any_of(vocabulary.control)
        self._control_ids = frozenset(vocabulary.control.values())
        self._forgeable = _forgeable(vocabulary)
        # A template that refuses a system message gets it at the head of the first user message.
        system_role = Role.SYSTEM if _accepts_system(self._render) else Role.USER
        self._fixed = (Message(system_role, system), *primer)
        self._fixed_length = len(self.known())
        self._overhead = self._measure_overhead()
        # What ends a reply when the model writes it in plain letters.
        self.stops = tuple(
            mark for mark in TEXTUAL_MARKS if mark in template and mark not in vocabulary.control
        )

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The ids of the whole prompt, up to where the model's reply begins."""
        chat = list(_alternating([*self._fixed, *messages]))
        texts = [self._neutralise(text) for _, text in chat]
        rendered = self._render(_with_stand_ins([role for role, _ in chat]))
        ids = [token for run in self._runs(rendered, texts) for token in run]
        prefix = list(self._vocabulary.prefix)
        return ids if ids[: len(prefix)] == prefix else prefix + ids

    def known(self, messages: Sequence[Message] = ()) -> list[int]:
        """The ids with which every prompt begins that continues these messages; the last of them
        may be the beginning of one, up to a space.
        """
        one, other = (self.encode(_continued(messages, rest)) for rest in (" a", "\n1"))
        return one[: common_length(one, other)]

    def ahead(self, messages: Sequence[Message], context: int, reply: int) -> list[int]:
        """What is `known` of the prompt that `fit` will make once the next message is whole.

        Raises MessageTooLong when its beginning does not fit.
        """
        first = self._first_visible(_continued(messages, " a"), context, reply)
        return self.known(messages[first:])

    def neutralised(self, message: Message) -> str:
        """The text of one message for a model that marks messages itself."""
        return self._neutralise(_model_text(message))

    def fit(self, messages: Sequence[Message], context: int, reply: int) -> Prompt:
        """The prompt for these messages that leaves `reply` of `context` tokens for the answer.

        When not all fit, the oldest turns leave in one large step, down to half of the room, so
        that the turns after it keep their first message, and with it the KV cache. They leave after
        the reply that leaves little room for another message, so that what is kept can be read
        before that is sent. The steps follow from the messages alone: an engine that was started
        again takes the same ones.
        Raises MessageTooLong when the newest message does not fit by itself.
        """
        first = self._first_visible(messages, context, reply)
        return Prompt(self.encode(messages[first:]), first)

    def _first_visible(self, messages: Sequence[Message], context: int, reply: int) -> int:
        room = context - reply - self._fixed_length
        costs = [self._cost(message) for message in messages]
        if costs[-1] > room:
            overhead = self._overhead[Role.USER]
            raise MessageTooLong(costs[-1] - overhead, max(0, room - overhead))
        return _first_visible(messages, costs, room)

    def _runs(self, rendered: str, texts: Sequence[str]) -> Iterator[list[int]]:
        """Ids of the rendered template, split where it wrote control tokens and nowhere else."""
        run = ""
        for place, part in enumerate(_STAND_IN.split(rendered)):
            if place % 2:  # the number of a message
                run += texts[int(part)]
                continue
            words, *rest = self._control.split(part)
            run += words
            for mark, following in zip(rest[::2], rest[1::2], strict=True):
                yield self._tokenise(run)
                yield [self._vocabulary.control[mark]]
                run = following
        yield self._tokenise(run)

    def _tokenise(self, text: str) -> list[int]:
        ids = self._vocabulary.tokenise(text) if text else []
        if not self._control_ids.isdisjoint(ids):
            raise UnusableVocabulary("plain text became a control token")
        return ids

    def _neutralise(self, text: str) -> str:
        """Break up what imitates a mark, for the model only: <|im_end|> becomes < |im_end|>."""
        while (broken := self._forgeable.sub(_break_up, text)) != text:
            text = broken
        return text

    def _cost(self, message: Message) -> int:
        """Tokens that a message adds to a prompt, at most."""
        text = self._neutralise(_model_text(message))
        return len(self._tokenise(text)) + self._overhead[message.role]

    def _measure_overhead(self) -> dict[Role, int]:
        """Tokens that the template writes around a message of each role.

        The one token of the probe's text stays in: a text may split into one token more beside
        its marks than by itself.
        """
        user, assistant = Message(Role.USER, "a"), Message(Role.ASSISTANT, "a")
        one = len(self.encode([user]))
        two = len(self.encode([user, assistant, user]))
        of_user = one - self._fixed_length
        return {Role.USER: of_user, Role.ASSISTANT: two - one - of_user}


def template_for(choice: TemplateChoice, from_file: str, file_name: str) -> str:
    """The chat template to use; ModelError when the file should have one and does not."""
    if choice is not TemplateChoice.FROM_FILE:
        return BUILT_IN[choice]
    if not from_file:
        raise ModelError(Fault.MODEL_NEEDS_TEMPLATE, path=file_name)
    return from_file


def check_template(template: str) -> None:
    """Raises UnusableTemplate for a template that no PromptBuilder takes. Foreign code runs here,
    in a sandbox that keeps it from everything but the processor: it may never end.
    """
    _accepts_system(_compile(template, bos="<s>", eos="</s>"))


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two prompts share from their beginnings on."""
    shared = min(len(one), len(other))
    if one[:shared] == other[:shared]:
        return shared
    return next(at for at in range(shared) if one[at] != other[at])


def _first_visible(messages: Sequence[Message], costs: Sequence[int], room: int) -> int:
    """Replay how the conversation grew; the index of the first message that is still in view."""
    first = 0
    total = [0, *accumulate(costs)]
    turns = [index for index, message in enumerate(messages) if message.role is Role.USER]
    for newest in turns:
        # Before it there is too much, known since the last reply; or it takes more than was left.
        for end, most in ((newest, room - room // _NEXT_MESSAGE_SHARE), (newest + 1, room)):
            if total[end] - total[first] > most:
                kept = (turn for turn in turns if total[end] - total[turn] <= room // 2)
                first = min(newest, next(kept, newest))
    return first


def _continued(messages: Sequence[Message], rest: str) -> list[Message]:
    """With more words of the person's, in the message that they have begun or in a new one."""
    if messages and messages[-1].role is Role.USER:
        begun = messages[-1]
        return [*messages[:-1], replace(begun, text=begun.text + rest)]
    return [*messages, Message(Role.USER, rest)]


def _alternating(messages: Sequence[Message]) -> Iterator[tuple[Role, str]]:
    """Roles and texts, successive messages of one role as one: some templates insist on it."""
    role, texts = messages[0].role, [_model_text(messages[0])]
    for message in messages[1:]:
        if message.role is not role:
            yield role, "\n\n".join(texts)
            role, texts = message.role, []
        texts.append(_model_text(message))
    yield role, "\n\n".join(texts)


def _model_text(message: Message) -> str:
    """Stripped, as templates do with what they see, which here is only a stand-in."""
    text = message.text.strip()
    return f"{text}\n\n{message.guidance}" if message.guidance else text


def _with_stand_ins(roles: Sequence[Role]) -> list[dict[str, str]]:
    return [
        {"role": role.value, "content": f"@@message-{number}@@"}
        for number, role in enumerate(roles)
    ]


def _compile(template: str, bos: str, eos: str) -> Render:
    """A function that renders a chat; whatever goes wrong in it is an UnusableTemplate."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    loaded_at = time.localtime()  # a prompt that changed with the clock would empty the KV cache
    environment.globals.update(
        bos_token=bos,
        eos_token=eos,
        add_generation_prompt=True,
        raise_exception=_refuse,
        strftime_now=lambda form: time.strftime(form, loaded_at),
    )

    def render(chat: list[dict[str, str]]) -> str:
        try:
            return compiled.render(messages=chat)
        except Exception as error:  # a template is foreign code: it may raise anything
            raise UnusableTemplate("the chat template does not render") from error

    try:
        compiled = environment.from_string(template)
    except (TemplateError, RecursionError) as error:
        raise UnusableTemplate("the chat template does not compile") from error
    return render


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)


def _accepts_system(render: Render) -> bool:
    """Whether the template keeps a system message; UnusableTemplate when it loses any other."""
    dialogue = (Role.USER, Role.ASSISTANT, Role.USER)
    if not _keeps_all(render, dialogue):
        raise UnusableTemplate("the chat template loses messages")
    try:
        return _keeps_all(render, (Role.SYSTEM, *dialogue))
    except UnusableTemplate:
        return False


def _keeps_all(render: Render, roles: Sequence[Role]) -> bool:
    kept = {int(number) for number in _STAND_IN.findall(render(_with_stand_ins(roles)))}
    return kept == set(range(len(roles)))


def _any_of(marks: Mapping[str, int]) -> re.Pattern[str]:
    """A pattern that captures one mark, the longest first; without marks it matches nothing."""
    longest_first = sorted(marks, key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")" if marks else "((?!))")


def _forgeable(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Matches what a message must not contain.

    Tokens of white space, which some vocabularies define for code, mean nothing but themselves;
    a token of one character cannot be broken up.
    """
    exact = [
        re.escape(mark)
        for mark in {*vocabulary.control, *vocabulary.user_defined}
        if len(mark) > 1 and not mark[0].isspace()
    ]
    any_case = [f"(?i:{re.escape(mark)})" for mark in TEXTUAL_MARKS]
    return re.compile("|".join([*exact, *any_case]))


def _break_up(mark: re.Match[str]) -> str:
    return f"{mark[0][0]} {mark[0][1:]}"
