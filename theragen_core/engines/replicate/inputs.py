"""From a conversation to the input of a rented model, by what the model's own schema asks for.

Only keys of the schema are sent, within its limits. A model that takes messages gets messages; any
other gets one text with the marks of its family (LLaMA-2 unless it says otherwise), made here by
the same builder that local models use. What a message says in imitation of a mark is broken up in
both cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from theragen_core import resources
from theragen_core.conversation import Message, Role
from theragen_core.errors import CloudError, MessageTooLong
from theragen_core.faults import Fault
from theragen_core.prompts import BUILT_IN, TEXTUAL_MARKS, PromptBuilder
from theragen_core.protocol import GenerateRequest, TemplateChoice

CHARACTERS = 3  # of a token, or a little more; the tokeniser is not here to ask

_LLAMA3 = (
    "{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    "{{ message['content'] + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
_MARKS = frozenset({
    "<s>", "</s>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>",
    "<|start_header_id|>", "<|end_header_id|>",
})  # fmt: skip

_TEMPERATURE = ("temperature",)
_LENGTH = ("max_new_tokens", "max_tokens", "max_length", "max_output_tokens")
_SYSTEM = "system_prompt"
_NO_SYSTEM = "-"  # stands where the server will put it, and is cut away with what is before it


@dataclass(frozen=True, slots=True)
class Family:
    """How a family of models marks messages, and how many tokens it reads."""

    template: str
    first: str  # ends right before the first message
    last: str  # follows the last one
    context: int


LLAMA2 = Family(BUILT_IN[TemplateChoice.LLAMA2], "<</SYS>>\n\n", " [/INST]", 4096)
LLAMA3 = Family(
    _LLAMA3,
    "<|start_header_id|>user<|end_header_id|>\n\n",
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    8192,
)
CHATML = Family(
    BUILT_IN[TemplateChoice.CHATML],
    "<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
    4096,
)


@dataclass(frozen=True, slots=True)
class Input:
    """What is sent; messages before `first_visible` are not in it. `tokens` is an estimate."""

    values: dict[str, Any] = field(repr=False)
    first_visible: int
    tokens: int


class InputBuilder:
    """Builds the input of one model. Raises CloudError for one that is no chat model."""

    def __init__(self, schema: Mapping[str, Any], name: str) -> None:
        self._keys = _properties(schema)
        if not {"prompt", "messages"} & self._keys.keys() or _asks_for_more(schema, self._keys):
            raise CloudError(Fault.CLOUD_WRONG_KIND, name=name)
        profile = resources.read_json("hosted.json")
        self._system = resources.prompt(profile["system_prompt"])
        self._sampling = profile["sampling"]
        self._max_tokens: int = profile["max_tokens"]
        self._family = _family(self._keys, name)
        self.context = self._family.context
        # Where the server writes the system prompt itself, none of ours stands in the text.
        self._split = _SYSTEM in self._keys and "prompt_template" not in self._keys
        system = _NO_SYSTEM if self._split else self._system
        self._builder = PromptBuilder(self._family.template, _Letters(), system)
        self.stops = tuple({*TEXTUAL_MARKS, *_MARKS})

    def build(self, request: GenerateRequest) -> Input:
        """Raises MessageTooLong, in tokens as estimated, when the newest message does not fit."""
        reply = request.options.max_tokens or self._max_tokens
        fixed = len(self._system) if self._split or "messages" in self._keys else 0
        room = self.context * CHARACTERS - fixed
        try:
            prompt = self._builder.fit(request.messages, room, reply * CHARACTERS)
        except MessageTooLong as error:
            estimate = -(-error.tokens // CHARACTERS)
            raise MessageTooLong(estimate, error.limit // CHARACTERS) from None
        values = self._sampling_values(request, reply)
        visible = request.messages[prompt.first_visible :]
        if "messages" in self._keys:
            values["messages"] = self._messages(visible)
            if _SYSTEM in self._keys:
                values[_SYSTEM] = self._system
        else:
            values.update(self._text("".join(map(chr, prompt.ids)), visible))
        return Input(values, prompt.first_visible, (len(prompt.ids) + fixed) // CHARACTERS)

    def _text(self, prompt: str, visible: Sequence[Message]) -> dict[str, Any]:
        if self._split:
            return {"prompt": self._between_marks(visible), _SYSTEM: self._system}
        values = {"prompt": prompt.removeprefix("<s>")}  # the server writes this one itself
        if "prompt_template" in self._keys:
            values["prompt_template"] = "{prompt}"
        if _SYSTEM in self._keys:
            values[_SYSTEM] = ""
        return values

    def _between_marks(self, visible: Sequence[Message]) -> str:
        """All turns, without the marks that the server puts before the first and after the last."""
        whole = "".join(map(chr, self._builder.encode(visible)))
        start = whole.index(self._family.first) + len(self._family.first)
        return whole[start:].removesuffix(self._family.last)

    def _messages(self, visible: Sequence[Message]) -> Any:
        chat = [{"role": Role.SYSTEM.value, "content": self._system}]
        if _SYSTEM in self._keys:
            chat = []
        for message in visible:
            content = self._builder.neutralised(message)
            if chat and chat[-1]["role"] == message.role.value:
                chat[-1]["content"] += "\n\n" + content
            else:
                chat.append({"role": message.role.value, "content": content})
        return chat if self._keys["messages"].get("type") == "array" else json.dumps(chat)

    def _sampling_values(self, request: GenerateRequest, reply: int) -> dict[str, Any]:
        options = request.options
        temperature = options.temperature
        if temperature is None:
            temperature = self._sampling["temperature"]
        wanted: dict[str, float] = {"top_p": self._sampling["top_p"], "seed": options.seed}
        wanted |= dict.fromkeys(_TEMPERATURE, temperature)
        wanted |= {key: reply for key in _LENGTH if key in self._keys}
        return {
            key: _within(self._keys[key], value)
            for key, value in wanted.items()
            if key in self._keys and _is_number(self._keys[key])
        }


class _Letters:
    """A vocabulary of letters: what the builder makes can be read as text again."""

    bos, eos = "<s>", "</s>"
    prefix: Sequence[int] = ()
    control: Mapping[str, int] = {}
    user_defined = _MARKS

    def tokenise(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


def _properties(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        found = schema["components"]["schemas"]["Input"]["properties"]
        return {key: dict(value) for key, value in found.items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def _asks_for_more(schema: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Whether it cannot do without something that a conversation does not have."""
    required = schema["components"]["schemas"]["Input"].get("required", [])
    ours = {"prompt", "messages", _SYSTEM, "prompt_template", "top_p", "seed"}
    known = ours.union(_TEMPERATURE, _LENGTH)
    return any(key not in known and "default" not in keys.get(key, {}) for key in required)


def _family(keys: Mapping[str, dict[str, Any]], name: str) -> Family:
    template = str(keys.get("prompt_template", {}).get("default", ""))
    if "<|start_header_id|>" in template or re.search(r"llama-?3", name.lower()):
        return LLAMA3
    return CHATML if "<|im_start|>" in template else LLAMA2


def _is_number(key: Mapping[str, Any]) -> bool:
    return key.get("type") in ("number", "integer")


def _within(key: Mapping[str, Any], value: float) -> float:
    """The value, moved into the limits of the schema."""
    least, most = key.get("minimum"), key.get("maximum")
    if isinstance(least, int | float):
        value = max(value, least)
    if isinstance(most, int | float):
        value = min(value, most)
    return int(value) if key["type"] == "integer" else value
