"""Harmed model files in the real window: each loads or is refused in plain words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import Person
from tests.soak.conftest import LONG, Ear
from tests.support import gguf_mutants
from tests.support.gguf_mutants import Mutant
from tests.support.host_process import generate
from theragen_core.faults import Fault
from theragen_core.protocol import (
    Failed,
    Finished,
    Load,
    Loaded,
    LocalModel,
    Refused,
    SamplingOptions,
)
from theragen_core.resources import fault_text

HANG_MS = 30_000
BARELY = SamplingOptions(0.0, 2, seed=1)


class Trial:
    """Loads one file after another into one host, and asks each model that loads for a word."""

    def __init__(self, person: Person, folder: Path) -> None:
        self._person = person
        self._path = folder / "harmed.gguf"
        self._ear = Ear(person.app.engine)
        self._turn = 0
        # Answers carry no mark of the file they are about: the window's own model goes first.
        person.waits_until(lambda: person.app.presenter.model_loaded)

    def of(self, mutant: Mutant) -> str:
        """What came of it: loaded, a fault's name, or died. A hang fails the test."""
        app, ear = self._person.app, self._ear
        load = Load(LocalModel(mutant.write(self._path)))
        app.presenter.model_loaded = False
        self._person.window.clear_fault()
        ear.clear()
        app.engine.send(load) if app.engine.alive else app.engine.start(load)
        self._person.waits_until(ear.heard(Loaded, Failed), HANG_MS)
        if ear.newest(Loaded):
            self._turn += 1
            app.engine.send(generate(self._turn, "Good morning.", options=BARELY))
            self._person.waits_until(ear.heard(Finished, Failed, Refused), HANG_MS)
        return self._outcome()

    def _outcome(self) -> str:
        shown, failed = self._person.fault(), self._ear.newest(Failed)
        assert self._person.window.isVisible()
        if self._ear.deaths:
            assert shown in {fault_text(fault) for fault in DEATHS}
            return "died"
        if isinstance(failed, Failed):
            assert failed.fault is not Fault.ENGINE_BUG
            assert failed.turn or shown == fault_text(failed.fault, failed.details)
            return str(failed.fault)
        return "loaded"


DEATHS = (Fault.ENGINE_DIED_LOADING, Fault.ENGINE_CRASHED, Fault.ENGINE_HUNG)


@pytest.mark.parametrize(
    ("base", "count"),
    [
        ("small", 56),
        ("starter", 4),
        pytest.param("small", 700, marks=LONG),
        pytest.param("starter", 300, marks=LONG),
    ],
)
def test_a_harmed_file_is_no_harm(person: Person, tmp_path: Path, base: str, count: int) -> None:
    parts = gguf_mutants.small_base() if base == "small" else gguf_mutants.starter_base()
    trial, outcomes = Trial(person, tmp_path), Counter[str]()
    for seed in range(count):
        mutant = gguf_mutants.mutant(parts, seed)
        outcome = trial.of(mutant)
        outcomes[outcome] += 1
        if outcome == "died":
            print(f"{base} {seed}: {mutant.harm} ended the host", flush=True)
        if seed % 50 == 49:
            print(f"{base}: {seed + 1} of {count}: {dict(outcomes)}", flush=True)
    assert outcomes["loaded"] > 0
    assert outcomes[Fault.MODEL_DAMAGED] > 0
