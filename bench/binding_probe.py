"""Speed of the binding's create_chat_completion: JSON with written, in tokens a second.

Depth and length are near those of the other two: a message of some 256 tokens, 64 written.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from theragen_core import hardware

MESSAGE = "Please write a long story about a walk by the sea. " + "We walked on and on. " * 40


def main() -> None:
    import llama_cpp  # the whole of it, as others use it

    _forbid_amx(llama_cpp.llama_cpp)
    threads = hardware.probe().cores
    model: Any = llama_cpp.Llama(
        sys.argv[1],
        n_ctx=2048,
        n_batch=256,
        n_ubatch=256,
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )
    print(json.dumps({"written": _speed(model)}))


def _forbid_amx(functions: Any) -> None:
    """Its code crashes on some virtual machines (engines/llama.py); the class has no option."""
    if not hardware.has_amx():
        return
    defaults = functions.llama_model_default_params

    def without() -> Any:
        params = defaults()
        params.use_extra_bufts = False
        return params

    functions.llama_model_default_params = without


def _speed(model: Any) -> float:
    for seed in range(50):
        times = []
        for _ in model.create_chat_completion(
            [{"role": "user", "content": MESSAGE}], max_tokens=65, stream=True, seed=seed
        ):
            times.append(time.perf_counter())
        if len(times) > 50:  # shorter ones say little about speed
            return (len(times) - 3) / (times[-2] - times[1])  # the first and last hold no token
    raise SystemExit("no reply was long enough")


if __name__ == "__main__":
    main()
