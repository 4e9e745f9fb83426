"""Thousands of turns in one window and one host: neither grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import mean

import psutil
import pytest

from tests.e2e.conftest import Person
from tests.soak.conftest import LONG, Ear
from theragen_core.model_profile import starter_path
from theragen_core.protocol import EchoModel, Finished, LocalModel, ModelSpec, SamplingOptions

TURNS_OF_A_CONVERSATION = 10
SAID = ("I had a long week at work.", "My manager changed again.", "I slept well, at least.")
MIB = 2**20


@dataclass
class Meter:
    """Resident memory and descriptors of one process, after each conversation."""

    process: psutil.Process
    memory: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def read(self) -> None:
        self.memory.append(self.process.memory_info().rss / MIB)
        self.descriptors.append(self.process.num_fds())

    def grown_mib(self) -> float:
        """From the second quarter to the last; in the first, caches fill."""
        quarter = len(self.memory) // 4
        return mean(self.memory[-quarter:]) - mean(self.memory[quarter : 2 * quarter])

    def more_descriptors(self) -> int:
        quarter = len(self.descriptors) // 4
        return max(self.descriptors[-quarter:]) - max(self.descriptors[:quarter])


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts POSIX descriptors")
@pytest.mark.parametrize(
    ("model", "turns", "bound_mib"),
    [
        (EchoModel(), 120, 4),
        pytest.param(EchoModel(), 2000, 4, marks=LONG),
        pytest.param(LocalModel(starter_path()), 500, 4, marks=LONG),
    ],
    ids=["echo-120", "echo-2000", "starter-500"],
)
def test_nothing_grows_with_the_turns(
    person: Person, model: ModelSpec, turns: int, bound_mib: int
) -> None:
    app = person.app
    app.session.options = SamplingOptions(temperature=0.0, max_tokens=4)
    app.presenter.start_model(model)
    person.waits_until(lambda: app.presenter.model_loaded)
    host = app.engine.process_id
    ear, meters = Ear(app.engine), (Meter(psutil.Process()), Meter(psutil.Process(host)))
    for turn in range(turns):
        if turn % TURNS_OF_A_CONVERSATION == 0:
            for meter in meters if turn else ():
                meter.read()
            ear.clear()
            app.presenter.start_over()
        person.window.composer.submitted.emit(SAID[turn % len(SAID)])
        person.waits_until(lambda: not app.session.busy)
        if turn % 200 == 199:
            print(
                f"{turn + 1} of {turns}: {[round(m.memory[-1], 1) for m in meters]} MiB", flush=True
            )
    assert isinstance(ear.newest(Finished), Finished)
    assert app.engine.process_id == host
    print("grown by", [round(meter.grown_mib(), 2) for meter in meters], "MiB", flush=True)
    for meter in meters:
        assert meter.more_descriptors() <= 0
        assert meter.grown_mib() < bound_mib
